#include "decide/rate.h"

#include <gtest/gtest.h>

namespace marea::decide {
namespace {

using namespace std::chrono_literals;

constexpr model::RateLimit kTenASecond{.interval = 100ms, .burst = 3};

// How many of requests at `times` are admitted.
int admitted(const model::RateLimit& limit, const std::vector<base::Duration>& times) {
  base::Instant spread{};
  int count = 0;
  for (const base::Duration time : times) {
    const RateVerdict verdict = admit(limit, spread, base::Instant(1h + time));
    spread = verdict.spread_until;
    count += verdict.admitted ? 1 : 0;
  }
  return count;
}

TEST(Rate, a_burst_is_admitted_at_once_and_the_next_is_told_when) {
  EXPECT_EQ(admitted(kTenASecond, {0ms, 0ms, 0ms, 0ms, 0ms}), 3);
  const RateVerdict verdict = admit(kTenASecond, base::Instant(300ms), base::Instant(0ms));
  EXPECT_FALSE(verdict.admitted);
  EXPECT_EQ(verdict.retry_after, 100ms);
  EXPECT_EQ(verdict.spread_until, base::Instant(300ms)) << "a refused request costs nothing";
  EXPECT_TRUE(admit(kTenASecond, base::Instant(300ms), base::Instant(100ms)).admitted);
}

TEST(Rate, a_token_comes_each_interval_and_no_more_than_the_burst_is_kept) {
  EXPECT_EQ(admitted(kTenASecond, {0ms, 0ms, 0ms, 99ms, 100ms, 100ms, 200ms}), 5);
  EXPECT_EQ(admitted(kTenASecond, {0ms, 0ms, 0ms, 10s, 10s, 10s, 10s, 10s}), 6);
}

TEST(Rate, steady_requests_at_the_rate_are_all_admitted_and_faster_ones_are_held_to_it) {
  std::vector<base::Duration> at_rate;
  std::vector<base::Duration> twice;
  for (int i = 0; i < 1000; ++i) {
    at_rate.push_back(100ms * i);
    twice.push_back(50ms * i);
  }
  EXPECT_EQ(admitted(kTenASecond, at_rate), 1000);
  EXPECT_EQ(admitted(kTenASecond, twice), 500 + 2) << "the rate over the time, and the burst once";
}

TEST(Rate, a_burst_of_one_spaces_requests) {
  const model::RateLimit limit{.interval = 1h, .burst = 1};
  EXPECT_EQ(admitted(limit, {0ms, 1ms, 59min, 1h}), 2);
}

TEST(Rate, the_largest_limit_does_not_overflow) {
  const model::RateLimit limit{.interval = 1h, .burst = model::kMostBurst};
  EXPECT_TRUE(admit(limit, base::Instant{}, base::Instant(24h * 365)).admitted);
}

}  // namespace
}  // namespace marea::decide
