#include "decide/absolute_rate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "decide/relative_risk.h"

namespace marea::decide {
namespace {

int units_needed(double limit, std::uint64_t failed, double e_value) {
  int units = 0;
  while (log_absolute(static_cast<std::uint64_t>(units), failed, limit) < std::log(e_value)) ++units;
  return units;
}

TEST(AbsoluteRate, nothing_seen_says_nothing) {
  EXPECT_NEAR(log_absolute(0, 0, 0.01), 0, 1e-12);
}

// By hand, for 1 %: 0.75 · 0.99^-300 + 0.15 · (0.999/0.99)^300 + 0.10 · (0.997/0.99)^300 = 18.38686; and for 500 of
// which 2 failed, where the first part is gone: 0.15 · 0.1² · (0.999/0.99)^498 + 0.10 · 0.3² · (0.997/0.99)^498 =
// 0.43663.
TEST(AbsoluteRate, it_is_the_average_of_three_likelihood_ratios) {
  EXPECT_NEAR(std::exp(log_absolute(300, 0, 0.01)), 18.38686015, 1e-7);
  EXPECT_NEAR(std::exp(log_absolute(500, 2, 0.01)), 0.43662939, 1e-7);
}

// Computed apart. At 1 %: 0.75 · 0.99^-n + 0.15 · (0.999/0.99)^n + 0.10 · (0.997/0.99)^n is 19.885 at n = 308
// and 20.081 at 309; with one that failed 0.015 · (0.999/0.99)^(n-1) + 0.03 · (0.997/0.99)^(n-1) is 19.875 at 755
// and 20.043 at 756. At 5 %: 0.75 · 0.95^-n + 0.15 · (0.995/0.95)^n + 0.10 · (0.985/0.95)^n is 19.566 at 60 and 20.570
// at 61. Where a single failure ended all hope, 299 would do: 0.99^-298 = 19.985, 0.99^-299 = 20.187.
TEST(AbsoluteRate, some_three_hundred_clean_keys_prove_one_percent) {
  EXPECT_EQ(units_needed(0.01, 0, 20), 309);
  EXPECT_EQ(units_needed(0.01, 1, 20), 756);
  EXPECT_EQ(units_needed(0.05, 0, 20), 61);
}

// Computed apart: 0.4·0.95^-n + 0.3·(0.995/0.95)^n + 0.3·(0.985/0.95)^n is 19.50 at n = 64 and 20.45 at 65; with one
// that failed 0.03·(0.995/0.95)^n + 0.09·(0.985/0.95)^n is 19.62 at 127 and 20.45 at 128.
TEST(AbsoluteRate, fewer_keys_rule_out_five_percent_though_one_of_them_failed) {
  const AbsoluteTest test({.limit = 0.05, .proves = kMostNats, .mixture = kSomeFail});
  for (const std::uint64_t failed : {0U, 1U}) {
    AbsoluteState state;
    test.eat(state, 0, failed);
    std::uint64_t clean = 0;
    for (; test.log_e(state, 0) < std::log(20); ++clean) test.eat(state, 1, 0);
    EXPECT_EQ(clean, failed == 0 ? 65U : 128U);
  }
}

TEST(AbsoluteRate, a_canary_that_breaks_after_a_good_day_loses_its_proof_at_the_first_failure) {
  const AbsoluteTest test({.limit = 0.01, .proves = std::log(100)});
  AbsoluteState state;
  for (int tick = 0; tick < 100'000; ++tick) test.eat(state, 10, 0);
  EXPECT_NEAR(test.log_e(state, 0), std::log(100) + kProofReserve, 1e-9);
  test.eat(state, 0, 1);
  // Of the capped parts 0.75, 0.15 and 0.1 remain 0, 0.1 · 0.15 and 0.3 · 0.1: 0.045 · 100 e^2.5 = 54.82.
  EXPECT_NEAR(std::exp(test.log_e(state, 0)), 54.8212, 1e-3);
}

TEST(AbsoluteRate, units_whose_first_request_is_open_count_as_failing_until_it_has_ended) {
  const AbsoluteTest test({.limit = 0.01, .proves = kMostNats});
  AbsoluteState state;
  test.eat(state, 498, 0);
  EXPECT_NEAR(std::exp(test.log_e(state, 2)), 0.43662939, 1e-7) << "as 500 of which 2 failed";
  test.eat(state, 2, 0);
  EXPECT_GT(test.log_e(state, 0), std::log(20));
}

// ln of 1 - limit 69,000 times is more than what stands for a part that is lost.
TEST(AbsoluteRate, the_part_that_a_single_failure_ends_does_not_come_back) {
  const AbsoluteTest test({.limit = 0.01, .proves = kMostNats});
  AbsoluteState state;
  test.eat(state, 0, 1);
  const double lost = state.capital[0];
  test.eat(state, 1'000'000, 0);
  EXPECT_EQ(state.capital[0], lost);
}

TEST(AbsoluteRate, numbers_stay_finite_whatever_is_counted) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t units : {std::uint64_t{0}, std::uint64_t{1}, kMost}) {
    for (const std::uint64_t failed : {std::uint64_t{0}, std::uint64_t{1}, kMost}) {
      EXPECT_TRUE(std::isfinite(log_absolute(units, failed, 0.01)));
    }
  }
}

// Looked at after each of 3,000 units that fail as often as the limit says. 2,000 runs of which 5 % may be wrong: 130
// is exceeded once in a thousand (100 + 3.09 · √(2,000 · 0.05 · 0.95)).
TEST(AbsoluteRate, at_the_limit_it_proves_no_more_often_than_beta_however_often_it_is_asked) {
  int proven = 0;
  for (std::uint64_t run = 0; run < 2000; ++run) {
    std::mt19937_64 random(run);
    std::geometric_distribution<std::uint64_t> clean(0.01);
    // E grows with clean units: it is largest just before a failure.
    std::uint64_t units = 0;
    for (std::uint64_t failed = 0; units < 3000; ++failed) {
      units += clean(random);
      if (log_absolute(units, failed, 0.01) >= std::log(20)) {
        ++proven;
        break;
      }
      ++units;
    }
  }
  EXPECT_LE(proven, 130);
  EXPECT_GE(proven, 20) << "a test that never proves would pass the other line";
}

}  // namespace
}  // namespace marea::decide
