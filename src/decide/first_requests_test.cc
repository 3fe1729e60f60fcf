#include "decide/first_requests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "decide/relative_risk.h"

namespace marea::decide {
namespace {

struct Fates {
  std::uint32_t failed = 0;  // of the canary
  std::uint32_t fine = 0;    // or open
  std::uint32_t bad = 0;     // of stable, or open
  std::uint32_t good = 0;
};

model::FirstRequests at(std::uint64_t number, Fates fates, std::uint32_t weight = 1000) {
  return {.number = number,
          .weight = weight,
          .stable = fates.bad + fates.good,
          .stable_good = fates.good,
          .canary = fates.failed + fates.fine,
          .canary_failed = fates.failed};
}

double e_after(Fates fates, std::uint32_t weight = 1000, double tolerance = 1.2) {
  FirstsState state;
  FirstsRule(tolerance).eat(state, at(0, fates, weight));
  return std::exp(FirstsRule::log_e(state));
}

// With fractions: at w = 1/10 and θ = 6/5, S = (1 - 0.002)/0.9 = 1.108888…, F = (1 - 0.9·0.15/1.2 - 0.998/6)/0.1 =
// 7.211666…; E = 0.2 + 0.8 F^a 0.02^g 0.15^b S^n.
TEST(FirstRequests, it_is_the_product_of_the_units_factors) {
  EXPECT_NEAR(e_after({.failed = 3, .good = 27}), 4888.679309, 1e-5);
  EXPECT_NEAR(e_after({.failed = 2, .good = 27}), 678.057080, 1e-5);
  EXPECT_NEAR(e_after({.failed = 4, .fine = 1, .bad = 2, .good = 30}), 21.831470, 1e-5);
  EXPECT_DOUBLE_EQ(e_after({}), 1);
}

// w = 1/4 has F = (1 - 0.75·0.15/1.2 - 0.995/6)/0.25 and S = 0.995/0.75; of the 0.2 that waited a third is staked.
TEST(FirstRequests, each_weight_stakes_a_part_of_what_waits) {
  FirstsState state;
  const FirstsRule rule(1.2);
  rule.eat(state, at(0, {.failed = 1, .good = 5}));
  rule.eat(state, at(1, {.failed = 2, .good = 3}, 2500));
  EXPECT_NEAR(std::exp(FirstsRule::log_e(state)), 199.616600, 1e-5);
  for (std::uint32_t step = 0; step < 100; ++step) rule.eat(state, at(2 + step, {}, 2501 + step));
  EXPECT_EQ(state.steps, kMostStepStakes);
}

TEST(FirstRequests, ticks_that_were_eaten_change_nothing) {
  FirstsState state;
  const FirstsRule rule(1.2);
  rule.eat(state, at(7, {.failed = 1, .good = 5}));
  const FirstsState before = state;
  for (const std::uint64_t number : {0U, 6U, 7U}) rule.eat(state, at(number, {.failed = 1}));
  EXPECT_EQ(state, before);
  rule.eat(state, at(8, {.failed = 1}));
  EXPECT_NE(state, before);
}

TEST(FirstRequests, what_is_open_is_taken_for_the_better_in_the_canary_and_the_worse_in_stable) {
  const model::FirstRequests open{.number = 0, .weight = 1000, .stable = 9, .stable_good = 4, .canary = 3};
  FirstsState state;
  FirstsRule(1.2).eat(state, open);
  EXPECT_EQ(std::exp(FirstsRule::log_e(state)), e_after({.fine = 3, .bad = 5, .good = 4}));
}

TEST(FirstRequests, nothing_is_bet_where_nothing_can_be_won) {
  for (const std::uint32_t weight : {0U, 8200U, 9900U, 10'000U, 20'000U}) {
    EXPECT_DOUBLE_EQ(e_after({.failed = 50, .good = 5}, weight), 1) << weight;
  }
  EXPECT_DOUBLE_EQ(e_after({.failed = 50, .good = 50}, 1000, 50), 1) << "nearly everything is tolerated";
}

// The law of martingales by adding up a unit's four fates: at no rates that the tolerance allows does the mean grow,
// and at both corners that the bet is made for it stays.
TEST(FirstRequests, the_mean_never_grows_at_any_rates_that_are_tolerated) {
  for (const double tolerance : {1.0, 1.2, 2.0}) {
    for (const std::uint32_t weight : {100U, 1000U, 5000U}) {
      const double w = weight / 10'000.0;
      const auto mean = [&](double stable, double canary) {
        return w * (canary * e_after({.failed = 1}, weight, tolerance) +
                    (1 - canary) * e_after({.fine = 1}, weight, tolerance)) +
               (1 - w) * (stable * e_after({.bad = 1}, weight, tolerance) +
                          (1 - stable) * e_after({.good = 1}, weight, tolerance));
      };
      EXPECT_NEAR(mean(0, 0), 1, 1e-12);
      EXPECT_NEAR(mean(1 / tolerance, 1), 1, 1e-12);
      for (double stable = 0; stable <= 1; stable += 0.05) {
        for (double canary = 0; canary <= std::min(1.0, tolerance * stable); canary += 0.05) {
          EXPECT_LE(mean(stable, canary), 1 + 1e-12) << tolerance << ' ' << w << ' ' << stable << ' ' << canary;
        }
      }
      if (weight < 5000) {
        EXPECT_GT(mean(0.01, 1), 1.05) << "or it would find nothing";
      }
    }
  }
}

// Identical versions whose failures hang together: in three ticks of four units all fail, in the fourth none. Whose
// units they are is drawn apart for each. 4,000 runs, each of which may be called bad with a probability of 1/20: 243
// is exceeded once in a thousand (200 + 3.09 · √(4,000 · 0.05 · 0.95)).
TEST(FirstRequests, failures_that_hang_together_are_not_held_against_the_arm_that_they_meet) {
  int bad = 0;
  for (std::uint64_t run = 0; run < 4000; ++run) {
    std::mt19937_64 random(run);
    std::bernoulli_distribution canary(0.1);
    FirstsState state;
    const FirstsRule rule(1.2);
    bool found = false;
    for (std::uint64_t tick = 0; tick < 200 && !found; ++tick) {
      const bool fails = tick % 4 != 3;
      Fates fates;
      for (int unit = 0; unit < 4; ++unit) {
        std::uint32_t& count = canary(random) ? (fails ? fates.failed : fates.fine) : (fails ? fates.bad : fates.good);
        ++count;
      }
      rule.eat(state, at(tick, fates));
      found = FirstsRule::log_e(state) >= std::log(20);
    }
    bad += found ? 1 : 0;
  }
  EXPECT_LE(bad, 243);
}

// The design's figure: 200 requests a second, each 20 ms tick has four on average; 1 % of stable's fail and all of the
// canary's. It falls in the tick of the third failing key in nine runs of ten.
TEST(FirstRequests, a_canary_that_fails_all_is_found_with_its_third_key) {
  int within = 0;
  constexpr int kRuns = 1000;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(run);
    std::poisson_distribution<int> units(4);
    std::bernoulli_distribution canary(0.1);
    std::bernoulli_distribution stable_fails(0.01);
    FirstsState state;
    const FirstsRule rule(1.2);
    std::uint32_t failed = 0;
    for (std::uint64_t tick = 0; failed < 3; ++tick) {
      Fates fates;
      for (int unit = units(random); unit > 0; --unit) {
        const bool of_canary = canary(random);
        std::uint32_t& count = of_canary ? fates.failed : (stable_fails(random) ? fates.bad : fates.good);
        ++count;
      }
      failed += fates.failed;
      rule.eat(state, at(tick, fates));
    }
    within += FirstsRule::log_e(state) >= std::log(500) ? 1 : 0;
  }
  EXPECT_GE(within, kRuns * 9 / 10);
}

TEST(FirstRequests, numbers_stay_finite_whatever_is_told) {
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  const FirstsRule rule(1.2);
  for (const std::uint32_t failed : {0U, 7U, kMost}) {
    FirstsState state;
    for (std::uint64_t tick = 0; tick < 50; ++tick) {
      rule.eat(state, {.number = tick,
                       .weight = 1000,
                       .stable = 3,
                       .stable_good = kMost,
                       .canary = kMost,
                       .canary_failed = failed});
      EXPECT_LE(std::abs(FirstsRule::log_e(state)), kMostNats);
      EXPECT_TRUE(std::isfinite(state.staked));
    }
  }
}

}  // namespace
}  // namespace marea::decide
