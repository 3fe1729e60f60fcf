// Which bucket of model::LatencyShape a latency belongs to, and where a bucket ends.
#pragma once

#include <cstddef>

#include "base/clock.h"

namespace marea::decide {

// 0 … model::kLatencyBuckets - 1.
std::size_t latency_bucket(base::Duration latency);

// The longest latency of the bucket; of the last one, which has none, that of the one before.
base::Duration latency_edge(std::size_t bucket);

}  // namespace marea::decide
