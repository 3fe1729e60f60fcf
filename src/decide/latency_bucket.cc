#include "decide/latency_bucket.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "model/release_counts.h"

namespace marea::decide {
namespace {

constexpr int kUnitBucket = 40;   // whose upper edge is 1 ms
constexpr double kGrowth = 1.15;  // of five edges
constexpr double kGrowthEdges = 5;
constexpr double kMillisecond = 1e6;  // in ns

// Upper edges in whole ns: of the last bucket none is needed.
std::array<std::int64_t, model::kLatencyBuckets - 1> edges() {
  std::array<std::int64_t, model::kLatencyBuckets - 1> out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double exponent = (static_cast<double>(i) - kUnitBucket) / kGrowthEdges;
    out.at(i) = static_cast<std::int64_t>(kMillisecond * std::pow(kGrowth, exponent));
  }
  return out;
}

const std::array<std::int64_t, model::kLatencyBuckets - 1>& all_edges() {
  static const auto kEdges = edges();
  return kEdges;
}

}  // namespace

std::size_t latency_bucket(base::Duration latency) {
  return static_cast<std::size_t>(std::ranges::lower_bound(all_edges(), latency.count()) - all_edges().begin());
}

base::Duration latency_edge(std::size_t bucket) {
  return base::Duration(all_edges().at(std::min(bucket, all_edges().size() - 1)));
}

}  // namespace marea::decide
