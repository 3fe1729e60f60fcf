// One instance in the fleet's books: where it is between its sandbox's making and its end, and what is known of it.
// The fleet alone changes it; how it goes on is in fleet.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"
#include "model/instance.h"
#include "model/revision.h"

namespace marea::engine::local {

//   preparing → starting → running → draining → stopping → (ended: gone from the books)
// Any phase but the last may skip to stopping; any at all may end by itself.
enum class Phase {
  preparing,  // the sandbox is being made; router does not know of it
  starting,   // the app was started and router looks for it
  running,    // router found it ready
  draining,   // router gives it nothing new; requests may still be in it
  stopping,   // it was told to end
};

struct FleetInstance {
  base::InstanceId id;
  int slot = 0;
  std::shared_ptr<const model::Revision> revision;
  Phase phase = Phase::preparing;
  std::int64_t created_unix_ns = 0;
  base::Instant created{};
  std::int64_t since_unix_ns = 0;                 // in the state that was last reported
  std::optional<model::InstanceReport> reported;  // the last one that control got

  base::Instant deadline{};  // of the phase; Instant::max() where there is none
  bool opened = false;       // router was told of it
  bool app_started = false;
  bool was_ready = false;
  base::Instant ready_at{};
  std::optional<base::Instant> started_at;  // its app
  std::optional<base::Instant> stopped_at;  // when it was told to end
  std::uint64_t epoch = 0;                  // of its InstanceDrain

  base::Instant next_look = base::Instant::max();  // at its listening sockets, while it is silent
  std::optional<base::Instant> elsewhere_since;    // since when it was seen to listen only on a wrong place
  std::vector<model::ListeningSocket> listening;
  std::string hint;  // what that means, for people

  // Why it ends. `failed` decides between the final states failed and stopped.
  model::Reason reason = model::Reason::none;
  std::string detail;
  std::string container;  // the sidecar that was the cause; empty: the app, or none
  bool failed = false;

  // Whether requests may be in it or come to it: this is what a revision's maximum bounds.
  bool takes_requests() const { return phase != Phase::stopping; }
  // Whether it counts towards what is wanted.
  bool serving() const { return phase == Phase::preparing || phase == Phase::starting || phase == Phase::running; }
};

// The account that control gets. A final one is filled by the fleet from the sandbox's end.
model::InstanceReport report_of(const FleetInstance& instance);

}  // namespace marea::engine::local
