// What the judge makes of data that it cannot trust, or that are not there.
#include "decide/judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "decide/judge_told_test.h"

namespace marea::decide {
namespace {

TEST(JudgeTrust, counts_of_another_release_and_ticks_that_are_not_closed_are_not_eaten) {
  Judge judge = new_judge();
  judge.feed(counts_with({new_units(0, 30, 30)}));
  const JudgeState before = judge.state();
  model::ReleaseCounts other = counts_with({new_units(5, 30, 30)});
  other.release = "r2";
  judge.feed(other);
  EXPECT_EQ(judge.state(), before);
  model::ReleaseCounts open = counts_with({new_units(5, 30, 30)});
  open.closed = 5;
  judge.feed(open);
  EXPECT_EQ(judge.state().entered[0], 30U);
  open.closed = 6;
  judge.feed(open);
  EXPECT_EQ(judge.state().entered[0], 60U);
}

TEST(JudgeTrust, a_router_that_forgot_its_keys_begins_the_split_anew_and_nothing_else) {
  Judge judge = new_judge();
  // Few more of the canary than the weight says, and again the same users after each death of router.
  model::ReleaseCounts counts = counts_with({new_units(0, 480, 520)});
  counts.ticks[0].keyed.canary.failed = counts.ticks[0].keyed.stable.failed = 3;
  for (std::uint64_t memory = 1; memory < 20; ++memory) {
    counts.memory = memory;
    EXPECT_NE(judge.feed(counts).doubt, Doubt::sample_ratio) << memory;
    EXPECT_EQ(judge.state().keys, 1000U);
    counts.ticks[0].number = counts.closed++;
  }
  EXPECT_EQ(judge.state().risks[0].keyed[1].hits, 19 * 3U);
  counts.memory = 19;
  for (int i = 0; i < 20; ++i) {
    judge.feed(counts);
    counts.ticks[0].number = counts.closed++;
  }
  EXPECT_EQ(judge.verdict().doubt, Doubt::sample_ratio)
      << "twenty times the same deviation of other users is none by chance";
}

// It numbers its ticks by the wall clock as it was when it began.
TEST(JudgeTrust, a_router_that_begins_on_a_clock_that_was_put_back_is_judged_at_once) {
  Judge judge = new_judge();
  judge.feed(counts_with({new_units(180'000, 100, 100)}));
  model::ReleaseCounts back = counts_with({new_units(40, 100, 100)});
  judge.feed(back);
  EXPECT_EQ(judge.state().entered[0], 100U) << "of the same router they were told before";
  back.memory = 1;
  for (int i = 0; i < 2; ++i) judge.feed(back);
  EXPECT_EQ(judge.state().entered[0], 200U) << "and of another they were not, but are eaten once as well";
  EXPECT_EQ(judge.state().closed, 41U);
  EXPECT_LE(judge.state().risks[0].harm.tick, 40U) << "what is staked with time goes by it, too";
  std::uint64_t tick = 41;
  for (; tick < 100 && judge.verdict().answer != Answer::bad; ++tick) {
    model::ReleaseCounts failing = counts_with({failing_tick(tick)});
    failing.memory = 1;
    judge.feed(failing);
  }
  EXPECT_EQ(judge.verdict().answer, Answer::bad);
}

model::ReleaseTick troubled(std::uint64_t number, std::uint32_t requests, std::uint32_t platform) {
  model::ReleaseTick tick = new_units(number, 100, 100);
  tick.requests = {requests, requests};
  tick.platform = {0, platform};
  return tick;
}

TEST(JudgeTrust, platform_in_trouble_makes_it_silent_and_its_ticks_are_not_judged) {
  Judge judge = new_judge();
  judge.feed(counts_with({new_units(0, 100, 100)}));
  model::ReleaseTick broken = troubled(10, 1000, 30);
  broken.keyed.canary.failed = 90;
  const Verdict verdict = judge.feed(counts_with({broken}));
  EXPECT_EQ(verdict.answer, Answer::cannot_know);
  EXPECT_EQ(verdict.doubt, Doubt::platform_trouble);
  EXPECT_DOUBLE_EQ(verdict.platform_share, 0.03);
  EXPECT_EQ(judge.state().skipped, 1U);
  EXPECT_EQ(of(verdict, JudgedMetric::failures).canary_hits, 0U);

  // No more of it: half minutes begin at multiples of 1,500 ticks, and the last two of them count.
  model::ReleaseCounts quiet{.release = "r1", .closed = 2999};
  EXPECT_EQ(judge.feed(quiet).doubt, Doubt::platform_trouble);
  quiet.closed = 3000;
  EXPECT_EQ(judge.feed(quiet).doubt, Doubt::none);
}

// Control was away: what it is told at once is judged as it would have been then.
TEST(JudgeTrust, how_many_ticks_come_at_once_decides_nothing) {
  std::vector<model::ReleaseTick> all;
  for (std::uint64_t tick = 0; tick < 20'000; tick += 40) {
    const bool trouble = tick >= 6000 && tick < 8000;
    all.push_back(troubled(tick, 40, trouble ? 20 : 0));
    all.back().keyed.canary.failed = tick % 400 == 0 ? 1 : 0;
    all.back().keyed.stable.failed = tick % 200 == 0 ? 1 : 0;
  }
  Judge one = new_judge();
  Judge many = new_judge();
  one.feed(counts_with(all));
  for (const model::ReleaseTick& tick : all) many.feed(counts_with({tick}));
  EXPECT_EQ(one.state(), many.state());
  EXPECT_GT(one.state().skipped, 50U);
  EXPECT_LT(one.state().skipped, all.size() / 2);
  EXPECT_EQ(one.verdict().doubt, Doubt::none);
}

TEST(JudgeTrust, one_failure_of_platform_among_few_requests_is_no_trouble) {
  Judge judge = new_judge();
  EXPECT_EQ(judge.feed(counts_with({troubled(0, 30, 1)})).doubt, Doubt::none);
}

TEST(JudgeTrust, what_was_in_doubt_when_the_clock_was_put_back_is_so_for_a_minute_more) {
  Judge broken = new_judge();
  broken.feed(counts_with({new_units(0, 100, 100)}));
  broken.feed(counts_with({troubled(100'000, 1000, 30)}));
  Judge gap = new_judge();
  model::ReleaseCounts lost = counts_with({new_units(100'000, 100, 100)});
  lost.lost = 1;
  gap.feed(lost);
  Judge old = new_judge();
  old.feed(lost);
  lost.ticks.clear();
  lost.closed += 3000;
  EXPECT_EQ(old.feed(lost).doubt, Doubt::none);

  model::ReleaseCounts back{.release = "r1", .closed = 10, .memory = 1};
  EXPECT_EQ(broken.feed(back).doubt, Doubt::platform_trouble);
  EXPECT_EQ(gap.feed(back).doubt, Doubt::lost_ticks);
  EXPECT_EQ(old.feed(back).doubt, Doubt::none);
  back.closed = 2999;
  EXPECT_EQ(broken.feed(back).doubt, Doubt::platform_trouble);
  EXPECT_EQ(gap.feed(back).doubt, Doubt::lost_ticks);
  back.closed = 3010;
  EXPECT_EQ(broken.feed(back).doubt, Doubt::none);
  EXPECT_EQ(gap.feed(back).doubt, Doubt::none);
}

model::ReleaseCounts slower(std::uint64_t number, std::uint32_t step) {
  model::ReleaseCounts counts = counts_with({new_units(number, 1000, 1000)});
  counts.step = step;
  counts.stable_shape.buckets.resize(model::kLatencyBuckets);
  counts.canary_shape = counts.stable_shape;
  counts.stable_shape.buckets[100] = 1000;
  counts.canary_shape.buckets[106] = 1000;
  return counts;
}

TEST(JudgeTrust, latencies_of_a_step_in_which_platform_was_in_trouble_are_not_compared) {
  Judge judge = new_judge();
  model::ReleaseCounts trouble = slower(0, 1);
  trouble.ticks[0].requests = {1000, 1000};
  trouble.ticks[0].platform = {0, 500};
  judge.feed(trouble);
  EXPECT_NE(judge.feed(slower(6000, 1)).answer, Answer::bad) << "they hold those of the trouble";
  EXPECT_EQ(judge.feed(slower(6001, 2)).metric, JudgedMetric::shape);
}

TEST(JudgeTrust, ticks_that_were_lost_take_the_proof_with_them_and_leave_what_speaks_against_the_canary) {
  Judge judge = new_judge();
  model::ReleaseTick failing = new_units(0, 10, 10);
  failing.keyed.canary.failed = 1;
  judge.feed(counts_with({failing}));
  const double harm = of(judge.verdict(), JudgedMetric::failures).e_value;
  EXPECT_GT(harm, 1);
  std::uint64_t tick = 1;
  for (; tick < 200; ++tick) judge.feed(counts_with({new_units(tick, 10, 10)}));
  ASSERT_EQ(judge.verdict().answer, Answer::proven_good);

  model::ReleaseCounts gap = counts_with({new_units(tick++, 10, 10)});
  gap.lost = 1;
  const Verdict verdict = judge.feed(gap);
  EXPECT_EQ(verdict.answer, Answer::cannot_know);
  EXPECT_EQ(verdict.doubt, Doubt::lost_ticks);
  EXPECT_EQ(of(verdict, JudgedMetric::failures).e_value, harm);
  EXPECT_LT(of(verdict, JudgedMetric::failures).absolute, 2);

  model::ReleaseCounts later{.release = "r1", .closed = gap.closed + 2999, .lost = 1};
  EXPECT_EQ(judge.feed(later).doubt, Doubt::lost_ticks);
  later.closed += 1;
  EXPECT_EQ(judge.feed(later).answer, Answer::not_yet) << "what was proven is to be proven anew";
  for (int i = 0; i < 60; ++i) {
    model::ReleaseCounts more = counts_with({new_units(later.closed++, 10, 10)});
    more.lost = 1;
    judge.feed(more);
  }
  EXPECT_EQ(judge.verdict().answer, Answer::proven_good);
}

TEST(JudgeTrust, a_split_that_is_not_the_weights_is_mistrusted_before_anything_is_called_bad) {
  Judge judge = new_judge();
  Told world({.users = 20'000, .requests = 1000, .failing = 0.05, .failing_factor = 1.2, .misled = 0.4});
  const std::optional<double> second = found(judge, world, Answer::bad, 25);
  EXPECT_FALSE(second);
  const Verdict verdict = judge.verdict();
  EXPECT_EQ(verdict.answer, Answer::cannot_know);
  EXPECT_EQ(verdict.doubt, Doubt::sample_ratio);
  EXPECT_GT(verdict.split, 0);
  EXPECT_DOUBLE_EQ(verdict.split_limit, 1000);

  model::ReleaseTick broken = new_units(100'000, 100, 100);
  broken.keyed.canary.failed = 100;
  EXPECT_EQ(judge.feed(counts_with({broken})).doubt, Doubt::sample_ratio);
}

TEST(JudgeTrust, when_most_keys_have_failed_in_both_arms_it_cannot_know) {
  Judge judge = new_judge();
  model::ReleaseTick tick = new_units(0, 150, 150);
  tick.keyed.stable.at_risk = tick.keyed.canary.at_risk = 150;
  tick.keyed.stable.failed = tick.keyed.canary.failed = 76;
  EXPECT_EQ(judge.feed(counts_with({tick})).doubt, Doubt::few_busy_users);
}

TEST(JudgeTrust, when_router_had_no_room_for_a_tenth_of_the_requests_it_cannot_know) {
  Judge judge = new_judge();
  model::ReleaseCounts counts = counts_with({new_units(0, 100, 100)});
  counts.stable.requests = counts.canary.requests = 100;
  counts.stable.untracked = 20;
  EXPECT_EQ(judge.feed(counts).doubt, Doubt::none);
  counts.closed = 2;
  counts.stable.untracked = 21;
  EXPECT_EQ(judge.feed(counts).doubt, Doubt::untracked);
}

TEST(JudgeTrust, what_was_never_timed_is_not_proven_good) {
  Judge judge = new_judge();
  for (std::uint64_t tick = 0; tick < 100; ++tick) {
    model::ReleaseTick cold = new_units(tick, 10, 10);
    cold.keyed.stable.timed = cold.keyed.canary.timed = 0;
    cold.keyed.stable.at_risk_slow = cold.keyed.canary.at_risk_slow = 0;
    EXPECT_NE(judge.feed(counts_with({cold})).answer, Answer::proven_good);
  }
  EXPECT_TRUE(of(judge.verdict(), JudgedMetric::failures).proven_at);
  EXPECT_FALSE(of(judge.verdict(), JudgedMetric::slow).proven_at);
  EXPECT_EQ(judge.verdict().doubt, Doubt::untimed);
}

// It accepts and does not answer: first requests are open, and end when their callers leave.
TEST(JudgeTrust, what_is_not_known_of_first_requests_is_not_taken_for_good) {
  Judge judge = new_judge({.latency = false});
  std::uint64_t tick = 0;
  const auto feed = [&](std::uint32_t open, std::uint32_t ended, std::uint32_t gone) {
    model::ReleaseTick hung = new_units(tick++, 10, 10);
    hung.keyed.canary.open = open;
    hung.keyed.canary.ended = ended;
    hung.keyed.canary.gone = gone;
    return judge.feed(counts_with({hung}));
  };
  for (int i = 0; i < 100; ++i) EXPECT_NE(feed(10, 0, 0).answer, Answer::proven_good);
  for (int i = 0; i < 100; ++i) EXPECT_NE(feed(10, 10, 10).answer, Answer::proven_good);
  EXPECT_LT(of(judge.verdict(), JudgedMetric::failures).absolute, 1);
  for (int i = 0; i < 100; ++i) feed(0, 10, 20);
  EXPECT_LT(of(judge.verdict(), JudgedMetric::failures).absolute, 100);
  for (int i = 0; i < 100; ++i) feed(0, 0, 0);
  EXPECT_EQ(judge.verdict().answer, Answer::proven_good) << "those after them did well";
}

model::ReleaseTick with_keyless(model::ReleaseTick tick, std::uint32_t units) {
  tick.keyless.stable =
      tick.keyless.canary = {.entered = units, .at_risk = units, .at_risk_slow = units, .timed = units};
  return tick;
}

TEST(JudgeTrust, requests_without_a_key_prove_nothing_of_those_with_one) {
  Judge judge = new_judge();
  std::uint64_t tick = 0;
  for (; tick < 20; ++tick) judge.feed(counts_with({with_keyless(new_units(tick, 10, 10), 200)}));
  EXPECT_EQ(judge.verdict().answer, Answer::not_yet) << "200 keys of the canary, beside 4,000 requests";
  for (; tick < 50; ++tick) judge.feed(counts_with({with_keyless(new_units(tick, 10, 10), 200)}));
  EXPECT_EQ(judge.verdict().answer, Answer::proven_good);
}

TEST(JudgeTrust, requests_without_a_key_do_not_make_up_for_missing_keys) {
  Judge judge = new_judge();
  const Verdict verdict = judge.feed(counts_with({with_keyless(new_units(0, 190, 10), 40)}));
  EXPECT_EQ(verdict.doubt, Doubt::too_few_keys);
  EXPECT_EQ(verdict.missing_keys, 90U);
}

TEST(JudgeTrust, a_stratum_that_mattered_once_has_to_prove_itself_for_good) {
  Judge judge = new_judge();
  std::uint64_t tick = 0;
  for (; tick < 10; ++tick) judge.feed(counts_with({with_keyless({.number = tick, .weight = 5000}, 20)}));
  for (; tick < 600; ++tick) judge.feed(counts_with({new_units(tick, 10, 10)}));
  EXPECT_NE(judge.verdict().answer, Answer::proven_good) << "200 of the canary's had no key";
  for (; tick < 620; ++tick) judge.feed(counts_with({with_keyless(new_units(tick, 10, 10), 20)}));
  EXPECT_EQ(judge.verdict().answer, Answer::proven_good);
}

TEST(JudgeTrust, what_fell_before_the_split_was_mistrusted_is_bad) {
  std::vector<model::ReleaseTick> ticks;
  for (std::uint64_t tick = 0; tick < 14; ++tick) ticks.push_back(failing_tick(tick));
  ticks.push_back(new_units(14, 20'000, 10'000));
  Judge judge = new_judge();
  EXPECT_EQ(judge.feed(counts_with(ticks)).answer, Answer::bad);
  EXPECT_TRUE(judge.state().split.fell_at);
  std::ranges::rotate(ticks, ticks.end() - 1);
  for (std::uint64_t tick = 0; tick < ticks.size(); ++tick) ticks.at(tick).number = tick;
  Judge late = new_judge();
  EXPECT_EQ(late.feed(counts_with(ticks)).doubt, Doubt::sample_ratio);
}

TEST(JudgeTrust, harm_of_requests_without_a_key_is_found_though_few_come_in_a_tick) {
  Judge judge = new_judge();
  Told world({.users = 20'000, .requests = 100, .failing_factor = 1, .keyless = 0.3, .keyless_factor = 20});
  EXPECT_TRUE(found(judge, world, Answer::bad, 60));
}

}  // namespace
}  // namespace marea::decide
