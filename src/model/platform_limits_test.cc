#include "model/platform_limits.h"

#include <gtest/gtest.h>

namespace marea::model {
namespace {

TEST(PlatformLimits, every_limit_has_its_row_in_its_place_and_a_default_within_its_bounds) {
  for (std::size_t i = 0; i < kLimits; ++i) {
    const LimitRow& row = limit_rows().at(i);
    EXPECT_EQ(static_cast<std::size_t>(row.limit), i) << row.name;
    EXPECT_GE(row.value, row.least) << row.name;
    EXPECT_LE(row.value, row.most) << row.name;
  }
}

TEST(PlatformLimits, values_are_read_in_their_units_and_printed_so_that_they_are_read_again) {
  const auto limits =
      parse_limits({"queue-requests=7", "queue-bytes=2Mi", "idle-time=5m", "memory-reserve=20%", "queue-requests=8"});
  ASSERT_TRUE(limits);
  EXPECT_EQ((*limits)[Limit::queue_requests], 8);
  EXPECT_EQ((*limits)[Limit::queue_bytes], 2 << 20);
  EXPECT_EQ(limits->time(Limit::idle_time), std::chrono::minutes(5));
  EXPECT_EQ((*limits)[Limit::memory_reserve], 20);
  EXPECT_EQ(parse_limits(print_limits(*limits)), *limits);
  EXPECT_TRUE(print_limits(PlatformLimits()).empty());
}

TEST(PlatformLimits, all_faults_are_told_at_once) {
  const auto limits =
      parse_limits({"queue-request=7", "idle-time=soon", "connections", "head-time=0", "client-rate=3"});
  ASSERT_FALSE(limits);
  ASSERT_EQ(limits.error().size(), 5U);
  EXPECT_NE(limits.error()[0].find("did you mean queue-requests?"), std::string::npos) << limits.error()[0];
  EXPECT_EQ(limits.error()[1], "idle-time must be 1s to 3600s, is \"soon\"");
  EXPECT_EQ(limits.error()[2], "\"connections\" must be NAME=VALUE");
  EXPECT_EQ(limits.error()[3], "head-time must be 1s to 300s, is \"0\"");
}

TEST(PlatformLimits, no_queue_is_larger_than_all_queues) {
  EXPECT_FALSE(parse_limits({"queue-bytes=512Mi"}));
  EXPECT_TRUE(parse_limits({"queue-bytes=512Mi", "total-queue-bytes=1Gi"}));
  EXPECT_EQ((*parse_limits({"connections=100"}))[Limit::connections_per_client], 100);
}

}  // namespace
}  // namespace marea::model
