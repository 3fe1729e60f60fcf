#include "control/release_entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/judge_form.h"
#include "control/states.h"

namespace marea::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr base::Instant kBegun{seconds(1000)};
constexpr base::WallTime kWall{1'700'000'000'000'000'000};

model::ReleaseSpec spec_of(model::ReleasePolicy policy = {}) {
  return {.id = "loans-00007",
          .service = base::ServiceName("loans"),
          .stable = base::RevisionName("loans-00006"),
          .canary = base::RevisionName("loans-00007"),
          .policy = std::move(policy)};
}

ReleaseEntry entry_of(model::ReleasePolicy policy = {}) {
  auto next = ReleaseEntry::begin(spec_of(std::move(policy)), "salt", kBegun, kWall);
  return {next.record, {}, std::ssize(next.audit), kBegun};
}

// One second of a release at 10 %: fifty ticks, in which `failing` keys of the canary's five fail.
model::ReleaseCounts counts_of(const std::string& release, std::uint64_t second, std::uint32_t failing = 0) {
  model::ReleaseCounts out{.release = release, .closed = (second + 1) * 50, .memory = 7};
  for (std::uint64_t i = 0; i < 50; ++i) {
    const std::uint32_t entering = i % 10 == 0 ? 1 : 0;
    const std::uint32_t risk = static_cast<std::uint32_t>(second * 5 + i / 10) + entering;
    out.ticks.push_back({.number = second * 50 + i,
                         .weight = 1000,
                         .keyed = {.stable = {.entered = 1, .at_risk = 100 + risk * 9, .failed = i == 25 ? 1U : 0U},
                                   .canary = {.entered = entering,
                                              .at_risk = risk + failing,
                                              .failed = i % 10 == 0 && i / 10 < failing ? 1U : 0U}},
                         .keyless = {.stable = {.entered = 2, .at_risk = 2}, .canary = {.entered = 1, .at_risk = 1}},
                         .requests = {20, 2},
                         .platform = {0, i == 7 ? 1U : 0U}});
    if (i == 25) out.firsts.push_back({.number = second * 50 + i, .weight = 1000, .stable_failed = 1});
  }
  out.stable.requests = 1000 * (second + 1);
  out.canary.requests = 100 * (second + 1);
  out.stable_shape.buckets.resize(model::kLatencyBuckets);
  out.canary_shape.buckets.resize(model::kLatencyBuckets);
  out.stable_shape.buckets[60] = static_cast<std::uint32_t>(300 * (second + 1));
  out.canary_shape.buckets[60] = static_cast<std::uint32_t>(30 * (second + 1));
  return out;
}

TEST(JudgeForm, what_the_judge_knows_is_read_back_to_the_last_bit) {
  decide::Judge judge({}, {});
  for (std::uint64_t second = 0; second < 70; ++second) judge.feed(counts_of("r", second, second % 3 == 0 ? 1 : 0));
  decide::JudgeState state = judge.state();
  state.bad = {.metric = decide::JudgedMetric::slow, .tick = 9};
  state.risks[1].fell_at = 3;
  state.shape.fell_at = 4;
  state.split.fell_at = 5;
  state.firsts.fell_at = 2;
  state.firsts_over = true;
  state.muted = 10;
  state.open = {11, 12};
  state.lost = 13;
  state.lost_at = 14;
  state.skipped = 6;
  state.untracked = 8;
  const auto back = judge_from_text(judge_to_text(state));
  ASSERT_TRUE(back) << back.error().line();
  EXPECT_EQ(*back, state);
}

TEST(JudgeForm, a_newer_marea_may_add_and_an_older_one_may_lack) {
  const auto state = judge_from_text(R"({"closed":7,"from_tomorrow":{}})");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->closed, 7U);
  EXPECT_EQ(*judge_from_text(""), decide::JudgeState{});
  EXPECT_FALSE(judge_from_text("{"));
  EXPECT_FALSE(judge_from_text(R"({"closed":"a"})"));
}

