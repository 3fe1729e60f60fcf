#include "decide/judge_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace marea::decide {
namespace {

TEST(JudgePolicy, the_defaults_are_valid) {
  EXPECT_THAT(faults_of({}), testing::IsEmpty());
}

TEST(JudgePolicy, all_faults_are_named_at_once) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const JudgePolicy policy{.alpha = 0.5,
                           .beta = 0,
                           .harm_tolerance = 0.9,
                           .promotion_tolerance = 1,
                           .latency_tolerance = kNan,
                           .objective = base::Duration::zero(),
                           .unproven_limit = 51,
                           .platform_limit = 1.5,
                           .failure_limit = 1,
                           .slow_limit = -1,
                           .least_keys = 0,
                           .sample_ratio_alpha = kNan};
  EXPECT_THAT(faults_of(policy),
              testing::ElementsAre(
                  "alpha is 0.5, must be above 0 and below 0.5", "beta is 0, must be above 0 and below 0.5",
                  "harm tolerance is 0.9, must be at least 1 and at most 50",
                  "promotion tolerance is 1, must be above 1 and at most 50",
                  "latency tolerance is nan, must be at least 1 and at most 50", "objective must be longer than 0",
                  "unproven limit is 51, must be above 1 and at most 50",
                  "platform limit is 1.5, must be above 0 and at most 1",
                  "failure limit is 1, must be above 0 and below 1", "slow limit is -1, must be above 0 and below 1",
                  "least keys must be at least 1", "sample ratio alpha is nan, must be above 0 and below 0.5"));
}

TEST(JudgePolicy, the_bounds_that_belong_to_it_are_allowed) {
  EXPECT_THAT(faults_of({.harm_tolerance = 1, .latency_tolerance = 1, .platform_limit = 1, .least_keys = 1}),
              testing::IsEmpty());
}

TEST(JudgePolicy, alpha_and_beta_are_spent_whole) {
  EXPECT_DOUBLE_EQ(kFailureAlpha + kFirstsAlpha + kSlowAlpha + kShapeAlpha, 1);
  EXPECT_DOUBLE_EQ(kRelativeBeta + kAbsoluteBeta, 1);
}

}  // namespace
}  // namespace marea::decide
