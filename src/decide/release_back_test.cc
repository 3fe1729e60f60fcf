// What people say after the end of a release, and at its gates.
#include <gmock/gmock.h>

#include "decide/release_world_test.h"

namespace marea::decide {
namespace {

using model::ReleasePhase;
using testing::Contains;

OperatorCommand taken_back() {
  OperatorCommand out = command(OperatorAct::abort);
  out.after_end = true;
  return out;
}

TEST(ReleaseBack, a_release_that_is_done_is_taken_back_only_by_who_says_that_it_is_over) {
  ReleaseWorld world = world_in(ReleasePhase::done);
  world.take(command(OperatorAct::abort));
  EXPECT_EQ(world.refused, "the release is over: done, passed its watch");
  EXPECT_EQ(world.state.weight, model::kWholeWeight);
  world.take(taken_back());
  EXPECT_EQ(world.refused, "");
  EXPECT_EQ(world.state.phase, ReleasePhase::aborted);
  EXPECT_EQ(world.weights().back(), 0U);
  EXPECT_THAT(world.history(), Contains("person ana aborted"));
  world.take(taken_back());
  EXPECT_EQ(world.refused, "the release is over: aborted, by a person");
  world.take(command(OperatorAct::retry));
  EXPECT_EQ(world.state.attempt, 2) << "it may be tried again";
}

TEST(ReleaseBack, no_other_end_is_taken_back) {
  for (const ReleasePhase phase : {ReleasePhase::rolled_back, ReleasePhase::superseded, ReleasePhase::failed}) {
    ReleaseWorld world = world_in(phase);
    const model::ReleaseState before = world.state;
    world.take(taken_back());
    EXPECT_TRUE(world.refused.starts_with("the release is over")) << world.refused;
    EXPECT_EQ(world.state, before);
  }
}

TEST(ReleaseBack, a_rollback_that_is_forbidden_by_now_is_not_possible_after_the_end_either) {
  model::ReleasePolicy policy;
  policy.rollback_until = model::kWholeWeight;
  ReleaseWorld world(release_spec(policy));
  bring_to(world, ReleasePhase::done);
  world.take(taken_back());
  EXPECT_EQ(world.refused, "the policy forbids a rollback by now");
  EXPECT_EQ(world.state.phase, ReleasePhase::done);
  EXPECT_EQ(world.state.weight, model::kWholeWeight);
}

TEST(ReleaseBack, without_a_stable_there_is_nothing_to_go_back_to) {
  model::ReleaseSpec spec = release_spec();
  spec.stable = {};
  ReleaseWorld world(spec);
  bring_to(world, ReleasePhase::done);
  world.take(taken_back());
  EXPECT_EQ(world.state.phase, ReleasePhase::done);
}

TEST(ReleaseBack, who_answers_a_gate_is_in_the_history) {
  ReleaseWorld passed = world_in(ReleasePhase::gated);
  passed.take(GateAnswer{.gate = 0, .passed = true, .detail = "looks good", .who = "ana"});
  EXPECT_THAT(passed.history(), Contains("person ana gate passed"));
  EXPECT_EQ(passed.state.phase, ReleasePhase::stepping);
  ReleaseWorld refused = world_in(ReleasePhase::gated);
  refused.take(GateAnswer{.gate = 0, .passed = false, .detail = "the form is broken", .who = "ana"});
  EXPECT_EQ(refused.state.cause, model::ReleaseCause::gate_refused);
  EXPECT_EQ(refused.audit.back().why, "gate refused: the gate qa: the form is broken");
  EXPECT_EQ(refused.audit.back().who, "ana");
  refused.take(GateAnswer{.gate = 0, .passed = true, .who = "bob"});
  EXPECT_THAT(refused.history(), Contains("person bob late"));
}

}  // namespace
}  // namespace marea::decide
