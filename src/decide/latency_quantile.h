// What a shape of latencies says to people: "95 of 100 keys were answered within …". Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "model/release_counts.h"

namespace marea::decide {

std::uint64_t observations_of(const model::LatencyShape& shape);

// The upper edge of the bucket in which the share `quantile`, in (0, 1], of the observations is reached: at most 2.9 %
// more than the latency itself (1.15^(1/5)). Of the last bucket, which has no upper edge, its lower one. Nothing: there
// is no observation.
std::optional<base::Duration> latency_quantile(const model::LatencyShape& shape, double quantile);

}  // namespace marea::decide
