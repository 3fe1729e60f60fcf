#include "control/recent_requests.h"

#include <gtest/gtest.h>

namespace marea::control {
namespace {

base::Instant after(int minutes, int seconds = 0) {
  return base::Instant(std::chrono::minutes(minutes) + std::chrono::seconds(seconds));
}

TEST(RecentRequestsTest, an_hour_is_remembered_minute_by_minute) {
  RecentRequests recent;
  EXPECT_EQ(recent.count(after(0)), 0U);
  recent.take(1, after(0));
  recent.take(10, after(30));
  recent.take(100, after(59, 59));
  EXPECT_EQ(recent.count(after(59, 59)), 111U);
  EXPECT_EQ(recent.count(after(60)), 110U) << "the minute 0 is over an hour ago";
  EXPECT_EQ(recent.count(after(90)), 100U);
  EXPECT_EQ(recent.count(after(119)), 0U);
}

TEST(RecentRequestsTest, minutes_without_requests_and_long_silences_leave_nothing_old) {
  RecentRequests recent;
  recent.take(5, after(100'000));
  EXPECT_EQ(recent.count(after(100'000)), 5U);
  recent.take(7, after(100'060));
  EXPECT_EQ(recent.count(after(100'060)), 7U) << "the same slot, an hour later";
  recent.take(9, after(200'000));
  EXPECT_EQ(recent.count(after(200'000)), 9U);
}

}  // namespace
}  // namespace marea::control
