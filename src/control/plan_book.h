// The plan by service, sent whole whenever it changed, because the newest plan is the whole truth. Pure: whoever owns a
// link to the engine sends what publish() gives (control/engine_port.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "net/messages.h"

namespace marea::control {

// While control is away, router starts instances by the last plan. As long as a mishap may go unnoticed and a person
// needs to mend it, a holiday included; but a plan that nobody stands for any more does not start instances for ever.
inline constexpr base::Duration kGrantsFor = std::chrono::days(30);

class PlanBook {
 public:
  using Send = std::function<void(const net::ControlToEngine&)>;
  // Plan numbers start above first_number, which must grow over restarts of control.
  explicit PlanBook(std::uint64_t first_number) : number_(first_number) {}

  void set(const base::ServiceName& service, std::vector<model::RevisionPlan> plans);
  // A new engine knows nothing.
  void forget_sent() { changed_ = true; }
  bool changed() const { return changed_; }
  void publish(const Send& send);

  // The plan of that revision, or null.
  const model::RevisionPlan* plan_of(const base::ServiceName& service, const base::RevisionName& revision) const;

 private:
  std::uint64_t number_;
  std::map<base::ServiceName, std::vector<model::RevisionPlan>> plans_;
  bool changed_ = true;
};

}  // namespace marea::control
