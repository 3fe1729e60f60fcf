#include "decide/would_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace marea::decide {
namespace {

using testing::HasSubstr;
using testing::Not;

// A judge that was told of one tick in which so many keys entered, and of which so many fell out.
Judge judge_of(std::uint32_t stable, std::uint32_t canary, std::uint32_t stable_failed = 0,
               std::uint32_t canary_failed = 0, std::uint32_t weight = 5000) {
  Judge judge({}, {});
  model::ReleaseTick tick{.number = 0, .weight = weight};
  tick.keyed.stable = {
      .entered = stable, .at_risk = stable, .failed = stable_failed, .at_risk_slow = stable, .timed = stable};
  tick.keyed.canary = {
      .entered = canary, .at_risk = canary, .failed = canary_failed, .at_risk_slow = canary, .timed = canary};
  judge.feed({.release = "r", .closed = 1, .ticks = {tick}});
  return judge;
}

MetricDistance failures_of(const Judge& judge) {
  return distances(judge.policy(), judge.state(), judge.verdict()).at(0);
}

std::string sentence_of(const Judge& judge) {
  return would_change(judge.policy(), judge.state(), judge.verdict());
}

// What the numbers mean: fed to the judge, exactly so many make the difference and one less does not.
void feed(Judge& judge, std::uint32_t entered, std::uint32_t failed) {
  model::ReleaseTick tick{.number = judge.state().closed, .weight = judge.state().risks[0].harm.weight};
  const auto& keyed = judge.state().risks[0].keyed;
  const auto at_risk = [&](std::size_t arm) { return static_cast<std::uint32_t>(keyed[arm].units - keyed[arm].hits); };
  tick.keyed.stable = {.at_risk = at_risk(0), .at_risk_slow = at_risk(0)};
  tick.keyed.canary = {.entered = entered,
                       .at_risk = at_risk(1) + entered,
                       .failed = failed,
                       .at_risk_slow = at_risk(1) + entered,
                       .timed = entered};
  judge.feed({.release = "r", .closed = tick.number + 1, .ticks = {tick}});
}

TEST(WouldChange, before_anybody_came_it_is_keys) {
  EXPECT_THAT(sentence_of(Judge({}, {})), HasSubstr("100 more keys of the canary, until then only harm can be known"));
  EXPECT_THAT(sentence_of(judge_of(15, 40)), HasSubstr("85 more keys of stable"));
}

TEST(WouldChange, clean_keys_that_are_told_are_those_that_the_absolute_test_lacks) {
  // β · 0.2 = 0.01, so ln 100 = 4.605 is asked. n clean ones at a limit of 1 % are worth about
  // ln(0.75 · 0.99^-n + …): 0.75 · 0.99^-n alone reaches 100 at n = 487.
  const Judge judge = judge_of(100, 100);
  const std::optional<std::uint64_t> clean = failures_of(judge).clean;
  ASSERT_TRUE(clean);
  EXPECT_NEAR(static_cast<double>(*clean), 487 - 100, 25);
  Judge enough = judge;
  feed(enough, static_cast<std::uint32_t>(*clean), 0);
  EXPECT_TRUE(failures_of(enough).proven);
  Judge few = judge;
  feed(few, static_cast<std::uint32_t>(*clean) - 1, 0);
  EXPECT_FALSE(failures_of(few).proven);
  EXPECT_EQ(failures_of(few).clean, 1U);
  EXPECT_THAT(sentence_of(judge), HasSubstr("proven good: failures: about "));
  EXPECT_THAT(sentence_of(judge), HasSubstr("more keys of the canary without a failure"));
}

TEST(WouldChange, failing_keys_that_are_told_make_it_bad) {
  const Judge judge = judge_of(900, 100, 0, 0, 1000);
  const std::optional<std::uint64_t> bad = failures_of(judge).bad;
  ASSERT_TRUE(bad);
  EXPECT_EQ(*bad, 4U) << "of a canary with a tenth";
  Judge enough = judge;
  feed(enough, 0, static_cast<std::uint32_t>(*bad));
  EXPECT_EQ(enough.verdict().answer, Answer::bad);
  EXPECT_EQ(sentence_of(enough), "nothing in this attempt: bad is final");
  Judge few = judge;
  feed(few, 0, static_cast<std::uint32_t>(*bad) - 1);
  EXPECT_NE(few.verdict().answer, Answer::bad);
  EXPECT_THAT(sentence_of(judge), HasSubstr("bad: 4 more keys of the canary that fail"));
}

TEST(WouldChange, where_stable_fails_too_the_comparison_may_be_the_shorter_way) {
  // One of 30 fails in both arms: that is no less than 1 %, but each failure compares them.
  const Judge judge = judge_of(300, 300, 10, 10);
  const MetricDistance found = failures_of(judge);
  ASSERT_FALSE(found.proven);
  ASSERT_TRUE(found.alike);
  Judge enough = judge;
  const double rate = 10.0 / 300;
  const auto failing = static_cast<std::uint32_t>(std::llround(static_cast<double>(*found.alike) * rate));
  model::ReleaseTick tick{.number = 1, .weight = 5000};
  tick.keyed.stable = {.at_risk = 290, .failed = failing, .at_risk_slow = 290};
  tick.keyed.canary = {.at_risk = 290, .failed = failing, .at_risk_slow = 290};
  enough.feed({.release = "r", .closed = 2, .ticks = {tick}});
  EXPECT_TRUE(failures_of(enough).proven);
  EXPECT_THAT(sentence_of(judge), HasSubstr("more of it that fail as often as stable's"));
}

TEST(WouldChange, without_a_failure_of_stable_there_is_no_comparison_to_tell_of) {
  const Judge judge = judge_of(100, 100);
  EXPECT_FALSE(failures_of(judge).alike);
  EXPECT_THAT(sentence_of(judge), Not(HasSubstr("as often as stable's")));
}

TEST(WouldChange, a_proof_says_what_would_end_it) {
  const Judge judge = judge_of(2000, 2000);
  ASSERT_EQ(judge.verdict().answer, Answer::proven_good);
  const MetricDistance found = failures_of(judge);
  EXPECT_TRUE(found.proven);
  EXPECT_FALSE(found.clean);
  ASSERT_TRUE(found.lost);
  Judge enough = judge;
  feed(enough, static_cast<std::uint32_t>(*found.lost), static_cast<std::uint32_t>(*found.lost));
  EXPECT_FALSE(failures_of(enough).proven);
  Judge few = judge;
  feed(few, static_cast<std::uint32_t>(*found.lost) - 1, static_cast<std::uint32_t>(*found.lost) - 1);
  EXPECT_TRUE(failures_of(few).proven);
  EXPECT_THAT(sentence_of(judge), HasSubstr("not yet: "));
}

TEST(WouldChange, a_mistrusted_split_is_told_as_that_and_nothing_else) {
  const Judge judge = judge_of(4000, 400);
  ASSERT_EQ(judge.verdict().doubt, Doubt::sample_ratio);
  EXPECT_EQ(sentence_of(judge), remedy(Doubt::sample_ratio));
}

TEST(WouldChange, of_a_canary_alone_nothing_can_be_compared) {
  const Judge judge = judge_of(0, 500, 0, 100, 10'000);
  EXPECT_FALSE(failures_of(judge).bad);
  EXPECT_THAT(sentence_of(judge), HasSubstr("more keys of stable"));
}

}  // namespace
}  // namespace marea::decide
