// Every input in every phase: the phase after it. And what holds for any sequence of inputs whatever.

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "decide/release_world_test.h"

namespace marea::decide {
namespace {

using model::ReleasePhase;
using model::ReleaseVerdict;
using model::UnknownCause;
using enum model::ReleasePhase;

struct TableRow {
  std::string name;
  ReleaseInput input;
  // After it, by the phase before it in the order of ReleasePhase: preparing, stepping, gated, holding, paused,
  // watching, comparing, done, rolled back, aborted, superseded, failed.
  std::vector<ReleasePhase> after;
};

std::vector<TableRow> rows() {
  const std::vector<ReleasePhase> same = {preparing, stepping, gated,       holding, paused,     watching,
                                          comparing, done,     rolled_back, aborted, superseded, failed};
  // The changes to `same`; what is over stays as it is.
  const auto but = [&](const std::map<ReleasePhase, ReleasePhase>& changes) {
    std::vector<ReleasePhase> out = same;
    for (const auto& [from, to] : changes) out.at(static_cast<std::size_t>(from)) = to;
    return out;
  };
  const auto all = [&](ReleasePhase to, const std::map<ReleasePhase, ReleasePhase>& except = {}) {
    std::map<ReleasePhase, ReleasePhase> changes;
    for (const ReleasePhase from : {preparing, stepping, gated, holding, paused, watching, comparing}) {
      changes[from] = except.contains(from) ? except.at(from) : to;
    }
    return but(changes);
  };
  using Act = OperatorAct;
  return {
      {"bad", opinion(ReleaseVerdict::bad), all(rolled_back, {{preparing, preparing}})},
      // The world's policy has a gate before the second step.
      {"proven good", opinion(ReleaseVerdict::proven_good), but({{holding, gated}})},
      {"not yet, bounded", opinion(ReleaseVerdict::not_yet, 2.0), but({{holding, gated}})},
      {"not yet", opinion(ReleaseVerdict::not_yet), same},
      {"cannot know", unknown(UnknownCause::too_little), same},
      {"mistrusted", unknown(UnknownCause::split_mistrusted), but({{stepping, holding}})},
      {"platform", unknown(UnknownCause::platform_trouble), same},
      {"no stable", unknown(UnknownCause::no_stable), same},
      {"mostly failing", unknown(UnknownCause::mostly_failing), but({{watching, holding}})},
      {"unavailable", CanaryUnavailable{"x"}, all(rolled_back, {{preparing, failed}})},
      {"canary fails once", InstanceFailure{}, same},
      {"stable fails", InstanceFailure{.arm = model::ReleaseArm::stable}, same},
      {"pause", command(Act::pause), all(paused, {{comparing, comparing}})},
      {"resume", command(Act::resume), but({{paused, stepping}})},
      {"advance", command(Act::advance),
       but({{stepping, gated}, {gated, stepping}, {holding, gated}, {paused, gated}})},
      {"promote", command(Act::promote),
       but({{stepping, watching}, {gated, watching}, {holding, watching}, {paused, watching}})},
      {"abort", command(Act::abort), all(aborted)},
      {"retry", command(Act::retry), but({{rolled_back, preparing}, {aborted, preparing}, {failed, preparing}})},
      {"newer deploy", NewerDeploy{base::RevisionName("x")}, all(superseded)},
      {"gate passed", GateAnswer{.gate = 0, .passed = true}, but({{gated, stepping}})},
      {"gate refused", GateAnswer{.gate = 0, .passed = false}, but({{gated, failed}})},
      {"answer of no gate", GateAnswer{.gate = 7, .passed = true}, same},
      {"gate's trouble", GateTrouble{.gate = 0, .detail = "it answered 503"}, same},
      {"burn rate", BurnRate{"x"}, same},
      {"ready", CanaryReady{}, but({{preparing, stepping}})},
      {"time", TimePassed{}, same},
  };
}

std::size_t commands_refused(const ReleaseWorld& world) {
  return static_cast<std::size_t>(
      std::ranges::count(world.audit, model::ReleaseEvent::refused, &model::ReleaseAudit::event));
}

TEST(ReleaseTableTest, every_input_in_every_phase_has_its_result) {
  for (const TableRow& row : rows()) {
    ASSERT_EQ(row.after.size(), model::kReleasePhases);
    for (std::size_t i = 0; i < model::kReleasePhases; ++i) {
      const auto from = static_cast<ReleasePhase>(i);
      ReleaseWorld world = world_in(from);
      const auto before = world.state;
      const std::size_t refused = commands_refused(world);
      world.now.age += std::chrono::seconds(1);
      world.take(row.input);
      EXPECT_EQ(world.state.phase, row.after[i])
          << row.name << " in " << to_string(from) << " leads to " << to_string(world.state.phase);
      // A command either changes something or is refused in so many words, and is recorded in both cases.
      if (std::holds_alternative<OperatorCommand>(row.input)) {
        EXPECT_NE(world.state == before, world.refused.empty()) << row.name << " in " << to_string(from);
        EXPECT_EQ(commands_refused(world) - refused, world.refused.empty() ? 0U : 1U);
        EXPECT_EQ(world.audit.back().actor, world.state.phase == preparing && world.refused.empty()
                                                ? model::ReleaseActor::platform  // a retry begins anew
                                                : world.audit.back().actor);
      }
    }
  }
}

// The deadline of each phase and what it brings.
TEST(ReleaseTableTest, every_phase_that_is_no_end_has_a_deadline_and_an_outcome) {
  const std::map<ReleasePhase, ReleasePhase> after = {{preparing, failed},  {stepping, gated},  {gated, failed},
                                                      {holding, failed},    {paused, stepping}, {watching, done},
                                                      {comparing, watching}};
  for (std::size_t i = 0; i < model::kReleasePhases; ++i) {
    const auto phase = static_cast<ReleasePhase>(i);
    ReleaseWorld world = world_in(phase);
    ASSERT_EQ(world.state.deadline.has_value(), after.contains(phase)) << to_string(phase);
    if (!after.contains(phase)) continue;
    world.now.age = *world.state.deadline - base::Duration(1);
    world.take(TimePassed{});
    EXPECT_EQ(world.state.phase, phase);
    world.now.age += base::Duration(1);
    world.take(TimePassed{});
    EXPECT_EQ(world.state.phase, after.at(phase)) << to_string(phase) << " leads to " << to_string(world.state.phase);
  }
}

class RandomRelease {
 public:
  explicit RandomRelease(std::uint64_t seed) : random_(seed), world_(release_spec(policy())) {}

