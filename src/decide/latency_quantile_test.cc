#include "decide/latency_quantile.h"

#include <gtest/gtest.h>

#include "decide/latency_bucket.h"

namespace marea::decide {
namespace {

using std::chrono::milliseconds;

model::LatencyShape shape_of(const std::vector<base::Duration>& latencies) {
  model::LatencyShape out;
  out.buckets.resize(model::kLatencyBuckets);
  for (const base::Duration each : latencies) ++out.buckets.at(latency_bucket(each));
  return out;
}

TEST(LatencyQuantile, of_nothing_there_is_none) {
  EXPECT_EQ(latency_quantile({}, 0.5), std::nullopt);
  EXPECT_EQ(latency_quantile(shape_of({}), 0.5), std::nullopt);
}

TEST(LatencyQuantile, is_the_edge_above_and_at_most_three_percent_too_much) {
  std::vector<base::Duration> latencies;
  for (int i = 1; i <= 100; ++i) latencies.emplace_back(milliseconds(i));
  const model::LatencyShape shape = shape_of(latencies);
  EXPECT_EQ(observations_of(shape), 100U);
  for (const int percent : {1, 50, 95, 99, 100}) {
    const base::Duration found = *latency_quantile(shape, percent / 100.0);
    const base::Duration exact = milliseconds(percent);
    EXPECT_GE(found, exact - base::Duration(1)) << percent << ": an edge is cut to whole nanoseconds";
    EXPECT_LE(static_cast<double>(found.count()), static_cast<double>(exact.count()) * 1.029) << percent;
  }
}

TEST(LatencyQuantile, beyond_the_histogram_is_its_last_edge) {
  const model::LatencyShape shape = shape_of({milliseconds(1), std::chrono::hours(100)});
  EXPECT_EQ(*latency_quantile(shape, 1), latency_edge(model::kLatencyBuckets - 2));
  EXPECT_EQ(latency_edge(model::kLatencyBuckets - 1), latency_edge(model::kLatencyBuckets - 2));
}

TEST(LatencyQuantile, an_edge_belongs_to_its_own_bucket) {
  for (std::size_t bucket = 0; bucket + 1 < model::kLatencyBuckets; ++bucket) {
    EXPECT_EQ(latency_bucket(latency_edge(bucket)), bucket);
    EXPECT_EQ(latency_bucket(latency_edge(bucket) + base::Duration(1)), bucket + 1);
  }
}

}  // namespace
}  // namespace marea::decide
