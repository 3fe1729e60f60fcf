#include "decide/absolute_rate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

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

// 299 would do where a single failure ends all hope: 0.99^-299 = 20.2, 0.99^-298 = 19.99.
TEST(AbsoluteRate, some_three_hundred_clean_keys_prove_one_percent) {
  EXPECT_EQ(units_needed(0.01, 0, 20), 309);
  EXPECT_EQ(units_needed(0.01, 1, 20), 756);
  EXPECT_EQ(units_needed(0.05, 0, 20), 61);
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
