// Which bucket of model::LatencyShape a latency belongs to.
#pragma once

#include <cstddef>

#include "base/clock.h"

namespace marea::decide {

// 0 … model::kLatencyBuckets - 1.
std::size_t latency_bucket(base::Duration latency);

}  // namespace marea::decide
