#include "decide/sample_ratio.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace marea::decide {
namespace {

model::ReleaseTick entered(std::uint64_t number, std::uint32_t weight, std::uint32_t stable, std::uint32_t canary) {
  model::ReleaseTick tick{.number = number, .weight = weight};
  tick.keyed.stable.entered = stable;
  tick.keyed.canary.entered = canary;
  return tick;
}

// Computed apart, as the product over the units, one after the other, of ((a_i + n_i) / (A + N)) / w_i.
TEST(SampleRatio, it_is_the_product_of_the_predictive_probabilities) {
  EXPECT_NEAR(log_split(900, 100, 0.1), -0.04766274983, 1e-6);
  EXPECT_NEAR(log_split(880, 120, 0.1), 0.14527958534, 1e-6);
  EXPECT_NEAR(log_split(8800, 1200, 0.1), 10.40895702751, 1e-6);
  EXPECT_NEAR(log_split(1000, 0, 0.1), 5.18815339441, 1e-6);
  EXPECT_NEAR(log_split(50, 50, 0.5), -0.00497541295, 1e-6);
}

TEST(SampleRatio, stages_of_the_ladder_multiply) {
  SampleRatioState state;
  eat(state, entered(0, 1000, 900, 100), 7);
  eat(state, entered(1, 1000, 0, 20), 7);
  eat(state, entered(2, 5000, 50, 50), 7);
  EXPECT_NEAR(state.log_now, log_split(900, 120, 0.1) + log_split(50, 50, 0.5), 1e-9);
}

TEST(SampleRatio, twelve_percent_instead_of_ten_are_mistrusted_from_the_tick_on_in_which_it_showed) {
  SampleRatioState state;
  std::uint64_t tick = 0;
  while (!state.fell_at && tick < 1000) eat(state, entered(tick++, 1000, 88, 12), std::log(1000));
  ASSERT_TRUE(state.fell_at);
  EXPECT_EQ(*state.fell_at, tick - 1);
  EXPECT_LT(tick, 100) << "10,000 users";
  eat(state, entered(tick, 1000, 900'000, 100'000), std::log(1000));
  EXPECT_EQ(*state.fell_at, tick - 1);
}

TEST(SampleRatio, a_weight_of_none_or_of_all_tests_nothing) {
  SampleRatioState state;
  eat(state, entered(0, 0, 1000, 0), 1);
  eat(state, entered(1, kAllWeight, 1, 1000), 1);
  EXPECT_EQ(state.log_now, 0);
  EXPECT_FALSE(state.fell_at);
}

TEST(SampleRatio, numbers_stay_finite_whatever_entered) {
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  SampleRatioState state;
  for (std::uint64_t tick = 0; tick < 100; ++tick) eat(state, entered(tick, 1, 0, kMost), 7);
  EXPECT_TRUE(std::isfinite(state.log_now));
  for (std::uint64_t tick = 0; tick < 100; ++tick) eat(state, entered(tick, 1 + tick % 2, kMost, kMost), 7);
  EXPECT_TRUE(std::isfinite(state.log_now));
}

// 2,000 runs at 5 %, of 4,000 units each, looked at after each ten, over a changing weight: 130 is exceeded once in a
// thousand.
TEST(SampleRatio, a_right_split_is_mistrusted_no_more_often_than_alpha) {
  int mistrusted = 0;
  for (std::uint64_t run = 0; run < 2000; ++run) {
    std::mt19937_64 random(run);
    SampleRatioState state;
    for (std::uint64_t tick = 0; tick < 400; ++tick) {
      const std::uint32_t weight = tick < 100 ? 100 : tick < 250 ? 2500 : 5000;
      std::binomial_distribution<std::uint32_t> canaries(10, weight / 10'000.0);
      const std::uint32_t canary = canaries(random);
      eat(state, entered(tick, weight, 10 - canary, canary), std::log(20));
    }
    mistrusted += state.fell_at ? 1 : 0;
  }
  EXPECT_LE(mistrusted, 130);
}

}  // namespace
}  // namespace marea::decide
