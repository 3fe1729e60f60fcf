#include "control/plan_book.h"

#include <algorithm>
#include <utility>

namespace marea::control {

namespace msg = net::msg;

void PlanBook::set(const base::ServiceName& service, std::vector<model::RevisionPlan> plans) {
  const auto have = plans_.find(service);
  if (have == plans_.end() ? plans.empty() : have->second == plans) return;
  changed_ = true;
  if (plans.empty()) {
    plans_.erase(have);
  } else {
    plans_[service] = std::move(plans);
  }
}

void PlanBook::publish(const Send& send) {
  changed_ = false;
  ++number_;
  for (const auto& [service, plans] : plans_) {
    for (const model::RevisionPlan& plan : plans) send(msg::PlanRevision{.number = number_, .plan = plan});
  }
  send(msg::PlanCommit{.number = number_, .grants_for = kGrantsFor});
}

const model::RevisionPlan* PlanBook::plan_of(const base::ServiceName& service,
                                             const base::RevisionName& revision) const {
  const auto have = plans_.find(service);
  if (have == plans_.end()) return nullptr;
  const auto found = std::ranges::find_if(
      have->second, [&](const model::RevisionPlan& plan) { return plan.revision.name == revision; });
  return found == have->second.end() ? nullptr : &*found;
}

}  // namespace marea::control
