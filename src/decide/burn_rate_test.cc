#include "decide/burn_rate.h"

#include <gmock/gmock.h>

namespace marea::decide {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;

constexpr double kBudget = 0.01;

base::Instant at(int minute) {
  return base::Instant{minutes(minute)};
}

// So many of a hundred requests fail in each of these minutes.
void burn(BurnWindow& window, int from, int until, std::uint64_t failed) {
  for (int minute = from; minute < until; ++minute) window.take(100, failed, at(minute));
}

TEST(BurnRate, what_fails_from_the_start_is_told_at_once) {
  BurnWindow window;
  window.take(9, 9, at(0));
  EXPECT_FALSE(window.breach(at(0), kBudget)) << "nine are too few";
  window.take(1, 1, at(0));
  const auto burnt = window.breach(at(0), kBudget);
  ASSERT_TRUE(burnt);
  EXPECT_DOUBLE_EQ(burnt->rate, 100) << "1 / 0.01";
  EXPECT_THAT(to_string(*burnt), HasSubstr("10 of 10 requests within 1h failed, 100 times what may fail"));
}

TEST(BurnRate, both_windows_must_burn) {
  BurnWindow window;
  burn(window, 0, 55, 0);
  burn(window, 55, 60, 50);
  // Five minutes: 50 % / 1 % = 50 times. The hour: 250 of 6,000 = 4.2 times, below 14.4; six hours the same, below 6;
  // the day has nothing else either, 4.2 ≥ 3, and so do two hours.
  const auto slow = window.breach(at(59), kBudget);
  ASSERT_TRUE(slow);
  EXPECT_EQ(slow->window, base::Duration(std::chrono::hours(24)));
  BurnWindow over;
  burn(over, 0, 30, 100);
  burn(over, 30, 36, 0);
  // It was bad for half an hour and is over: no five minutes burn. Half an hour still does, and six hours with it.
  EXPECT_EQ(over.breach(at(35), kBudget)->window, base::Duration(std::chrono::hours(6)));
}

TEST(BurnRate, within_the_budget_nothing_is_said_however_long) {
  BurnWindow window;
  burn(window, 0, 3 * 24 * 60, 2);  // twice the budget: below the slowest burn, three times
  EXPECT_FALSE(window.breach(at(3 * 24 * 60 - 1), kBudget));
  EXPECT_TRUE(window.breach(at(3 * 24 * 60 - 1), 0.005)) << "four times";
}

TEST(BurnRate, what_is_longer_ago_than_a_day_is_forgotten) {
  BurnWindow window;
  burn(window, 0, 10, 100);
  EXPECT_TRUE(window.breach(at(10), kBudget));
  EXPECT_FALSE(window.breach(at(10 + 24 * 60), kBudget)) << "though nobody came since";
  window.take(1000, 0, at(10 + 24 * 60));
  EXPECT_FALSE(window.breach(at(10 + 24 * 60), kBudget));
}

TEST(BurnRate, requests_that_no_app_answered_count_as_failed_ones) {
  BurnWindow window;
  window.take(0, 20, at(3));
  ASSERT_TRUE(window.breach(at(3), kBudget));
  EXPECT_EQ(window.breach(at(3), kBudget)->requests, 20U);
}

}  // namespace
}  // namespace marea::decide
