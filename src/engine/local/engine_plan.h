// control's plan as it arrives: one message per revision, then the commit that makes it whole. engine trusts no
// message: what is not plausible is refused here, and a revision whose new plan is refused keeps its last one, so that
// a mistake of control stops nothing that serves. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/strong_id.h"
#include "model/plan.h"
#include "net/messages.h"

namespace marea::engine::local {

inline constexpr std::size_t kMostPlannedRevisions = 50'000;  // five for each of 10,000 services

inline constexpr base::Duration kMostGrant =
    std::chrono::days(365);  // more is a mistake, and no sum of times overflows

// Why a plan for a revision cannot be followed; empty: it can.
std::string fault_in(const model::RevisionPlan& plan);

class PlanInbox {
 public:
  // Returns the fault, if any.
  std::string take(const net::msg::PlanRevision& message);
  // The whole plan; nothing when it is older than the last one.
  std::optional<model::Plan> commit(const net::msg::PlanCommit& message);
  // The last plan of an earlier engine.
  void restore(const model::Plan& plan);
  // A new link: another control may count from elsewhere.
  void restart();

 private:
  std::uint64_t committed_ = 0;
  std::uint64_t staged_number_ = 0;
  std::map<base::RevisionName, model::RevisionPlan> staged_;
  std::map<base::RevisionName, model::RevisionPlan> last_;
};

}  // namespace marea::engine::local