TEST(ReleaseEntryTest, its_age_passes_only_while_it_is_looked_at) {
  ReleaseEntry entry = entry_of();
  entry.adopt(entry.step({}, kBegun + seconds(100), kWall, ""));
  EXPECT_EQ(entry.record().age, seconds(100));
  // Another control, hours later: the clock of this boot says nothing about the last one.
  ReleaseEntry again(entry.whole(), {}, 1, base::Instant(hours(9)));
  EXPECT_EQ(again.state().phase, model::ReleasePhase::preparing);
  again.adopt(again.step({}, base::Instant(hours(9) + seconds(1)), kWall, ""));
  EXPECT_EQ(again.record().age, seconds(101));
}

TEST(ReleaseEntryTest, time_and_counts_alone_are_not_urgent) {
  ReleaseEntry entry = entry_of();
  const std::vector<decide::ReleaseInput> ready = {decide::CanaryReady{}};
  const auto begun = entry.step(ready, kBegun + seconds(1), kWall, "");
  EXPECT_TRUE(begun.urgent);
  entry.adopt(begun);
  EXPECT_EQ(entry.facts().route.weight, 100U);
  const auto opinion = entry.count(counts_of("loans-00007", 0));
  ASSERT_TRUE(opinion);
  const std::vector<decide::ReleaseInput> inputs = {*opinion};
  EXPECT_FALSE(entry.step(inputs, kBegun + seconds(2), kWall, "").urgent);
  EXPECT_FALSE(entry.step({}, kBegun + seconds(2), kWall, "").urgent);
  EXPECT_TRUE(entry.step({}, kBegun + minutes(5), kWall, "").urgent);
  EXPECT_EQ(entry.judged(), 50U);
}

TEST(ReleaseEntryTest, counts_of_another_release_are_not_judged) {
  ReleaseEntry entry = entry_of();
  EXPECT_FALSE(entry.count(counts_of("loans-00006", 0)));
  EXPECT_EQ(entry.judged(), 0U);
}

TEST(ReleaseEntryTest, counts_of_another_router_are_judged_whatever_the_clock_says) {
  ReleaseEntry entry = entry_of();
  EXPECT_TRUE(entry.count(counts_of("loans-00007", 100)));
  model::ReleaseCounts back = counts_of("loans-00007", 0);
  EXPECT_FALSE(entry.count(back)) << "told before";
  back.memory = 8;
  EXPECT_TRUE(entry.count(back));
  EXPECT_EQ(entry.judged(), 50U);
}

TEST(ReleaseEntryTest, a_full_history_takes_no_more_of_what_is_refused_or_late) {
  using decide::OperatorAct;
  const store::ReleaseRecord record = entry_of().whole();
  const std::vector<decide::ReleaseInput> vain = {decide::OperatorCommand{.act = OperatorAct::promote, .who = "ana"},
                                                  decide::GateAnswer{.gate = 0, .passed = true}};
  const auto most = static_cast<std::int64_t>(kMostReleaseLines);
  const auto room = ReleaseEntry(record, {}, most - 1, kBegun).step(vain, kBegun, kWall, "");
  EXPECT_EQ(room.audit.size(), 2U);
  const ReleaseEntry full(record, {}, most, kBegun);
  const auto dropped = full.step(vain, kBegun, kWall, "");
  EXPECT_TRUE(dropped.audit.empty());
  EXPECT_FALSE(dropped.urgent) << "nothing is to be stored";
  EXPECT_EQ(dropped.refused, "the canary is not ready yet") << "and who asked is answered";
  const std::vector<decide::ReleaseInput> abort = {decide::OperatorCommand{.act = OperatorAct::abort, .who = "ana"}};
  const auto ended = full.step(abort, kBegun, kWall, "");
  ASSERT_EQ(ended.audit.size(), 1U) << "what changes something is kept";
  EXPECT_EQ(ended.audit.front().number, most + 1);
}

// A second in which 20 first requests of the canary fail.
model::ReleaseCounts broken_counts(std::uint64_t second) {
  model::ReleaseCounts out = counts_of("loans-00007", second);
  out.firsts.push_back({.number = second * 50 + 30, .weight = 1000, .canary_failed = 20});
  return out;
}

