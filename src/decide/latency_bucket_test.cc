#include "decide/latency_bucket.h"

#include <gtest/gtest.h>

#include "model/release_counts.h"

namespace marea::decide {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(LatencyBucket, an_edge_belongs_to_the_bucket_below_it) {
  EXPECT_EQ(latency_bucket(milliseconds(1)), 40U);
  EXPECT_EQ(latency_bucket(milliseconds(1) + nanoseconds(1)), 41U);
  EXPECT_EQ(latency_bucket(microseconds(1150)), 45U);
  EXPECT_EQ(latency_bucket(microseconds(1150) + nanoseconds(1)), 46U);
}

TEST(LatencyBucket, what_is_shorter_or_longer_than_all_edges_is_in_the_outermost) {
  EXPECT_EQ(latency_bucket(nanoseconds(0)), 0U);
  EXPECT_EQ(latency_bucket(nanoseconds(-1)), 0U);
  EXPECT_EQ(latency_bucket(hours(100)), model::kLatencyBuckets - 1);
}

TEST(LatencyBucket, fifteen_percent_more_are_five_buckets_more) {
  for (nanoseconds latency = microseconds(3); latency < std::chrono::minutes(5); latency += latency / 3) {
    const nanoseconds more(static_cast<std::int64_t>(static_cast<double>(latency.count()) * 1.15));
    const std::size_t bucket = latency_bucket(latency);
    if (bucket == 0) continue;
    EXPECT_NEAR(static_cast<double>(latency_bucket(more)), static_cast<double>(bucket + 5), 1.0) << latency.count();
  }
}

}  // namespace
}  // namespace marea::decide