  std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }

  model::ReleasePolicy policy() {
    constexpr std::array kStrategies = {model::ReleaseStrategy::canary, model::ReleaseStrategy::canary,
                                        model::ReleaseStrategy::blue_green, model::ReleaseStrategy::all_at_once};
    model::ReleasePolicy out = default_policy(kStrategies.at(below(4)));
    out.unknown = static_cast<model::UnknownRule>(below(3));
    out.hold.then = static_cast<model::WaitRule>(below(2));
    out.watch = std::chrono::minutes(below(3) * 30);
    if (chance(40)) out.gates.push_back({.name = "last", .timeout = std::chrono::minutes(5)});
    if (out.strategy == model::ReleaseStrategy::canary) {
      if (chance(30)) out.holdback = 0;
      if (chance(40)) {
        out.gates.push_back({.name = "qa",
                             .before = 2500,
                             .kind = model::GateKind::webhook,
                             .timeout = std::chrono::minutes(5),
                             .at_timeout = static_cast<model::WaitRule>(below(2))});
      }
      if (chance(30)) out.rollback_until = out.ladder[below(5)].weight;
    } else if (chance(30)) {
      out.rollback_until = model::kWholeWeight;
    }
    return out;
  }

  model::JudgeOpinion say() {
    model::JudgeOpinion out = opinion(static_cast<ReleaseVerdict>(chance(2) ? 0 : 1 + below(3)));
    out.unknown = static_cast<UnknownCause>(below(model::kUnknownCauses));
    if (chance(50)) out.risk_bound = 1.0 + static_cast<double>(below(80)) / 10;
    return out;
  }