TEST(ReleaseEntryTest, when_a_person_was_faster_the_judges_word_is_kept_beside_it_once) {
  const std::vector<decide::ReleaseInput> ready = {decide::CanaryReady{}};
  const auto ended_by = [&](const decide::ReleaseInput& end) {
    ReleaseEntry entry = entry_of();
    entry.adopt(entry.step(ready, kBegun, kWall, ""));
    for (std::uint64_t second = 0; second < 2; ++second) entry.count(counts_of("loans-00007", second));
    const std::vector<decide::ReleaseInput> inputs = {end};
    entry.adopt(entry.step(inputs, kBegun + seconds(3), kWall, ""));
    EXPECT_TRUE(entry.over());
    return entry;
  };
  const decide::OperatorCommand abort{.act = decide::OperatorAct::abort, .who = "ana"};
  ReleaseEntry entry = ended_by(abort);
  const ReleaseEvidence shown = entry.evidence();
  const auto opinion = entry.count(broken_counts(2));
  ASSERT_TRUE(opinion);
  EXPECT_EQ(opinion->verdict, model::ReleaseVerdict::bad);
  const std::vector<decide::ReleaseInput> late = {*opinion};
  const ReleaseEntry::Next next = entry.step(late, kBegun + seconds(4), kWall, "");
  ASSERT_EQ(next.audit.size(), 1U);
  EXPECT_EQ(next.audit.front().audit.event, model::ReleaseEvent::late);
  EXPECT_EQ(next.audit.front().audit.actor, model::ReleaseActor::judge);
  entry.adopt(next);
  EXPECT_EQ(entry.state().phase, model::ReleasePhase::aborted);
  EXPECT_FALSE(entry.count(broken_counts(3))) << "its judge has gone";
  EXPECT_EQ(entry.evidence(), shown);

  ReleaseEntry harmless = ended_by(abort);
  EXPECT_FALSE(harmless.count(counts_of("loans-00007", 2)));
  EXPECT_FALSE(harmless.count(broken_counts(3))) << "which came long after it";
  EXPECT_FALSE(ended_by(decide::NewerDeploy{.revision = base::RevisionName("loans-00008")}).count(broken_counts(2)));
}

TEST(ReleaseEntryTest, the_objective_is_learnt_from_stable_once_unless_it_is_declared) {
  ReleaseEntry entry = entry_of();
  EXPECT_EQ(entry.facts().route.objective, base::Duration{0});
  entry.count(counts_of("loans-00007", 0));
  const base::Duration learnt = entry.facts().route.objective;
  EXPECT_GT(learnt, base::Duration{0});
  model::ReleaseCounts slower = counts_of("loans-00007", 1);
  std::swap(slower.stable_shape.buckets[60], slower.stable_shape.buckets[300]);
  entry.count(slower);
  EXPECT_EQ(entry.facts().route.objective, learnt);

  model::ReleasePolicy policy;
  policy.objectives.latency = seconds(2);
  EXPECT_EQ(entry_of(policy).facts().route.objective, seconds(2));
}

TEST(ReleaseEntryTest, a_failing_canary_is_rolled_back_on_what_router_counted) {
  ReleaseEntry entry = entry_of();
  const std::vector<decide::ReleaseInput> ready = {decide::CanaryReady{}};
  entry.adopt(entry.step(ready, kBegun + seconds(1), kWall, ""));
  for (std::uint64_t second = 0; second < 120 && !entry.over(); ++second) {
    const std::vector<decide::ReleaseInput> inputs = {*entry.count(counts_of("loans-00007", second, 5))};
    entry.adopt(entry.step(inputs, kBegun + seconds(second + 2), kWall, ""));
  }
  EXPECT_EQ(entry.state().phase, model::ReleasePhase::rolled_back);
  EXPECT_THAT(entry.state().detail, testing::HasSubstr("of stable's"));
  EXPECT_EQ(entry.facts().route.weight, 0U);
}

