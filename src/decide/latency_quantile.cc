#include "decide/latency_quantile.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "decide/latency_bucket.h"

namespace marea::decide {

std::uint64_t observations_of(const model::LatencyShape& shape) {
  return std::accumulate(shape.buckets.begin(), shape.buckets.end(), std::uint64_t{0});
}

std::optional<base::Duration> latency_quantile(const model::LatencyShape& shape, double quantile) {
  const std::uint64_t all = observations_of(shape);
  if (all == 0) return std::nullopt;
  const auto share = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(all)));
  const std::uint64_t wanted = std::clamp<std::uint64_t>(share, 1, all);
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  while ((below += shape.buckets[bucket]) < wanted) ++bucket;
  return latency_edge(bucket);
}

}  // namespace marea::decide
