// What people say after the end of a release, at its gates, and of one that mostly fails.
#include <gmock/gmock.h>

#include "decide/release_world_test.h"

namespace marea::decide {
namespace {

using model::ReleaseCause;
using model::ReleasePhase;
using model::ReleaseVerdict;
using model::UnknownCause;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;

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

const std::vector<ReleaseInput> kFailing = {unknown(UnknownCause::mostly_failing)};

// Promoted, and held since most of what was seen of it failed.
ReleaseWorld doubted_world() {
  ReleaseWorld world;
  world.ready();
  world.take(command(OperatorAct::promote));
  world.take(kFailing);
  EXPECT_EQ(world.state.phase, ReleasePhase::holding);
  EXPECT_EQ(world.state.weight, kDoubtedWeight);
  return world;
}

TEST(ReleaseDoubt, a_newer_deploy_does_not_begin_with_a_promoted_canary_that_mostly_fails) {
  for (const bool paused : {false, true}) {
    ReleaseWorld world = doubted_world();
    world.take(unknown(UnknownCause::platform_trouble));  // which says nothing for it
    if (paused) world.take(command(OperatorAct::pause));
    world.take(NewerDeploy{base::RevisionName("loans-00008")});
    EXPECT_EQ(world.state.phase, ReleasePhase::superseded);
    EXPECT_EQ(world.state.weight, 0U);
    EXPECT_EQ(world.weights().back(), 0U);
  }
  ReleaseWorld cleared = doubted_world();
  cleared.take(unknown(UnknownCause::too_little));
  cleared.take(NewerDeploy{base::RevisionName("loans-00008")});
  EXPECT_EQ(cleared.state.weight, model::kWholeWeight) << "nothing was held against it any more";
}

TEST(ReleaseDoubt, who_leads_a_promoted_canary_on_that_mostly_fails_is_not_contradicted_at_the_next_word) {
  for (const OperatorAct act : {OperatorAct::advance, OperatorAct::promote}) {
    for (const bool paused : {false, true}) {
      ReleaseWorld world = doubted_world();
      if (paused) world.take(command(OperatorAct::pause));
      world.take(command(act));
      EXPECT_EQ(world.refused, "");
      world.pass(minutes(5), kFailing);
      EXPECT_EQ(world.state.phase, ReleasePhase::watching);
      EXPECT_EQ(world.state.weight, 9900U);
      world.take(opinion(ReleaseVerdict::bad));
      EXPECT_EQ(world.state.phase, ReleasePhase::rolled_back) << "a finding is more than a doubt";
      EXPECT_EQ(world.state.weight, 0U);
    }
  }
}

TEST(ReleaseDoubt, who_promotes_over_it_is_not_contradicted_either) {
  ReleaseWorld promoted;
  promoted.ready();
  promoted.pass(seconds(5), kFailing);
  ReleaseWorld advanced = promoted;
  promoted.take(command(OperatorAct::promote));
  promoted.pass(minutes(1), kFailing);
  EXPECT_EQ(promoted.state.phase, ReleasePhase::watching);
  EXPECT_EQ(promoted.state.weight, 9900U);
  while (advanced.state.phase == ReleasePhase::stepping) {
    EXPECT_FALSE(advanced.state.accepted) << "one step more is no word on what time may do";
    advanced.take(kFailing);
    advanced.take(command(OperatorAct::advance));
  }
  advanced.pass(minutes(1), kFailing);
  EXPECT_EQ(advanced.state.phase, ReleasePhase::watching);
}

TEST(ReleaseDoubt, who_leads_on_from_a_steps_hold_has_it_led_on_by_time_from_then_on) {
  ReleaseWorld world;
  world.ready();
  world.pass(minutes(2), kFailing);
  ASSERT_EQ(world.state.phase, ReleasePhase::holding);
  world.take(command(OperatorAct::advance));
  world.pass(minutes(2), kFailing);
  EXPECT_THAT(world.proofs(), ElementsAre("1% person", "5% cannot know", "25% "));
}

TEST(ReleaseDoubt, an_accepted_doubt_is_no_word_on_a_bad_one_that_cannot_go_back) {
  model::ReleasePolicy policy;
  policy.rollback_until = 500;
  ReleaseWorld world(release_spec(policy));
  world.ready();
  world.pass(minutes(2), kFailing);
  world.take(command(OperatorAct::advance));
  EXPECT_TRUE(world.state.accepted);
  world.pass(minutes(2), kFailing);
  ASSERT_EQ(world.state.weight, 2500U);
  world.take(opinion(ReleaseVerdict::bad));
  EXPECT_EQ(world.state.cause, ReleaseCause::rollback_forbidden);
  EXPECT_TRUE(world.told("waits for a person: rollback forbidden"));
}

TEST(ReleaseDoubt, what_was_accepted_of_one_attempt_is_not_of_the_next) {
  ReleaseWorld world = doubted_world();
  world.take(command(OperatorAct::advance));
  world.take(opinion(ReleaseVerdict::bad));
  world.take(command(OperatorAct::retry));
  ASSERT_EQ(world.state.attempt, 2);
  world.ready();
  world.take(command(OperatorAct::promote));
  world.take(kFailing);
  EXPECT_EQ(world.state.phase, ReleasePhase::holding);
  EXPECT_EQ(world.state.weight, kDoubtedWeight);
}

}  // namespace
}  // namespace marea::decide
