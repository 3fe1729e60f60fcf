#include "decide/release_opinion.h"

#include <gtest/gtest.h>

namespace marea::decide {
namespace {

TEST(ReleaseOpinionTest, every_default_policy_of_a_release_is_a_valid_one_of_the_judge) {
  for (const auto strategy : {model::ReleaseStrategy::canary, model::ReleaseStrategy::blue_green}) {
    EXPECT_TRUE(faults_of(judge_policy(default_policy(strategy))).empty());
  }
  model::ReleasePolicy policy;
  policy.objectives = {.latency = std::chrono::milliseconds(300), .availability = 0.995};
  const JudgePolicy judged = judge_policy(policy);
  EXPECT_EQ(judged.objective, std::chrono::milliseconds(300));
  EXPECT_NEAR(judged.failure_limit, 0.005, 1e-12);
}

TEST(ReleaseOpinionTest, the_evidence_is_said_in_words) {
  const Verdict verdict{
      .answer = Answer::bad,
      .doubt = Doubt::none,
      .evidence =
          {{.metric = JudgedMetric::failures,
            .canary_units = 300,
            .canary_hits = 12,
            .stable_units = 3000,
            .stable_hits = 9,
            .e_value = 210.4,
            .limit = 166.7,
            .risk_below = 30.0},
           {.metric = JudgedMetric::shape, .canary_units = 40, .stable_units = 400, .e_value = 0.125, .limit = 0.5}},
      .risk_below = 30.0};
  const model::JudgeOpinion opinion = opinion_of(verdict);
  EXPECT_EQ(opinion.verdict, model::ReleaseVerdict::bad);
  EXPECT_EQ(opinion.risk_bound, 30.0);
  EXPECT_EQ(opinion.evidence,
            "failures: 12 of 300 keys, 9 of 3000 of stable's, E = 210 of 166, risk below 30; "
            "shape: 40 keys, 400 of stable's, distance 0.12 of 0.50");
}

TEST(ReleaseOpinionTest, what_else_the_failures_were_found_or_proven_by_is_said) {
  const Evidence evidence{.metric = JudgedMetric::failures,
                          .canary_units = 3,
                          .canary_hits = 3,
                          .stable_units = 25,
                          .e_value = 2.5,
                          .limit = 200,
                          .firsts = 656,
                          .firsts_limit = 500,
                          .absolute = 120,
                          .absolute_limit = 100};
  EXPECT_EQ(
      opinion_of({.answer = Answer::bad, .doubt = Doubt::none, .evidence = {evidence}}).evidence,
      "failures: 3 of 3 keys, 0 of 25 of stable's, E = 2.50 of 200, first requests 656 of 500, few by themselves");
}

TEST(ReleaseOpinionTest, each_doubt_is_one_that_the_release_knows) {
  const auto unknown = [](Doubt doubt) { return opinion_of({.doubt = doubt}).unknown; };
  EXPECT_EQ(unknown(Doubt::sample_ratio), model::UnknownCause::split_mistrusted);
  EXPECT_EQ(unknown(Doubt::platform_trouble), model::UnknownCause::platform_trouble);
  EXPECT_EQ(unknown(Doubt::no_stable), model::UnknownCause::no_stable);
  EXPECT_EQ(unknown(Doubt::lost_ticks), model::UnknownCause::platform_trouble) << "never gone on from by time";
  for (const Doubt doubt : {Doubt::too_few_keys, Doubt::untimed, Doubt::few_busy_users, Doubt::untracked}) {
    EXPECT_EQ(unknown(doubt), model::UnknownCause::too_little);
  }
  EXPECT_EQ(opinion_of({.doubt = Doubt::few_busy_users}).evidence, "few busy users");
}

// Its reader has the bounds of the judge: what is at them is judged, what is beyond is a fault with its place.
TEST(ReleaseOpinionTest, whatever_a_policy_may_say_can_be_judged) {
  const auto parse = [](const std::string& judging) {
    return model::parse_release_policies("apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: p}\nspec: {" +
                                         judging + "}\n");
  };
  for (const std::string most : {"unprovenLimit: 50", "tolerance: {harm: 50, promotion: 50, latency: 50}",
                                 "tolerance: {harm: 1, promotion: 1.1, latency: 1}", "alpha: 0.49, beta: 0.49",
                                 "objectives: {latency: 1ms, availability: 0.999}"}) {
    const auto policy = parse(most);
    ASSERT_TRUE(policy) << most << ": " << to_string(policy.error().front());
    EXPECT_THAT(faults_of(judge_policy(policy->front().policy)), testing::IsEmpty()) << most;
  }
  for (const std::string beyond : {"unprovenLimit: 50.1", "unprovenLimit: 1", "tolerance: {harm: 51}",
                                   "tolerance: {latency: 0.9}", "alpha: 0.5", "beta: 0"}) {
    EXPECT_FALSE(parse(beyond)) << beyond;
  }
}

}  // namespace
}  // namespace marea::decide
