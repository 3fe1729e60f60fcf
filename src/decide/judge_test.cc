#include "decide/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "decide/release_users_test.h"

namespace marea::decide {
namespace {

constexpr std::uint64_t kSecond = 50;  // ticks

// A tick in which so many keyed units enter; where any do, 10,000 are at risk.
model::ReleaseTick new_units(std::uint64_t number, std::uint32_t stable, std::uint32_t canary) {
  const auto arm = [](std::uint32_t units) {
    const std::uint32_t at_risk = units > 0 ? 10'000 : 0;
    return model::ArmCounts{.entered = units, .at_risk = at_risk, .at_risk_slow = at_risk, .timed = units};
  };
  return {.number = number, .weight = 5000, .keyed = {.stable = arm(stable), .canary = arm(canary)}};
}

model::ReleaseCounts counts_with(std::vector<model::ReleaseTick> ticks) {
  model::ReleaseCounts counts{.release = "r1", .closed = ticks.empty() ? 1 : ticks.back().number + 1};
  counts.ticks = std::move(ticks);
  return counts;
}

Judge new_judge(JudgePolicy policy = {}) {
  return Judge(std::move(policy), JudgeState{});
}

const Evidence& of(const Verdict& verdict, JudgedMetric metric) {
  return *std::ranges::find(verdict.evidence, metric, &Evidence::metric);
}

// Router's view of a world: feeds are `every` ticks apart.
class Told {
 public:
  explicit Told(UsersTerms terms, std::uint64_t seed = 1, std::uint64_t every = 10)
      : users_(std::move(terms), seed), every_(every) {}

  model::ReleaseCounts next() {
    model::ReleaseCounts counts{.release = "r1"};
    for (std::uint64_t i = 0; i < every_; ++i) {
      model::ReleaseTick tick = users_.tick();
      if (Users::tells(tick)) counts.ticks.push_back(std::move(tick));
    }
    counts.closed = users_.number();
    counts.stable.requests = users_.requests(false);
    counts.canary.requests = users_.requests(true);
    return counts;
  }
  double second() const { return users_.second(); }

