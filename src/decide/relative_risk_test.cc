#include "decide/relative_risk.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "decide/release_users_test.h"

namespace marea::decide {
namespace {

RiskCounts counts_of(std::uint64_t canary_units, std::uint64_t canary_fell, std::uint64_t stable_units,
                     std::uint64_t stable_fell) {
  return {.stable = {.units = stable_units, .fell = stable_fell},
          .canary = {.units = canary_units, .fell = canary_fell}};
}

RiskTick keyed(std::uint64_t number, RiskCounts counts, std::uint32_t weight = 1000) {
  return {.number = number, .weight = weight, .strata = {counts, {}}};
}

double log_choose(int n, int k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

double hypergeometric(int canary, int stable, int fell, int of_canary) {
  if (of_canary > canary || fell - of_canary > stable) return 0;
  return std::exp(log_choose(canary, of_canary) + log_choose(stable, fell - of_canary) -
                  log_choose(canary + stable, fell));
}

double binomial(int n, int k, double p) {
  return std::exp(log_choose(n, k)) * std::pow(p, k) * std::pow(1 - p, n - k);
}

// Some history, so that all parts of a state are in use.
template <class Test, class State>
State after_some_failures(const Test& test) {
  State state;
  test.eat(state, keyed(3, counts_of(10, 0, 90, 0)));
  for (int tick = 4; tick < 40; ++tick) test.eat(state, keyed(tick, counts_of(10, tick % 7 == 0, 90, tick % 3 == 0)));
  return state;
}

// The law of martingales by adding up all outcomes of the next tick: independent draws at exactly the tolerance.
TEST(RelativeRisk, at_the_tolerance_the_mean_of_the_next_e_value_is_the_present_one) {
  constexpr double kTolerance = 1.2;
  const HarmTest test(kTolerance);
  HarmState before = after_some_failures<HarmTest, HarmState>(test);
  const double share = 0.1 * kTolerance / (0.9 + 0.1 * kTolerance);
  for (const int fell : {1, 2, 5}) {
    double mean = 0;
    for (int canary = 0; canary <= fell; ++canary) {
      HarmState state = before;
      test.eat(state, keyed(50, counts_of(10, canary, 90, fell - canary)));
      mean += binomial(fell, canary, share) * std::exp(HarmTest::log_e(state));
    }
    EXPECT_NEAR(mean, std::exp(HarmTest::log_e(before)), 1e-9) << fell;
  }
}

// The same where half of those at risk fall out in one tick of identical arms: Hoeffding's inequality.
TEST(RelativeRisk, of_identical_arms_the_mean_never_grows_however_many_fall_out_at_once) {
  for (const double tolerance : {1.0, 1.2}) {
    const HarmTest test(tolerance);
    for (const int fell : {1, 3, 6, 12}) {
      double mean = 0;
      for (int canary = 0; canary <= fell; ++canary) {
        HarmState state;
        const double chance = hypergeometric(3, 9, fell, canary);
        if (chance == 0) continue;
        test.eat(state, keyed(0, counts_of(3, canary, 9, fell - canary)));
        mean += chance * std::exp(HarmTest::log_e(state));
      }
      EXPECT_LE(mean, 1 + 1e-12) << tolerance << ' ' << fell;
    }
  }
}

TEST(RelativeRisk, the_proof_is_the_mirror_at_the_promotion_tolerance) {
  constexpr double kTolerance = 2;
  const ProofTest test(kTolerance, std::log(1e6));
  const ProofState before = after_some_failures<ProofTest, ProofState>(test);
  const double share = 0.1 * kTolerance / (0.9 + 0.1 * kTolerance);
  double mean = 0;
  for (int canary = 0; canary <= 4; ++canary) {
    ProofState state = before;
    test.eat(state, keyed(50, counts_of(10, canary, 90, 4 - canary)));
    mean += binomial(4, canary, share) * std::exp(ProofTest::log_e(state, Stratum::keyed));
  }
  EXPECT_NEAR(mean, std::exp(ProofTest::log_e(before, Stratum::keyed)), 1e-9);
}

TEST(RelativeRisk, nothing_moves_while_nothing_fails) {
  const HarmTest harm(1.2);
  const ProofTest proof(2, std::log(20));
  HarmState harm_state;
  ProofState proof_state;
  for (std::uint64_t tick = 0; tick < 100'000; tick += 10) {
    harm.eat(harm_state, keyed(tick, counts_of(100 + tick, 0, 900 + 9 * tick, 0), tick < 50'000 ? 100 : 500));
    proof.eat(proof_state, keyed(tick, counts_of(100, 0, 900, 0)));
  }
  EXPECT_NEAR(HarmTest::log_e(harm_state), 0, 1e-9);
  EXPECT_NEAR(ProofTest::log_e(proof_state, Stratum::keyed), 0, 1e-9);
}

// Computed apart, at ρ = 0.1: 0.4 + 0.6 Σ w_j f_j^k with f_j = e^d_j (1 - ρ + 1.2ρ) / (1 - ρ + 1.2ρ e^d_j); total
// failure, d = 7.6, has f = 8.468 and a tenth of the weight.
TEST(RelativeRisk, failing_keys_of_a_tenth_are_enough_after_four) {
  const HarmTest test(1.2);
  HarmState state;
  for (const double e_value : {2.3375171, 10.2440844, 66.6108155, 500.4566802}) {
    test.eat(state, keyed(0, counts_of(100, 1, 900, 0)));
    EXPECT_NEAR(std::exp(HarmTest::log_e(state)), e_value, 1e-6 * e_value);
  }
}

// A canary that fails 1.2 times as often has the fewer keys at risk the higher the rates are: the weight counts then.
TEST(RelativeRisk, the_canarys_share_is_not_taken_for_less_than_its_weight) {
  const HarmTest test(1.2);
  HarmState depleted;
  HarmState whole;
  test.eat(depleted, keyed(0, counts_of(5, 1, 95, 1)));
  test.eat(whole, keyed(0, counts_of(10, 1, 90, 1)));
  EXPECT_EQ(depleted, whole);
  HarmState more;
  test.eat(more, keyed(0, counts_of(20, 1, 80, 1)));
  EXPECT_LT(HarmTest::log_e(more), HarmTest::log_e(whole)) << "what is at risk counts where it is more";
}

TEST(RelativeRisk, a_ramp_of_many_weights_does_not_stake_all_that_waits) {
  const HarmTest test(1.2);
  HarmState state;
  for (std::uint32_t step = 0; step < 100; ++step) test.eat(state, keyed(0, counts_of(100, 0, 900, 0), 1 + step));
  EXPECT_EQ(state.steps, kMostStepStakes);
  EXPECT_NEAR(std::exp(state.waiting), 0.4 * std::pow(2.0 / 3, kMostStepStakes), 1e-9);
}

// 0.4 waits, 0.6 is staked; a failure of the canary where all units are the canary's says nothing.
TEST(RelativeRisk, without_a_stable_unit_at_risk_failures_say_nothing) {
  const HarmTest test(1.2);
  HarmState state;
  for (int tick = 0; tick < 50; ++tick) test.eat(state, keyed(tick, counts_of(100, 3, 0, 0)));
  EXPECT_NEAR(HarmTest::log_e(state), 0, 1e-9);
}

TEST(RelativeRisk, units_without_a_key_are_at_risk_among_those_before_them) {
  KeylessPool pool;
  const auto pooled = [&pool](std::uint32_t weight, RiskCounts counts) {
    RiskTick tick{.number = 0, .weight = weight, .strata = {counts_of(1, 0, 1, 0), counts}};
    pool_keyless(pool, tick);
    EXPECT_EQ(tick.strata[0], counts_of(1, 0, 1, 0));
    return tick.strata[1];
  };
  EXPECT_EQ(pooled(1000, counts_of(0, 0, 9, 2)), counts_of(0, 0, 9, 2));
  EXPECT_EQ(pooled(1000, counts_of(1, 1, 0, 0)), counts_of(1, 1, 9, 0));
  EXPECT_EQ(pooled(1000, counts_of(0, 0, 0, 0)), counts_of(0, 0, 0, 0)) << "no unit in this tick";
  EXPECT_EQ(pooled(5000, counts_of(1, 0, 2, 0)), counts_of(1, 0, 2, 0)) << "another weight";
  EXPECT_EQ(pooled(1000, counts_of(200, 0, 1800, 0)), counts_of(200, 0, 1800, 0)) << "then it is halved";
  EXPECT_EQ(pooled(1000, counts_of(1, 0, 0, 0)), counts_of(101, 0, 900, 0));
}

TEST(RelativeRisk, numbers_stay_finite_whatever_is_told) {
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  const HarmTest harm(1.2);
  const ProofTest proof(2, std::log(20));
  for (const bool canary : {false, true}) {
    HarmState harm_state;
    ProofState proof_state;
    BoundState bound_state;
    model::ReleaseTick told{.number = 0, .weight = 1};
    model::ArmCounts& arm = canary ? told.keyed.canary : told.keyed.stable;
    arm = {.entered = kMost, .at_risk = kMost, .failed = kMost};
    (canary ? told.keyed.stable : told.keyed.canary) = {.at_risk = 1, .failed = 7};
    for (int tick = 0; tick < 200; ++tick) {
      told.number += kMost;
      harm.eat(harm_state, failures_of(told));
      proof.eat(proof_state, failures_of(told));
      eat(bound_state, failures_of(told));
    }
    EXPECT_LE(std::abs(HarmTest::log_e(harm_state)), kMostNats);
    EXPECT_LE(std::abs(ProofTest::log_e(proof_state, Stratum::keyed)), kMostNats);
    for (const double stake : harm_state.staked[0]) EXPECT_LE(std::abs(stake), kMostNats);
    for (const double log : bound_state.log_likelihood[0]) EXPECT_TRUE(std::isfinite(log));
  }
}

TEST(RelativeRisk, harm_of_one_stratum_is_found_beside_many_failures_of_the_other) {
  const HarmTest test(1.2);
  HarmState state;
  for (std::uint64_t tick = 0; tick < 600; ++tick) {
    // Keyed units fail alike; of those without a key only the canary's do.
    const RiskCounts even = tick % 10 == 0 ? counts_of(100, 1, 900, 0) : counts_of(100, 0, 900, 1);
    test.eat(state, {.number = tick, .weight = 1000, .strata = {even, counts_of(1, tick % 100 == 99, 9, 0)}});
  }
  EXPECT_GE(HarmTest::log_e(state), std::log(1 / 0.007));
}

TEST(RelativeRisk, harm_that_begins_after_an_hour_is_found_within_few_failures) {
  const HarmTest test(1.2);
  HarmState state;
  for (std::uint64_t tick = 0; tick < 180'000; tick += 50) {
    const bool canary = tick % 500 == 0;
    test.eat(state, keyed(tick, counts_of(1000, canary, 9000, canary ? 0 : 1)));
  }
  EXPECT_LT(HarmTest::log_e(state), 0);
  int failures = 0;
  for (std::uint64_t tick = 180'000; HarmTest::log_e(state) < std::log(1 / 0.007); ++tick, ++failures) {
    test.eat(state, keyed(tick, counts_of(1000, 1, 9000, 0)));
  }
  EXPECT_LE(failures, 12)
      << "ln of the limit, of the weight and of the stakes in a second of an hour, at 2.1 a failure";
}

TEST(RelativeRisk, a_proof_is_lost_within_some_failures_after_a_good_day) {
  const double limit = std::log(25);
  const ProofTest test(2, limit);
  ProofState state;
  for (int tick = 0; tick < 10'000; ++tick) test.eat(state, keyed(tick, counts_of(100, 0, 900, 1)));
  EXPECT_GE(ProofTest::log_e(state, Stratum::keyed), limit);
  for (int tick = 0; tick < 10; ++tick) test.eat(state, keyed(tick, counts_of(100, 1, 900, 0)));
  EXPECT_LT(ProofTest::log_e(state, Stratum::keyed), limit) << "each takes up to ln 2 per part, of a reserve of 2.5";
}

// Computed apart: L(θ) = a ln θ - (a + b) ln(1 - ρ + ρθ), θ = 2^(k/4); the least θ from which on
// (1/12) Σ over m = 1…12 of exp(L(θ 2^(-m/4)) - L(θ)) ≥ 20.
TEST(RelativeRisk, the_bound_is_the_least_risk_that_the_mirror_test_rules_out) {
  struct Case {
    RiskCounts counts;
    std::optional<double> below;
  };
  const std::vector<Case> cases{
      {counts_of(500, 0, 500, 10), std::exp2(-3 / 4.0)}, {counts_of(500, 0, 500, 3), std::exp2(11 / 4.0)},
      {counts_of(100, 0, 900, 10), std::exp2(10 / 4.0)}, {counts_of(100, 0, 900, 40), std::exp2(1 / 4.0)},
      {counts_of(100, 5, 900, 50), std::exp2(6 / 4.0)},  {counts_of(1000, 30, 9000, 300), std::exp2(3 / 4.0)},
      {counts_of(100, 1, 900, 0), std::nullopt},         {counts_of(100, 0, 900, 0), std::nullopt},
  };
  for (const Case& given : cases) {
    BoundState state;
    eat(state, keyed(0, given.counts));
    const std::optional<double> below = risk_below(state, Stratum::keyed, std::log(20));
    ASSERT_EQ(below.has_value(), given.below.has_value());
    if (below) {
      EXPECT_NEAR(*below, *given.below, 1e-9);
    }
  }
}

// How many of `runs` worlds pass `limit` at any tick of `most_seconds`.
struct Rates {
  int harm = 0;
  int proof = 0;
  int bound = 0;  // the true factor was ruled out
};
Rates run_worlds(const UsersTerms& terms, int runs, double most_seconds) {
  constexpr double kProof = 0.04;
  const HarmTest harm(1.2);
  const ProofTest proof(2, -std::log(kProof));
  Rates rates;
  for (int run = 0; run < runs; ++run) {
    Users users(terms, static_cast<std::uint64_t>(run));
    HarmState harm_state;
    ProofState proof_state;
    BoundState bound_state;
    bool harmful = false;
    bool proven = false;
    bool bounded = false;
    KeylessPool pool;
    while (users.second() < most_seconds && !(harmful && proven)) {
      RiskTick tick = failures_of(users.tick());
      pool_keyless(pool, tick);
      harm.eat(harm_state, tick);
      proof.eat(proof_state, tick);
      std::uint64_t fell = 0;
      for (const RiskCounts& counts : tick.strata) fell += counts.stable.fell + counts.canary.fell;
      if (fell == 0) continue;
      eat(bound_state, tick);
      harmful = harmful || HarmTest::log_e(harm_state) >= std::log(1 / 0.007);
      proven = proven || ProofTest::log_e(proof_state, Stratum::keyed) >= -std::log(kProof);
      const std::optional<double> below = risk_below(bound_state, Stratum::keyed, std::log(20));
      bounded = bounded || (below && *below <= terms.failing_factor);
    }
    rates.harm += harmful ? 1 : 0;
    rates.proof += proven ? 1 : 0;
    rates.bound += bounded ? 1 : 0;
  }
  return rates;
}

// The most of `runs` that chance allows where each has the probability p: exceeded once in a thousand.
int most(int runs, double p) {
  double sum = 0;
  int k = -1;
  while (sum < 0.999) sum += binomial(runs, ++k, p);
  return k;
}

TEST(RelativeRisk, identical_arms_are_called_harmful_no_more_often_than_alpha) {
  constexpr int kRuns = 120;
  UsersTerms even{.users = 500, .failing = 0.02};
  UsersTerms heavy{.users = 300, .spread = 1.5, .failing = 0.02, .frail = 0.2, .weight = ladder(40)};
  UsersTerms often{.users = 300, .failing = 0.3, .weight = ladder(40)};
  UsersTerms keyless{.failing = 0.3, .keyless = 1, .weight = ladder(40)};
  for (const UsersTerms& terms : {even, heavy, often, keyless})
    EXPECT_LE(run_worlds(terms, kRuns, 40).harm, most(kRuns, 0.007));
}

TEST(RelativeRisk, what_is_just_tolerated_is_called_harmful_no_more_often_than_alpha) {
  constexpr int kRuns = 200;
  const UsersTerms terms{.users = 800, .failing = 0.02, .failing_factor = 1.2, .weight = ladder(40)};
  EXPECT_LE(run_worlds(terms, kRuns, 40).harm, most(kRuns, 0.007));
}

// At 30 % the keys at risk of such a canary are soon fewer than its share of first requests.
TEST(RelativeRisk, what_is_just_tolerated_is_called_harmful_no_more_often_at_high_rates) {
  constexpr int kRuns = 60;
  const UsersTerms even{.users = 20'000, .failing = 0.3, .failing_factor = 1.2, .weight = ladder(40)};
  const UsersTerms heavy{.users = 5000, .spread = 1.5, .failing = 0.3, .failing_factor = 1.2, .weight = ladder(40)};
  const UsersTerms most_fail{.users = 20'000, .failing = 0.7, .failing_factor = 1.2, .weight = ladder(40)};
  for (const UsersTerms& terms : {even, heavy, most_fail}) {
    EXPECT_LE(run_worlds(terms, kRuns, 40).harm, most(kRuns, 0.007));
  }
}

TEST(RelativeRisk, what_is_just_too_harmful_is_proven_good_no_more_often_than_beta) {
  constexpr int kRuns = 200;
  const UsersTerms terms{.users = 5000, .failing = 0.02, .failing_factor = 2, .weight = [](double) { return 3000U; }};
  const Rates rates = run_worlds(terms, kRuns, 30);
  EXPECT_LE(rates.proof, most(kRuns, 0.04));
  EXPECT_LE(rates.bound, most(kRuns, 0.05));
}

}  // namespace
}  // namespace marea::decide
