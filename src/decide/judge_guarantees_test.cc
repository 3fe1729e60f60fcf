// How often the judge as a whole errs: at the very risks that its policy promises something of.
#include <gtest/gtest.h>

#include <cmath>

#include "decide/judge.h"
#include "decide/judge_told_test.h"

namespace marea::decide {
namespace {

constexpr double kSeconds = 15;  // of each world

int worlds_with(Answer wanted, const JudgePolicy& policy, const UsersTerms& terms, int runs) {
  int out = 0;
  for (int run = 0; run < runs; ++run) {
    Judge judge = new_judge(policy);
    Told world(terms, static_cast<std::uint64_t>(run));
    out += found(judge, world, wanted, kSeconds) ? 1 : 0;
  }
  return out;
}

// More errors than these come once in a thousand times, where each run errs with the probability: the quantile of the
// binomial distribution.
int errors_by_chance(int runs, double probability) {
  double of_just_as_many = std::pow(1 - probability, runs);
  double sum = of_just_as_many;
  int errors = 0;
  while (sum < 0.999) {
    of_just_as_many *= (runs - errors) / (errors + 1.0) * probability / (1 - probability);
    sum += of_just_as_many;
    ++errors;
  }
  return errors;
}

TEST(JudgeGuarantees, chance_is_reckoned_as_the_binomial_distribution_has_it) {
  // Of 10 at 0.1 the sums up to 4 and 5 are 0.99837 and 0.99985; of 200 and 300 at 0.05 computed apart.
  EXPECT_EQ(errors_by_chance(10, 0.1), 5);
  EXPECT_EQ(errors_by_chance(200, 0.05), 21);
  EXPECT_EQ(errors_by_chance(300, 0.05), 28);
}

// Some 180 of each run's first failures say so. The canary fails just as often as must be ruled out for the proof.
TEST(JudgeGuarantees, at_the_tolerated_risk_a_canary_is_proven_good_no_more_often_than_beta) {
  constexpr int kRuns = 200;
  UsersTerms terms{.users = 20'000, .failing = 0.05, .failing_factor = 2, .weight = [](double) { return 5000U; }};
  const JudgePolicy policy{.latency = false};
  const int allowed = errors_by_chance(kRuns, policy.beta);
  EXPECT_LE(worlds_with(Answer::proven_good, policy, terms, kRuns), allowed);
  // A judge that errs eight times as often would be seen,
  EXPECT_GT(worlds_with(Answer::proven_good, {.beta = 0.4, .latency = false}, terms, kRuns), allowed);
  // and so would one that never proves anything.
  terms.failing_factor = 1;
  EXPECT_GE(worlds_with(Answer::proven_good, policy, terms, kRuns), kRuns / 2);
}

// By failures and by slow requests, each as much more of them as is still harmless; and of identical versions, with few
// users of whom some do most.
TEST(JudgeGuarantees, a_harmless_canary_is_called_bad_no_more_often_than_alpha) {
  constexpr int kRuns = 300;
  const JudgePolicy policy{.alpha = 0.05};
  UsersTerms tolerated{.users = 20'000,
                       .failing = 0.05,
                       .slow = 0.1,
                       .failing_factor = policy.harm_tolerance,
                       .slow_factor = policy.harm_tolerance,
                       .weight = ladder(kSeconds)};
  const UsersTerms heavy{.users = 300,
                         .spread = 1.5,
                         .failing = 0.02,
                         .slow = 0.05,
                         .frail = 0.2,
                         .keyless = 0.2,
                         .weight = ladder(kSeconds)};
  for (const UsersTerms& terms : {tolerated, heavy}) {
    EXPECT_LE(worlds_with(Answer::bad, policy, terms, kRuns), errors_by_chance(kRuns, policy.alpha));
  }
  tolerated.failing_factor = 3;
  constexpr int kFewRuns = 40;
  EXPECT_GE(worlds_with(Answer::bad, policy, tolerated, kFewRuns), kFewRuns / 2)
      << "one that never calls anything bad would pass the other lines";
}

}  // namespace
}  // namespace marea::decide
