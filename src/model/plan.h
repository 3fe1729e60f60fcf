// What control wants of an engine: per revision how many instances, and within which bounds. Declarative and
// idempotent: the newest plan is the whole truth; what it does not name is to be drained and stopped.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "model/reason.h"
#include "model/revision.h"

namespace marea::model {

struct RevisionPlan {
  Revision revision;
  int min = 0;
  int max = 0;                   // grant: how many the router may ask for directly; 0 drains the revision
  int wanted = 0;                // control's own wish now (a deploy check, min scale); engine runs at least this many
  Reason reason = Reason::none;  // of `wanted`
  friend bool operator==(const RevisionPlan&, const RevisionPlan&) = default;
};

struct Plan {
  std::uint64_t number = 0;  // grows with each plan; engine ignores older ones
  // How long router may ask for instances by it without control: the grants end so long after the plan's coming or,
  // when that is later, after control was last there.
  base::Duration grants_for{};
  std::vector<RevisionPlan> revisions;
  friend bool operator==(const Plan&, const Plan&) = default;
};

}  // namespace marea::model