  // `people`: with commands, which may make it longer.
  ReleaseInput any(bool people) {
    switch (below(people ? 9 : 7)) {
      case 0: return GateAnswer{.gate = static_cast<std::uint32_t>(below(3)), .passed = chance(80)};
      case 1: return InstanceFailure{.arm = static_cast<model::ReleaseArm>(below(2))};
      case 2: return BurnRate{"x"};
      case 3: return CanaryReady{};
      case 4:
        if (chance(2)) return CanaryUnavailable{"x"};
        if (chance(2)) return NewerDeploy{base::RevisionName("loans-00008")};
        return TimePassed{};
      case 7:
      case 8:
        return OperatorCommand{.act = static_cast<OperatorAct>(below(6)),
                               .who = "ana",
                               .reason = "r",
                               .lasts = std::chrono::minutes(below(60)),
                               .endless = chance(20)};
      default: return say();
    }
  }

  void check(const model::ReleaseState& before, std::size_t actions_before) {
    const model::ReleaseState& state = world_.state;
    const bool over = is_over(state.phase);
    EXPECT_LE(state.weight, model::kWholeWeight);
    if (!over && state.phase != paused) {
      ASSERT_TRUE(state.deadline) << to_string(state.phase);
      EXPECT_LT(world_.now.age, *state.deadline) << to_string(state.phase);
    }
    EXPECT_FALSE(over && state.deadline);
    EXPECT_FALSE((state.phase == rolled_back || state.phase == aborted) && state.weight != 0);
    EXPECT_FALSE(state.phase == done && state.weight != model::kWholeWeight);
    EXPECT_FALSE(over && state.cause == model::ReleaseCause::none);
    EXPECT_EQ(state.bad, state.rollbacks >= kRollbacksToBeBad);
    // What is published is what is in force, once a moment at most.
    std::vector<model::Weight> published;
    for (std::size_t i = actions_before; i < world_.actions.size(); ++i) {
      if (const auto* each = std::get_if<PublishWeight>(&world_.actions[i])) published.push_back(each->weight);
    }
    if (state.weight == before.weight) {
      EXPECT_TRUE(published.empty());
    } else {
      EXPECT_EQ(published, std::vector{state.weight});
    }
    // Once forbidden, requests are never taken from the canary.
    const auto last = last_step_with_rollback(world_.spec.policy);
    EXPECT_FALSE(last && before.step > *last && before.weight > state.weight);
  }

  void move(bool people) {
    const model::ReleaseState before = world_.state;
    const std::size_t actions = world_.actions.size();
    std::vector<ReleaseInput> inputs;
    std::size_t commands = 0;
    for (std::uint64_t i = below(4); i > 0; --i) {
      inputs.push_back(any(people));
      commands += std::holds_alternative<OperatorCommand>(inputs.back()) ? 1 : 0;
    }
    world_.now.age += std::chrono::seconds(below(40));
    const std::size_t told = by_people();
    world_.take(inputs);
    EXPECT_GE(by_people() - told, commands);  // none is lost without a word
    check(before, actions);
  }

  std::size_t by_people() const {
    return static_cast<std::size_t>(
        std::ranges::count(world_.audit, model::ReleaseActor::person, &model::ReleaseAudit::actor));
  }

  bool over() const { return is_over(world_.state.phase); }
  base::Duration age() const { return world_.now.age; }
  const ReleaseWorld& world() const { return world_; }

 private:
  base::SeededRandom random_;
  ReleaseWorld world_;
};

TEST(ReleasePropertyTest, without_people_every_release_ends_within_the_sum_of_its_deadlines) {
  std::map<ReleasePhase, int> ends;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    RandomRelease release(seed);
    const base::Duration most = longest_release(release.world().spec.policy) + std::chrono::seconds(40);
    while (!release.over() && !testing::Test::HasFailure()) {
      release.move(false);
      ASSERT_LE(release.age(), most) << "seed " << seed << " is stuck in " << to_string(release.world().state.phase);
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
    ++ends[release.world().state.phase];
  }
  for (const ReleasePhase end : {done, rolled_back, superseded, failed}) EXPECT_GT(ends[end], 20) << to_string(end);
}

TEST(ReleasePropertyTest, whatever_people_do_weights_deadlines_and_records_are_right) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    RandomRelease release(seed);
    for (int i = 0; i < 300; ++i) {
      release.move(true);
      ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace marea::decide
