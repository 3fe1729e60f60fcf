#include "decide/first_requests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "decide/relative_risk.h"

namespace marea::decide {
namespace {

model::FirstRequests failed(std::uint64_t number, std::uint32_t canary, std::uint32_t stable = 0,
                            std::uint32_t weight = 1000) {
  return {.number = number, .weight = weight, .stable_failed = stable, .canary_failed = canary};
}

double e_after(std::uint32_t canary, std::uint32_t stable, std::uint32_t weight = 1000, double tolerance = 1.2) {
  FirstsState state;
  FirstsRule(tolerance).eat(state, failed(0, canary, stable, weight));
  return std::exp(FirstsRule::log_e(state));
}

// With fractions: at w = 1/10 and θ = 6/5, B = 3/23 and F = 1 + (9/10)(20/23)/(6/50) = 173/23; at w = 1/100 B = 3/5
// and F = 1 + (99/100)(2/5)/(6/500) = 34. E = 0.1 + 0.9 F^a B^b.
TEST(FirstRequests, it_is_the_product_of_what_failed) {
  EXPECT_NEAR(e_after(3, 0), 383.098710, 1e-5);
  EXPECT_NEAR(e_after(2, 0), 51.018904, 1e-5);
  EXPECT_NEAR(e_after(4, 1), 375.858658, 1e-5);
  EXPECT_NEAR(e_after(0, 2), 0.115311909, 1e-8);
  EXPECT_NEAR(e_after(2, 2, 100), 374.644000, 1e-5);
  EXPECT_DOUBLE_EQ(e_after(0, 0), 1);
}

// w = 1/4 has B = 3/53 and F = 1 + (3/4)(50/53)/(3/10) = 178/53; of the 0.1 that waited a third is staked.
TEST(FirstRequests, each_weight_stakes_a_part_of_what_waits) {
  FirstsState state;
  const FirstsRule rule(1.2);
  rule.eat(state, failed(0, 1));
  rule.eat(state, failed(1, 2, 0, 2500));
  const double staked = 0.9 * 173 / 23 + 0.1 / 3;
  EXPECT_NEAR(std::exp(FirstsRule::log_e(state)), staked * 178 * 178 / 53 / 53 + 0.2 / 3, 1e-9);
  for (std::uint32_t step = 0; step < 100; ++step) rule.eat(state, failed(2 + step, 0, 1, 2501 + step));
  EXPECT_EQ(state.steps, kMostStepStakes);
}

TEST(FirstRequests, what_was_eaten_changes_nothing) {
  FirstsState state;
  const FirstsRule rule(1.2);
  rule.eat(state, failed(7, 1));
  const FirstsState before = state;
  for (const std::uint64_t number : {0U, 6U, 7U}) rule.eat(state, failed(number, 1));
  EXPECT_EQ(state, before);
  rule.eat(state, failed(8, 1));
  EXPECT_NE(state, before);
}

TEST(FirstRequests, nothing_is_bet_where_an_arm_has_nothing) {
  for (const std::uint32_t weight : {0U, 10'000U, 20'000U}) EXPECT_DOUBLE_EQ(e_after(50, 5, weight), 1) << weight;
}

// The law of martingales by adding up a unit's three fates, at each age: of the stakes, whose factor is F and B.
TEST(FirstRequests, the_mean_never_grows_at_any_rates_that_are_tolerated) {
  const auto factor = [](double e) { return (e - 0.1) / 0.9; };
  for (const double tolerance : {1.0, 1.2, 2.0}) {
    for (const std::uint32_t weight : {100U, 1000U, 5000U, 9900U}) {
      const double w = weight / 10'000.0;
      const double canary_fails = factor(e_after(1, 0, weight, tolerance));
      const double stable_fails = factor(e_after(0, 1, weight, tolerance));
      const auto mean = [&](double stable, double canary) {
        return 1 + w * canary * (canary_fails - 1) + (1 - w) * stable * (stable_fails - 1);
      };
      EXPECT_NEAR(mean(1 / tolerance, 1), 1, 1e-9) << "nothing is given away";
      for (double stable = 0; stable <= 1; stable += 0.05) {
        EXPECT_LE(mean(stable, std::min(1.0, tolerance * stable)), 1 + 1e-9) << tolerance << ' ' << w << ' ' << stable;
      }
      EXPECT_GT(mean(0.01, 1), 1) << "or it would find nothing";
    }
  }
}

// Two versions that fail alike, a share of `failing` after a while that is drawn for each request, ten requests a tick,
// looked at after every failure: open ones are many. 4,000 runs, each of which may be called bad with a probability of
// 1/20: 243 is exceeded once in a thousand (200 + 3.09 · √(4,000 · 0.05 · 0.95)). Where failures hang together, three
// ticks of four fail whole.
int called_bad(double failing, bool together, double tolerance, double factor) {
  int bad = 0;
  for (std::uint64_t run = 0; run < 4000; ++run) {
    std::mt19937_64 random(run);
    std::uniform_real_distribution<double> chance;
    std::lognormal_distribution<double> lasts(1, 1);
    std::vector<std::pair<double, bool>> failures;  // when, whose
    for (int tick = 0; tick < 40; ++tick) {
      for (int unit = 0; unit < 10; ++unit) {
        const bool canary = chance(random) < 0.1;
        const bool fails = together ? tick % 4 != 3 : chance(random) < failing * (canary ? factor : 1);
        const double ends = tick + lasts(random);
        if (fails) failures.emplace_back(ends, canary);
      }
    }
    std::ranges::sort(failures);
    FirstsState state;
    const FirstsRule rule(tolerance);
    double most = 0;
    for (std::uint64_t i = 0; i < failures.size(); ++i) {
      const bool canary = failures[i].second;
      rule.eat(state, failed(i, canary ? 1 : 0, canary ? 0 : 1));
      most = std::max(most, FirstsRule::log_e(state));
    }
    bad += most >= std::log(20) ? 1 : 0;
  }
  return bad;
}

TEST(FirstRequests, whoever_fails_no_more_and_no_sooner_is_called_bad_as_seldom_as_promised) {
  for (const double failing : {0.01, 0.1, 0.8}) EXPECT_LE(called_bad(failing, false, 1.2, 1.2), 243) << failing;
  EXPECT_LE(called_bad(0.3, false, 1, 1), 243);
  EXPECT_LE(called_bad(0, true, 1.2, 1), 243) << "failures that hang together";
}

// The design's figure: at 10 % of the weight, 1 % of stable's failing and all of the canary's, of failures in the order
// in which they come. By the third of the canary's there are 27 of stable's on average.
TEST(FirstRequests, a_canary_that_fails_all_is_found_with_its_third_key) {
  int with_third = 0;
  int with_fifth = 0;
  constexpr int kRuns = 1000;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(run);
    std::uniform_real_distribution<double> chance;
    FirstsState state;
    const FirstsRule rule(1.2);
    std::uint32_t canary = 0;
    bool found = false;
    for (std::uint64_t unit = 0; canary < 5; ++unit) {
      if (chance(random) < 0.1) {
        ++canary;
        rule.eat(state, failed(unit, 1));
      } else if (chance(random) < 0.01) {
        rule.eat(state, failed(unit, 0, 1));
      }
      found = found || FirstsRule::log_e(state) >= std::log(1 / 0.003);
      if (found) break;
    }
    with_third += found && canary <= 3 ? 1 : 0;
    with_fifth += found ? 1 : 0;
  }
  EXPECT_GE(with_third, kRuns * 7 / 10);
  EXPECT_GE(with_fifth, kRuns * 97 / 100);
}

TEST(FirstRequests, numbers_stay_finite_whatever_is_told) {
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  const FirstsRule rule(1.2);
  for (const std::uint32_t canary : {0U, 7U, kMost}) {
    for (const std::uint32_t stable : {0U, kMost}) {
      FirstsState state;
      for (std::uint64_t number = 0; number < 50; ++number) {
        rule.eat(state, failed(number, canary, stable));
        EXPECT_LE(std::abs(FirstsRule::log_e(state)), kMostNats);
        EXPECT_TRUE(std::isfinite(state.staked));
      }
    }
  }
}

}  // namespace
}  // namespace marea::decide
