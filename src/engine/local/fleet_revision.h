// One revision in the fleet's books: what is wanted of it and how its starts go.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/strong_id.h"
#include "model/reason.h"
#include "model/revision.h"

namespace marea::engine::local {

// What a start waits for though there is room.
enum class HeldBack : std::uint8_t { no, by_starts, by_cpus };

struct FleetRevision {
  std::shared_ptr<const model::Revision> revision;
  std::vector<base::InstanceId> members;  // all that have not ended, oldest first

  // control's plan
  int min = 0;
  int max = 0;
  int wanted = 0;
  model::Reason reason = model::Reason::none;

  // router's wish: met once as many serve, and void after a failed start or a while; router asks again while it lasts.
  int demand = 0;
  base::Instant demand_until{};
  model::Reason demand_reason = model::Reason::none;

  // Failed starts: nothing at all is started before retry_at.
  int failures = 0;
  base::Backoff backoff{{.first = std::chrono::seconds(1), .most = std::chrono::seconds(60)}};
  base::Instant retry_at{};
  model::Reason failure = model::Reason::none;
  std::string failure_detail;

  // Crashes soon after readiness, and a full machine: what only the plan wants waits until rest_until; a request does
  // not.
  base::Backoff rest{{.first = std::chrono::seconds(1), .most = std::chrono::seconds(60)}};
  base::Instant rest_until{};
  bool short_of_room = false;
  HeldBack held_back = HeldBack::no;  // until starts that are under way are done, or it uses less of the CPUs

  // CPU time of its instances, as far as somebody looked while it was held back.
  base::Duration cpu{};
  base::Instant cpu_at{};
  int cpu_permille = 0;  // of all CPUs, between the last two looks

  base::Instant settled_at{};  // when what is there was last compared with what is wanted

  int own_wish() const { return std::min(max, std::max(min, wanted)); }
};

}  // namespace marea::engine::local