 private:
  Users users_;
  std::uint64_t every_;
};

// The second of the first verdict that is `wanted`.
std::optional<double> found(Judge& judge, Told& world, Answer wanted, double most) {
  while (world.second() < most) {
    if (judge.feed(world.next()).answer == wanted) return world.second();
  }
  return std::nullopt;
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values.at(values.size() / 2);
}

TEST(Judge, before_anything_is_told_nothing_can_be_known) {
  const Verdict verdict = new_judge().verdict();
  EXPECT_EQ(verdict.answer, Answer::cannot_know);
  EXPECT_EQ(verdict.doubt, Doubt::too_few_keys);
  EXPECT_EQ(verdict.missing_keys, 20U);
  EXPECT_EQ(verdict.risk_below, std::nullopt);
  ASSERT_EQ(verdict.evidence.size(), 3U);
  for (const Evidence& evidence : verdict.evidence) EXPECT_EQ(evidence.fell_at, std::nullopt);
}

TEST(Judge, keys_that_are_missing_are_counted_down_until_it_is_only_not_yet) {
  Judge judge = new_judge();
  EXPECT_EQ(judge.feed(counts_with({new_units(0, 30, 15)})).missing_keys, 5U);
  const Verdict verdict = judge.feed(counts_with({new_units(1, 0, 5)}));
  EXPECT_EQ(verdict.answer, Answer::not_yet);
  EXPECT_EQ(verdict.doubt, Doubt::none);
  EXPECT_EQ(of(verdict, JudgedMetric::failures).canary_units, 20U);
  EXPECT_EQ(of(verdict, JudgedMetric::failures).stable_units, 30U);
}

TEST(Judge, without_a_unit_of_stable_there_is_nothing_to_compare_with) {
  Judge judge = new_judge();
  model::ReleaseTick tick = new_units(0, 0, 500);
  tick.weight = 10'000;
  tick.keyed.canary.failed = 400;
  const Verdict verdict = judge.feed(counts_with({tick}));
  EXPECT_EQ(verdict.answer, Answer::cannot_know);
  EXPECT_EQ(verdict.doubt, Doubt::no_stable);
}

TEST(Judge, counts_fed_twice_or_cut_differently_change_nothing) {
  const UsersTerms terms{.failing = 0.02, .slow = 0.02, .failing_factor = 1.5, .keyless = 0.2, .weight = ladder(60)};
  Judge once = new_judge();
  Judge twice = new_judge();
  Told world(terms);
  model::ReleaseCounts before;
  while (world.second() < 60) {
    model::ReleaseCounts counts = world.next();
    const Verdict verdict = once.feed(counts);
    // What was told before is told again with it, and the whole once more.
    counts.ticks.insert(counts.ticks.begin(), before.ticks.begin(), before.ticks.end());
    EXPECT_EQ(twice.feed(counts), verdict);
    EXPECT_EQ(twice.feed(counts), verdict);
    if (before.closed > 0) {
      EXPECT_EQ(twice.feed(before), verdict) << "old counts";
    }
    before = counts;
  }
  EXPECT_EQ(once.state(), twice.state());
  EXPECT_GT(once.state().risks[0].keyed[1].hits, 10U);
}

TEST(Judge, one_that_goes_on_from_a_stored_state_says_the_same) {
  const UsersTerms terms{.failing = 0.02, .failing_factor = 2, .weight = ladder(60)};
  Judge judge = new_judge();
  Told world(terms);
  while (world.second() < 60) {
    const model::ReleaseCounts counts = world.next();
    Judge next_life(judge.policy(), judge.state());
    const Verdict verdict = judge.feed(counts);
    ASSERT_EQ(next_life.feed(counts), verdict);
    ASSERT_EQ(next_life.state(), judge.state());
    ASSERT_EQ(next_life.verdict(), verdict);
  }
}

TEST(Judge, counts_of_another_release_and_ticks_that_are_not_closed_are_not_eaten) {
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

TEST(Judge, a_router_that_forgot_its_keys_begins_the_split_anew_and_nothing_else) {
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

// A canary that fails every request, at half of the keys.
Judge broken_canary(std::uint32_t keys) {
  Judge judge = new_judge();
  for (std::uint32_t tick = 0; tick < keys; ++tick) {
    model::ReleaseTick told_tick = new_units(tick, 1, 1);
    told_tick.keyed.stable.at_risk = tick + 1;
    told_tick.keyed.canary.at_risk = told_tick.keyed.canary.failed = 1;
    judge.feed(counts_with({told_tick}));
  }
  return judge;
}

TEST(Judge, bad_says_by_what_and_when_and_is_final) {
  Judge judge = broken_canary(6);
  const Verdict verdict = judge.verdict();
  ASSERT_EQ(verdict.answer, Answer::bad)
      << "1 of 2 at risk is the canary's, then 1 of 3, of 4 …: nearly 2 · 3 · 4 · 5 · 6 · 7, a quarter of it";
  EXPECT_EQ(verdict.metric, JudgedMetric::failures);
  EXPECT_EQ(verdict.doubt, Doubt::none);
  const Evidence& evidence = of(verdict, JudgedMetric::failures);
  EXPECT_EQ(evidence.fell_at, verdict.tick);
  EXPECT_EQ(evidence.canary_hits, 6U);
  EXPECT_EQ(evidence.stable_hits, 0U);
  EXPECT_GE(evidence.e_value, evidence.limit);
  EXPECT_NEAR(evidence.limit, 1 / 0.007, 1e-6);

  const std::uint64_t tick = verdict.tick;
  model::ReleaseTick quiet = new_units(1000, 100'000, 100'000);
  quiet.keyed.stable.failed = 50'000;
  model::ReleaseCounts counts = counts_with({quiet});
  counts.stable.requests = 100'000;
  counts.stable.failures[std::to_underlying(model::FailureCause::platform)] = 50'000;
  const Verdict later = judge.feed(counts);
  EXPECT_EQ(later.answer, Answer::bad);
  EXPECT_EQ(later.tick, tick);
}

TEST(Judge, platform_in_trouble_makes_it_silent_and_its_ticks_are_not_judged) {
  Judge judge = new_judge();
  judge.feed(counts_with({new_units(0, 100, 100)}));
  model::ReleaseCounts counts = counts_with({new_units(10, 100, 100)});
  counts.ticks[0].keyed.canary.failed = 90;
  counts.canary.requests = counts.stable.requests = 1000;
  counts.canary.failures[std::to_underlying(model::FailureCause::platform)] = 30;
  const Verdict verdict = judge.feed(counts);
  EXPECT_EQ(verdict.answer, Answer::cannot_know);
  EXPECT_EQ(verdict.doubt, Doubt::platform_trouble);
  EXPECT_DOUBLE_EQ(verdict.platform_share, 0.03);
  EXPECT_EQ(judge.state().skipped, 1U);
  EXPECT_EQ(of(verdict, JudgedMetric::failures).canary_hits, 0U);

  // No more of it for over a minute.
  Verdict later;
  for (std::uint64_t second = 1; second < 95; ++second) {
    model::ReleaseCounts next = counts;
    next.ticks.clear();
    next.closed = 10 + second * kSecond;
    next.canary.requests += 20 * second;
    later = judge.feed(next);
    if (second == 25) {
      EXPECT_EQ(later.doubt, Doubt::platform_trouble);
    }
  }
  EXPECT_EQ(later.doubt, Doubt::none);
}

TEST(Judge, one_failure_of_platform_among_few_requests_is_no_trouble) {
  Judge judge = new_judge();
  model::ReleaseCounts counts = counts_with({new_units(0, 30, 30)});
  counts.canary.requests = counts.stable.requests = 30;
  counts.canary.failures[std::to_underlying(model::FailureCause::platform)] = 1;
  EXPECT_EQ(judge.feed(counts).doubt, Doubt::none);
}

TEST(Judge, a_split_that_is_not_the_weights_is_mistrusted_before_anything_is_called_bad) {
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

TEST(Judge, when_most_keys_have_failed_in_both_arms_it_cannot_know) {
  Judge judge = new_judge();
  model::ReleaseTick tick = new_units(0, 50, 50);
  tick.keyed.stable.at_risk = tick.keyed.canary.at_risk = 50;
  tick.keyed.stable.failed = tick.keyed.canary.failed = 26;
  EXPECT_EQ(judge.feed(counts_with({tick})).doubt, Doubt::few_busy_users);
}

TEST(Judge, when_router_had_no_room_for_a_tenth_of_the_requests_it_cannot_know) {
  Judge judge = new_judge();
  model::ReleaseCounts counts = counts_with({new_units(0, 50, 50)});
  counts.stable.requests = counts.canary.requests = 100;
  counts.stable.untracked = 20;
  EXPECT_EQ(judge.feed(counts).doubt, Doubt::none);
  counts.closed = 2;
  counts.stable.untracked = 21;
  EXPECT_EQ(judge.feed(counts).doubt, Doubt::untracked);
}

TEST(Judge, clean_keys_alone_prove_it_good_and_failures_take_that_back) {
  Judge judge = new_judge();
  Verdict verdict;
  std::uint64_t tick = 0;
  for (; tick < 100 && verdict.answer != Answer::proven_good; ++tick)
    verdict = judge.feed(counts_with({new_units(tick, 10, 10)}));
  ASSERT_EQ(verdict.answer, Answer::proven_good);
  const Evidence& evidence = of(verdict, JudgedMetric::failures);
  EXPECT_EQ(evidence.canary_units, 480U)
      << "0.75 · 0.99^-n and two lesser parts reach 1/(0.2 · 0.05) at 473, told by tens";
  EXPECT_EQ(evidence.proven_at, tick - 1);
  EXPECT_LT(evidence.proof, evidence.proof_limit);

  model::ReleaseTick failing = new_units(tick, 10, 10);
  failing.keyed.stable.failed = failing.keyed.canary.failed = 3;
  verdict = judge.feed(counts_with({failing}));
  EXPECT_EQ(verdict.answer, Answer::not_yet);
  EXPECT_EQ(of(verdict, JudgedMetric::failures).proven_at, std::nullopt);
}

TEST(Judge, what_was_never_timed_is_not_proven_good) {
  Judge judge = new_judge();
  for (std::uint64_t tick = 0; tick < 100; ++tick) {
    model::ReleaseTick cold = new_units(tick, 10, 10);
    cold.keyed.stable.timed = cold.keyed.canary.timed = 0;
    cold.keyed.stable.at_risk_slow = cold.keyed.canary.at_risk_slow = 0;
    EXPECT_NE(judge.feed(counts_with({cold})).answer, Answer::proven_good);
  }
  EXPECT_TRUE(of(judge.verdict(), JudgedMetric::failures).proven_at);
  EXPECT_FALSE(of(judge.verdict(), JudgedMetric::slow).proven_at);
}

TEST(Judge, a_canary_that_is_slow_more_often_is_bad_unless_latency_is_not_judged) {
  const UsersTerms terms{.users = 20'000, .failing = 0.01, .slow = 0.02, .slow_factor = 5};
  Judge judge = new_judge();
  Told world(terms);
  ASSERT_TRUE(found(judge, world, Answer::bad, 60));
  EXPECT_EQ(judge.verdict().metric, JudgedMetric::slow);
  Judge lenient = new_judge({.latency = false});
  Told same(terms);
  EXPECT_FALSE(found(lenient, same, Answer::bad, 60));
  EXPECT_EQ(lenient.verdict().evidence.size(), 1U);
  EXPECT_NEAR(lenient.verdict().evidence[0].limit, 100, 1e-6) << "alpha is whole";
}

TEST(Judge, a_canary_whose_latencies_are_all_longer_is_bad_by_their_shape) {
  Judge judge = new_judge();
  model::ReleaseCounts counts = counts_with({new_units(7, 1000, 1000)});
  counts.stable_shape.buckets.resize(model::kLatencyBuckets);
  counts.canary_shape = counts.stable_shape;
  counts.stable_shape.buckets[100] = 1000;
  counts.canary_shape.buckets[105] = 1000;
  EXPECT_NE(judge.feed(counts).answer, Answer::bad) << "longer by just the tolerance";
  counts.canary_shape.buckets[105] = 0;
  counts.canary_shape.buckets[106] = 1000;
  const Verdict verdict = judge.feed(counts);
  EXPECT_EQ(verdict.answer, Answer::bad);
  EXPECT_EQ(verdict.metric, JudgedMetric::shape);
  EXPECT_EQ(verdict.tick, 7U);
  EXPECT_DOUBLE_EQ(of(verdict, JudgedMetric::shape).e_value, 1);
}

TEST(Judge, without_proof_it_advances_only_where_a_large_risk_is_ruled_out) {
  const JudgePolicy policy{.unproven_limit = 5};
  EXPECT_TRUE(may_advance_unproven(policy, {.answer = Answer::not_yet, .doubt = Doubt::none, .risk_below = 5}));
  EXPECT_FALSE(may_advance_unproven(policy, {.answer = Answer::not_yet, .doubt = Doubt::none, .risk_below = 5.1}));
  EXPECT_FALSE(may_advance_unproven(policy, {.answer = Answer::not_yet, .doubt = Doubt::none}));
  EXPECT_FALSE(may_advance_unproven(policy, {.answer = Answer::bad, .risk_below = 1}));
  EXPECT_FALSE(may_advance_unproven(policy, {.answer = Answer::cannot_know, .risk_below = 1}));
  EXPECT_TRUE(may_advance_unproven(policy, {.answer = Answer::proven_good, .doubt = Doubt::none}));
}

TEST(Judge, the_bound_falls_while_both_arms_fail_alike) {
  Judge judge = new_judge({.latency = false});
  Told world({.users = 20'000, .failing = 0.01});
  found(judge, world, Answer::bad, 60);
  ASSERT_TRUE(judge.verdict().risk_below);
  EXPECT_LE(*judge.verdict().risk_below, 5);
  EXPECT_GE(*judge.verdict().risk_below, 1);
}

// The figures of the design, in virtual time: 200 requests a second, 1 % failing, 20,000 users, 10 % of them the
// canary's.
TEST(Judge, harm_is_found_as_fast_as_promised) {
  struct Case {
    double factor;
    double median;
    int runs;
  };
  for (const Case& given : {Case{2, 200, 15}, Case{3, 45, 41}, Case{100, 1, 31}}) {
    std::vector<double> times;
    for (int run = 0; run < given.runs; ++run) {
      Judge judge = new_judge();
      Told world({.users = 20'000, .slow = 0.01, .failing_factor = given.factor}, static_cast<std::uint64_t>(run));
      times.push_back(found(judge, world, Answer::bad, 600).value_or(600));
    }
    EXPECT_LE(median_of(times), given.median) << given.factor;
  }
}

TEST(Judge, harm_of_requests_without_a_key_is_found_though_few_come_in_a_tick) {
  Judge judge = new_judge();
  Told world({.users = 20'000, .requests = 100, .failing_factor = 1, .keyless = 0.3, .keyless_factor = 20});
  EXPECT_TRUE(found(judge, world, Answer::bad, 60));
}

TEST(Judge, a_harmless_canary_is_proven_good_as_fast_as_promised) {
  std::vector<double> times;
  for (std::uint64_t run = 0; run < 15; ++run) {
    Judge judge = new_judge({.latency = false});
    Told world({.users = 20'000}, run);
    times.push_back(found(judge, world, Answer::proven_good, 600).value_or(600));
  }
  EXPECT_LE(median_of(times), 65);
}

// Whole policy, users of whom a few do most, weights that grow: of 150 runs 1 % may be wrong; more than 6 would be so
// once in a thousand times.
TEST(Judge, identical_versions_are_rolled_back_no_more_often_than_alpha) {
  int bad = 0;
  for (std::uint64_t run = 0; run < 150; ++run) {
    Judge judge = new_judge();
    Told world({.users = 300,
                .spread = 1.5,
                .failing = 0.02,
                .slow = 0.05,
                .frail = 0.2,
                .keyless = 0.2,
                .weight = ladder(40)},
               run);
    bad += found(judge, world, Answer::bad, 40) ? 1 : 0;
  }
  EXPECT_LE(bad, 6);
}

TEST(Judge, each_doubt_tells_what_would_change_it) {
  for (int doubt = 1; doubt <= std::to_underlying(Doubt::untracked); ++doubt) {
    EXPECT_FALSE(to_string(static_cast<Doubt>(doubt)).empty());
    EXPECT_FALSE(remedy(static_cast<Doubt>(doubt)).empty());
  }
  for (const Answer answer : {Answer::not_yet, Answer::proven_good, Answer::bad, Answer::cannot_know}) {
    EXPECT_FALSE(to_string(answer).empty());
  }
  EXPECT_EQ(to_string(JudgedMetric::failures), "failures");
  EXPECT_EQ(to_string(JudgedMetric::slow), "slow");
  EXPECT_EQ(to_string(JudgedMetric::shape), "shape");
}

}  // namespace
}  // namespace marea::decide