TEST(ReleaseEntryTest, one_that_is_over_keeps_what_is_shown_and_nothing_else_of_its_judge) {
  ReleaseEntry entry = entry_of();
  const std::vector<decide::ReleaseInput> ready = {decide::CanaryReady{}};
  const std::vector<decide::ReleaseInput> abort = {decide::OperatorCommand{.act = decide::OperatorAct::abort}};
  entry.adopt(entry.step(ready, kBegun, kWall, ""));
  for (std::uint64_t second = 0; second < 3; ++second) entry.count(counts_of("loans-00007", second, 1));
  const std::string whole = entry.whole().judge;
  ReleaseEvidence before = entry.evidence();
  EXPECT_FALSE(before.distances.empty());
  before.distances.clear();  // nothing will change any more
  EXPECT_EQ(before.canary.requests, 300U);
  ASSERT_TRUE(before.canary.latency);
  const ReleaseEntry::Next last = entry.step(abort, kBegun + seconds(3), kWall, "");
  EXPECT_LT(last.record.judge.size() * 2, whole.size()) << "that is what is stored";
  entry.adopt(last);
  ASSERT_TRUE(entry.over());
  EXPECT_EQ(entry.evidence(), before);
  EXPECT_EQ(entry.whole().judge, last.record.judge);
  EXPECT_EQ(entry.record().judge, "") << "not twice in memory";
  EXPECT_FALSE(entry.count(counts_of("loans-00007", 4)));
  ReleaseEntry again(entry.whole(), {}, 3, kBegun);
  EXPECT_EQ(again.evidence(), before);
  EXPECT_EQ(again.whole(), entry.whole());
  // As an earlier marea stored it.
  store::ReleaseRecord old = entry.whole();
  old.judge = whole;
  const ReleaseEntry read(old, *judge_from_text(whole), 3, kBegun);
  EXPECT_EQ(read.evidence().canary.keys, before.canary.keys);
}

TEST(JudgeForm, evidence_is_read_back_and_other_texts_are_none) {
  ReleaseEvidence evidence{.doubt = "too few keys", .would_change = "more \xC3\xB1"};
  evidence.stable = {.requests = 1, .platform = 2, .keys = 3, .failed = 4, .slow = 5, .latency = {}};
  evidence.canary.latency = {{.observations = 6, .p50 = seconds(7), .p95 = seconds(8), .p99 = seconds(9)}};
  evidence.verdict.answer = decide::Answer::bad;
  evidence.verdict.doubt = decide::Doubt::untracked;
  evidence.verdict.metric = decide::JudgedMetric::shape;
  evidence.verdict.risk_below = 2.5;
  evidence.verdict.evidence = {{.metric = decide::JudgedMetric::slow, .canary_hits = 3, .e_value = 1e300, .fell_at = 9},
                               {.metric = decide::JudgedMetric::shape, .proven_at = 4, .risk_below = 1.25}};
  EXPECT_EQ(evidence_from_text(evidence_to_text(evidence)), evidence);
  for (const char* other : {"", "{", "7", R"({"closed": 1})", R"({"evidence": {"doubt": 1}})"}) {
    EXPECT_EQ(evidence_from_text(other), std::nullopt) << other;
  }
}

TEST(ReleaseEntryTest, a_new_attempt_has_keys_counts_and_a_name_of_its_own) {
  ReleaseEntry entry = entry_of();
  const std::vector<decide::ReleaseInput> ready = {decide::CanaryReady{}};
  const std::vector<decide::ReleaseInput> bad = {
      model::JudgeOpinion{.verdict = model::ReleaseVerdict::bad, .evidence = "all fail"}};
  const std::vector<decide::ReleaseInput> retry = {
      decide::OperatorCommand{.act = decide::OperatorAct::retry, .who = "ana", .reason = "mended"}};
  entry.count(counts_of("loans-00007", 0));
  entry.adopt(entry.step(ready, kBegun, kWall, ""));
  entry.adopt(entry.step(bad, kBegun, kWall, ""));
  entry.adopt(entry.step(retry, kBegun, {kWall.unix_ns + 5}, "pepper"));
  EXPECT_EQ(entry.route_id(), "loans-00007.2");
  EXPECT_EQ(entry.record().salt, "pepper");
  EXPECT_EQ(entry.record().began_unix_ns, kWall.unix_ns + 5);
  EXPECT_EQ(entry.judged(), 0U);
  EXPECT_FALSE(entry.count(counts_of("loans-00007", 1)));
}

}  // namespace
}  // namespace marea::control
