// Which line of a service's history a request belongs to. Router takes new routes up within milliseconds of their line,
// and until it confirmed them a request may still have gone by the line before; the revision that served it tells.
// Pure.
#pragma once

#include <cstdint>
#include <span>

#include "model/timeline.h"

namespace marea::control {

// `lines`: oldest first, none later than `unix_ns`. Null: there is none. `revision` may be empty: it came to none.
const model::TimelineLine* line_of_request(std::span<const model::TimelineLine> lines, std::int64_t unix_ns,
                                           const base::RevisionName& revision);

// The line that asked for the revision: who deployed it, and why. Null: it is not among them.
const model::TimelineLine* deploy_of(std::span<const model::TimelineLine> lines, const base::RevisionName& revision);

}  // namespace marea::control
