#include "decide/release.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide/release_world_test.h"

namespace marea::decide {
namespace {

using model::GateKind;
using model::ReleaseArm;
using model::ReleaseCause;
using model::ReleasePhase;
using model::ReleasePolicy;
using model::ReleaseProof;
using model::ReleaseStrategy;
using model::ReleaseVerdict;
using model::UnknownCause;
using model::UnknownRule;
using model::WaitRule;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;

const std::vector<ReleaseInput> kGood = {opinion(ReleaseVerdict::proven_good)};
const std::vector<ReleaseInput> kUnsure = {opinion(ReleaseVerdict::not_yet, 3.0)};
const std::vector<ReleaseInput> kWide = {opinion(ReleaseVerdict::not_yet, 7.0)};
const std::vector<ReleaseInput> kUnknown = {unknown(UnknownCause::too_little)};

TEST(ReleaseTest, a_proven_canary_climbs_the_ladder_and_each_advance_is_labelled) {
  ReleaseWorld world;
  world.ready();
  world.pass(seconds(150), kGood);
  EXPECT_THAT(world.weights(), ElementsAre(100, 500, 2500, 5000, 9900));
  EXPECT_EQ(world.state.phase, ReleasePhase::watching);
  EXPECT_THAT(world.proofs(), ElementsAre("1% proven good", "5% proven good", "25% proven good", "50% proven good",
                                          "99% proven good", "99% "));
  world.pass(hours(24));
  EXPECT_EQ(world.state.phase, ReleasePhase::done);
  EXPECT_EQ(world.state.weight, model::kWholeWeight);
  EXPECT_EQ(world.count<MarkStable>(), 1);
  EXPECT_EQ(world.count<Finish>(), 1);
  EXPECT_EQ(world.state.detail, "promoted as proven good");
}

TEST(ReleaseTest, without_proof_it_advances_at_the_maximum_if_a_large_risk_is_ruled_out) {
  ReleaseWorld world;
  world.ready();
  world.pass(seconds(119), kUnsure);
  EXPECT_EQ(world.state.step, 0);
  world.pass(seconds(1), kUnsure);
  EXPECT_EQ(world.state.step, 1);
  EXPECT_THAT(world.proofs(), ElementsAre("1% unproven", "5% "));
  world.pass(minutes(8), kUnsure);
  EXPECT_EQ(world.state.phase, ReleasePhase::watching);
  EXPECT_LE(world.now.age, minutes(12));  // the promise for a healthy deploy
}

TEST(ReleaseTest, it_holds_while_a_large_risk_is_not_ruled_out_and_goes_on_when_it_is) {
  ReleaseWorld world;
  world.ready();
  world.pass(minutes(2), kWide);
  EXPECT_EQ(world.state.phase, ReleasePhase::holding);
  EXPECT_EQ(world.state.cause, ReleaseCause::unproven);
  EXPECT_TRUE(world.told("holds: unproven: 3 of 40 keys"));
  world.pass(minutes(5), kWide);
  EXPECT_EQ(world.state.phase, ReleasePhase::holding);
  world.pass(seconds(1), kUnsure);
  EXPECT_EQ(world.state.step, 1);
}

TEST(ReleaseTest, a_hold_ends_and_nothing_is_called_bad_by_it) {
  ReleaseWorld world;
  world.ready();
  world.pass(minutes(2) + hours(1), kWide);
  EXPECT_EQ(world.state.phase, ReleasePhase::failed);
  EXPECT_EQ(world.state.cause, ReleaseCause::hold_ran_out);
  EXPECT_EQ(world.state.weight, 0U);
  EXPECT_EQ(world.state.rollbacks, 0);
  EXPECT_EQ(world.count<KeepCanary>(), 1);
}

TEST(ReleaseTest, a_hold_may_go_on_at_its_end_by_policy) {
  ReleasePolicy policy;
  policy.hold = {.maximum = minutes(3), .then = WaitRule::advance};
  ReleaseWorld world(release_spec(policy));
  world.ready();
  world.pass(minutes(5), kWide);
  EXPECT_EQ(world.state.step, 1);
  EXPECT_THAT(world.proofs(), Contains("1% unproven"));
}

TEST(ReleaseTest, what_cannot_be_known_goes_on_by_time_and_says_so_at_the_end) {
  ReleaseWorld world;
  world.ready();
  world.pass(minutes(10), kUnknown);
  EXPECT_EQ(world.state.phase, ReleasePhase::watching);
  EXPECT_THAT(world.proofs(), Contains("1% cannot know"));
  world.pass(hours(24), kUnknown);
  EXPECT_EQ(world.state.phase, ReleasePhase::done);
  EXPECT_EQ(world.state.detail, "promoted as cannot know");
}

TEST(ReleaseTest, a_judge_that_says_nothing_is_one_that_cannot_know) {
  ReleaseWorld world;
  world.ready();
  world.pass(minutes(2));
  EXPECT_THAT(world.proofs(), ElementsAre("1% cannot know", "5% "));
}

TEST(ReleaseTest, what_cannot_be_known_may_hold_or_ask_by_policy) {
  ReleasePolicy policy;
  policy.unknown = UnknownRule::hold;
  ReleaseWorld holds(release_spec(policy));
  holds.ready();
  holds.pass(minutes(2), kUnknown);
  EXPECT_EQ(holds.state.cause, ReleaseCause::cannot_know);
  holds.take(kGood);
  EXPECT_EQ(holds.state.step, 1);

  policy.unknown = UnknownRule::ask;
  ReleaseWorld asks(release_spec(policy));
  asks.ready();
  asks.pass(minutes(2), kUnknown);
  EXPECT_TRUE(asks.told("waits for a person"));
  asks.take(command(OperatorAct::advance));
  EXPECT_THAT(asks.proofs(), ElementsAre("1% person", "5% "));
}

// The default ladder's third step has 25 %, its fifth 99 %.
TEST(ReleaseTest, a_canary_that_mostly_fails_is_not_led_on_by_time_and_has_a_quarter_at_most) {
  ReleasePolicy policy;
  policy.hold.then = WaitRule::advance;
  ReleaseWorld world(release_spec(policy));
  world.ready();
  const std::vector<ReleaseInput> failing = {unknown(UnknownCause::mostly_failing)};
  world.pass(seconds(119), failing);
  EXPECT_EQ(world.state.phase, ReleasePhase::stepping) << "it may be one failure in two until then";
  world.pass(seconds(1), failing);
  EXPECT_EQ(world.state.phase, ReleasePhase::holding);
  EXPECT_EQ(world.state.cause, ReleaseCause::cannot_know);
  EXPECT_EQ(world.state.weight, 100);
  world.take(kUnknown);
  EXPECT_THAT(world.proofs(), ElementsAre("1% cannot know", "5% ")) << "some were served well meanwhile";
  world.pass(minutes(6), kUnknown);
  EXPECT_EQ(world.state.weight, 9900);
  world.pass(minutes(2), failing);
  EXPECT_EQ(world.state.phase, ReleasePhase::holding);
  EXPECT_EQ(world.state.weight, kDoubtedWeight);
  world.pass(hours(1), failing);
  EXPECT_EQ(world.state.phase, ReleasePhase::failed) << "whatever the policy does at the end of holds";
  EXPECT_EQ(world.state.cause, ReleaseCause::hold_ran_out);
  EXPECT_EQ(world.state.weight, 0);
}

TEST(ReleaseTest, a_promoted_canary_that_mostly_fails_is_compared_at_a_quarter_before_its_watch_goes_on) {
  ReleaseWorld world;
  world.ready();
  world.take(command(OperatorAct::promote));
  world.take(unknown(UnknownCause::mostly_failing));
  EXPECT_EQ(world.state.phase, ReleasePhase::holding);
  EXPECT_EQ(world.state.weight, kDoubtedWeight);
  world.take(unknown(UnknownCause::platform_trouble));
  EXPECT_EQ(world.state.phase, ReleasePhase::holding) << "which says nothing for it";
  world.take(kUnknown);
  EXPECT_EQ(world.state.phase, ReleasePhase::watching) << "nothing is held against it any more";
  EXPECT_EQ(world.state.weight, 9900);
  world.take(unknown(UnknownCause::mostly_failing));
  world.take(command(OperatorAct::advance));
  EXPECT_EQ(world.state.phase, ReleasePhase::watching) << "a person may say so, too";
  world.take(unknown(UnknownCause::mostly_failing));
  world.take(opinion(ReleaseVerdict::bad));
  EXPECT_EQ(world.state.phase, ReleasePhase::rolled_back);
}

TEST(ReleaseTest, a_promoted_canary_that_may_not_go_back_keeps_its_requests_though_it_mostly_fails) {
  ReleasePolicy policy;
  policy.rollback_until = 2500;
  ReleaseWorld world(release_spec(policy));
  world.ready();
  world.take(command(OperatorAct::promote));
  world.take(unknown(UnknownCause::mostly_failing));
  EXPECT_EQ(world.state.phase, ReleasePhase::watching);
  EXPECT_EQ(world.state.weight, 9900);
}

TEST(ReleaseTest, a_mistrusted_split_holds_at_once_and_never_goes_on_by_time) {
  ReleasePolicy policy;
  policy.hold.then = WaitRule::advance;
  ReleaseWorld world(release_spec(policy));
  world.ready();
  world.take(unknown(UnknownCause::split_mistrusted));
  EXPECT_EQ(world.state.cause, ReleaseCause::split_mistrusted);
  world.pass(hours(1), {unknown(UnknownCause::split_mistrusted)});
  EXPECT_EQ(world.state.phase, ReleasePhase::failed);
}

TEST(ReleaseTest, trouble_of_the_platform_holds_at_the_maximum) {
  ReleaseWorld world;
  world.ready();
  world.pass(minutes(2), {unknown(UnknownCause::platform_trouble)});
  EXPECT_EQ(world.state.cause, ReleaseCause::platform_trouble);
}

TEST(ReleaseTest, bad_rolls_back_in_one_publication_and_keeps_the_canary) {
  ReleaseWorld world;
  world.ready();
  world.pass(seconds(45), kGood);
  world.actions.clear();
  world.take(opinion(ReleaseVerdict::bad));
  EXPECT_THAT(world.weights(), ElementsAre(0));
  EXPECT_EQ(world.state.phase, ReleasePhase::rolled_back);
  EXPECT_EQ(world.state.cause, ReleaseCause::judged_bad);
  EXPECT_EQ(world.state.detail, "3 of 40 keys");
  EXPECT_EQ(world.count<KeepCanary>(), 1);
  EXPECT_EQ(world.count<MarkBad>(), 0);
}

TEST(ReleaseTest, after_the_promotion_it_is_still_rolled_back) {
  ReleaseWorld world = world_in(ReleasePhase::watching);
  world.pass(hours(5), kUnsure);
  world.take(opinion(ReleaseVerdict::bad));
  EXPECT_EQ(world.state.phase, ReleasePhase::rolled_back);
  EXPECT_EQ(world.weights().back(), 0);
}

TEST(ReleaseTest, the_second_rollback_marks_a_revision_bad_and_it_is_not_tried_again) {
  ReleaseWorld world = world_in(ReleasePhase::rolled_back);
  world.take(command(OperatorAct::retry));
  EXPECT_EQ(world.state.phase, ReleasePhase::preparing);
  EXPECT_EQ(world.state.attempt, 2);
  world.ready();
  world.take(opinion(ReleaseVerdict::bad));
  EXPECT_TRUE(world.state.bad);
  EXPECT_EQ(world.count<MarkBad>(), 1);
  world.take(command(OperatorAct::retry));
  EXPECT_EQ(world.state.phase, ReleasePhase::rolled_back);
  EXPECT_THAT(world.refused, HasSubstr("rolled back 2 times and counts as bad"));
}

TEST(ReleaseTest, rollbacks_of_earlier_releases_count) {
  model::ReleaseSpec spec = release_spec();
  spec.rollbacks_before = 1;
  ReleaseWorld world(spec);
  world.ready();
  world.take(opinion(ReleaseVerdict::bad));
  EXPECT_TRUE(world.state.bad);
}

TEST(ReleaseTest, a_canary_that_never_gets_ready_fails_without_a_request) {
  ReleaseWorld world;
  world.pass(minutes(30));
  EXPECT_EQ(world.state.phase, ReleasePhase::failed);
  EXPECT_EQ(world.state.cause, ReleaseCause::never_ready);
  EXPECT_THAT(world.weights(), IsEmpty());
  EXPECT_EQ(world.count<KeepCanary>(), 0);
}

TEST(ReleaseTest, instances_that_fail_again_and_again_roll_back_unless_those_of_stable_do_too) {
  const auto fails = [](ReleaseArm arm) {
    return InstanceFailure{.arm = arm, .kind = model::InstanceFailureKind::out_of_memory, .detail = "killed"};
  };
  ReleaseWorld world;
  world.ready();
  world.take({fails(ReleaseArm::canary), fails(ReleaseArm::canary)});
  world.pass(minutes(1), kUnsure);
  EXPECT_EQ(world.state.phase, ReleasePhase::stepping);
  world.take(fails(ReleaseArm::canary));
  EXPECT_EQ(world.state.phase, ReleasePhase::rolled_back);
  EXPECT_EQ(world.state.cause, ReleaseCause::out_of_memory);

  // With half of the requests each, both as often: nothing is said against the canary.
  ReleaseWorld even;
  even.ready();
  even.pass(seconds(90), kGood);
  EXPECT_EQ(even.state.weight, 5000U);
  for (int i = 0; i < 9; ++i) even.take({fails(ReleaseArm::stable), fails(ReleaseArm::canary)});
  EXPECT_EQ(even.state.phase, ReleasePhase::stepping);

  // Long ago is forgotten.
  ReleaseWorld rare = world_in(ReleasePhase::paused);
  for (int i = 0; i < 9; ++i) {
    rare.take(fails(ReleaseArm::canary));
    rare.pass(minutes(6));
  }
  EXPECT_EQ(rare.state.phase, ReleasePhase::paused);
}

TEST(ReleaseTest, a_canary_that_cannot_be_started_any_more_is_rolled_back_even_in_a_pause) {
  ReleaseWorld world = world_in(ReleasePhase::paused);
  world.take(CanaryUnavailable{"its starts fail"});
  EXPECT_EQ(world.state.phase, ReleasePhase::rolled_back);
  EXPECT_EQ(world.state.cause, ReleaseCause::unavailable);
}

TEST(ReleaseTest, a_pause_stops_the_clock_but_not_the_judge) {
  ReleaseWorld world;
  world.ready();
  world.pass(seconds(20), kGood);
  world.take(command(OperatorAct::pause));
  world.pass(hours(2), kGood);
  EXPECT_EQ(world.state.step, 0);
  EXPECT_THAT(world.history(), Contains("judge verdict").Times(1));
  world.take(command(OperatorAct::resume));
  EXPECT_EQ(world.state.step, 0);
  world.pass(seconds(10), kGood);
  EXPECT_EQ(world.state.step, 1);
  world.take(command(OperatorAct::pause));
  world.take(opinion(ReleaseVerdict::bad));
  EXPECT_EQ(world.state.phase, ReleasePhase::rolled_back);
}

TEST(ReleaseTest, a_pause_ends_by_itself_unless_a_person_made_it_endless) {
  ReleaseWorld world = world_in(ReleasePhase::paused);
  world.pass(kDefaultPause);
  EXPECT_EQ(world.state.phase, ReleasePhase::stepping);

  ReleaseWorld endless = world_in(ReleasePhase::stepping);
  endless.take(OperatorCommand{.act = OperatorAct::pause, .who = "ana", .reason = "holidays", .endless = true});
  endless.now.age += hours(24 * 300);
  endless.take(TimePassed{});
  EXPECT_EQ(endless.state.phase, ReleasePhase::paused);
  EXPECT_FALSE(endless.state.deadline);
  EXPECT_THAT(endless.audit.back().why, HasSubstr("until somebody resumes: holidays"));
}

TEST(ReleaseTest, a_person_can_advance_and_promote) {
  ReleaseWorld world;
  world.take(command(OperatorAct::advance));
  EXPECT_EQ(world.refused, "the canary is not ready yet");
  world.ready();
  world.take(command(OperatorAct::advance));
  EXPECT_EQ(world.state.weight, 500U);
  world.take(command(OperatorAct::pause));
  world.take(command(OperatorAct::advance));
  EXPECT_EQ(world.state.weight, 2500U);
  world.take(command(OperatorAct::promote));
  EXPECT_EQ(world.state.phase, ReleasePhase::watching);
  EXPECT_EQ(world.state.weight, 9900U);
  world.take(command(OperatorAct::promote));
  EXPECT_EQ(world.refused, "it is promoted already");
}

TEST(ReleaseTest, a_manual_gate_waits_for_a_person_and_fails_at_its_end) {
  ReleaseWorld world = world_in(ReleasePhase::gated);
  EXPECT_EQ(world.state.weight, 100U);
  EXPECT_TRUE(world.told("the gate qa waits for a person before 5%"));
  world.take(command(OperatorAct::advance));
  EXPECT_EQ(world.state.weight, 500U);
  EXPECT_EQ(world.count<CloseGate>(), 1);

  ReleaseWorld late = world_in(ReleasePhase::gated);
  late.pass(hours(24));
  EXPECT_EQ(late.state.cause, ReleaseCause::gate_timed_out);
  EXPECT_EQ(late.state.weight, 0U);
}

TEST(ReleaseTest, gates_of_one_step_open_one_after_the_other) {
  ReleasePolicy policy;
  policy.gates = {{.name = "a", .before = 100, .kind = GateKind::webhook},
                  {.name = "b", .before = 100, .kind = GateKind::webhook, .at_timeout = WaitRule::advance},
                  {.name = "c", .kind = GateKind::webhook}};
  ReleaseWorld world(release_spec(policy));
  world.ready();
  EXPECT_THAT(world.weights(), IsEmpty());
  world.take(GateAnswer{.gate = 0, .passed = true});
  EXPECT_EQ(world.count<OpenGate>(), 2);
  world.pass(hours(24));  // the second has no answer, and goes on by policy
  EXPECT_EQ(world.state.step, 0);
  world.take(GateAnswer{.gate = 1, .passed = false, .detail = "too late"});
  EXPECT_THAT(world.history(), Contains("gate b late"));
  world.pass(seconds(150), kGood);
  EXPECT_EQ(world.state.phase, ReleasePhase::gated);
  world.take(GateAnswer{.gate = 2, .passed = false, .detail = "tests fail"});
  EXPECT_EQ(world.state.cause, ReleaseCause::gate_refused);
  EXPECT_EQ(world.state.detail, "tests fail");
  EXPECT_EQ(world.state.weight, 0U);
}

TEST(ReleaseTest, a_gates_trouble_is_told_while_the_gate_waits_and_changes_nothing) {
  ReleaseWorld world = world_in(ReleasePhase::gated);
  EXPECT_EQ(open_gate_of(world.state), 0U);
  const auto before = world.state;
  world.take(GateTrouble{.gate = 0, .detail = "it answered 503"});
  EXPECT_EQ(world.state, before);
  EXPECT_THAT(world.history(), Contains("gate qa warning"));
  const std::size_t lines = world.audit.size();
  world.take(GateTrouble{.gate = 1, .detail = "it answered 503"});
  world.take(command(OperatorAct::pause));
  EXPECT_EQ(open_gate_of(world.state), 0U) << "it is asked in a pause too";
  world.take(GateAnswer{.gate = 0, .passed = true});
  EXPECT_EQ(open_gate_of(world.state), std::nullopt);
  world.take(GateTrouble{.gate = 0, .detail = "it answered 503"});
  EXPECT_EQ(world.audit.size(), lines + 2) << "the pause and the answer";
}

TEST(ReleaseTest, an_answer_of_a_gate_in_a_pause_counts_after_it) {
  ReleaseWorld world = world_in(ReleasePhase::gated);
  world.take(command(OperatorAct::pause));
  world.take(GateAnswer{.gate = 0, .passed = true});
  EXPECT_EQ(world.state.phase, ReleasePhase::paused);
  world.take(command(OperatorAct::resume));
  EXPECT_EQ(world.state.weight, 500U);
}

TEST(ReleaseTest, the_judge_and_a_person_in_one_moment_are_both_recorded_whoever_came_first) {
  const std::vector<ReleaseInput> inputs = {command(OperatorAct::promote), opinion(ReleaseVerdict::bad)};
  for (const bool swapped : {false, true}) {
    ReleaseWorld world = world_in(ReleasePhase::stepping);
    world.take(swapped ? std::vector<ReleaseInput>{inputs[1], inputs[0]} : inputs);
    EXPECT_EQ(world.state.phase, ReleasePhase::rolled_back);
    EXPECT_THAT(world.history(), IsSupersetOf({"judge rolled back", "person ana refused"}));
    EXPECT_EQ(world.refused, "the release is over: rolled back, judged bad");
    EXPECT_THAT(world.audit.back().why, HasSubstr("promote (because)"));
  }
}

TEST(ReleaseTest, blue_green_and_all_at_once_move_everything_in_one_publication) {
  for (const ReleaseStrategy strategy : {ReleaseStrategy::blue_green, ReleaseStrategy::all_at_once}) {
    ReleaseWorld world(release_spec(model::default_policy(strategy)));
    world.ready();
    EXPECT_THAT(world.weights(), ElementsAre(model::kWholeWeight));
    EXPECT_EQ(world.state.phase, ReleasePhase::watching);
    world.take(command(OperatorAct::abort));
    EXPECT_THAT(world.weights(), ElementsAre(model::kWholeWeight, 0));
  }
}

TEST(ReleaseTest, without_holdback_a_failing_service_is_compared_before_anything_is_rolled_back) {
  ReleaseWorld common = world_in(ReleasePhase::comparing);
  EXPECT_EQ(common.state.weight, 9500U);
  common.pass(seconds(60), {opinion(ReleaseVerdict::not_yet)});
  EXPECT_EQ(common.state.phase, ReleasePhase::watching);
  EXPECT_EQ(common.state.weight, model::kWholeWeight);
  EXPECT_TRUE(common.told("common cause"));

  ReleaseWorld worse = world_in(ReleasePhase::comparing);
  worse.take(opinion(ReleaseVerdict::bad));
  EXPECT_EQ(worse.state.phase, ReleasePhase::rolled_back);
  EXPECT_EQ(worse.state.weight, 0U);
}

TEST(ReleaseTest, with_holdback_a_failing_service_is_a_warning_since_it_is_compared_anyway) {
  ReleaseWorld world = world_in(ReleasePhase::watching);
  world.take(BurnRate{"14 times"});
  EXPECT_EQ(world.state.phase, ReleasePhase::watching);
  EXPECT_TRUE(world.told("the service fails too often: 14 times"));
}

TEST(ReleaseTest, a_newer_deploy_takes_the_requests_back_or_after_the_promotion_takes_over_from_the_canary) {
  EXPECT_EQ(world_in(ReleasePhase::superseded).state.weight, 0U);
  ReleaseWorld world = world_in(ReleasePhase::watching);
  world.take(NewerDeploy{base::RevisionName("loans-00008")});
  EXPECT_EQ(world.state.phase, ReleasePhase::superseded);
  EXPECT_EQ(world.state.weight, model::kWholeWeight);
  EXPECT_EQ(world.count<MarkStable>(), 0);
}

TEST(ReleaseTest, a_rollback_that_will_be_forbidden_is_told_before_and_refused_after) {
  ReleasePolicy policy;
  policy.rollback_until = 500;
  ReleaseWorld world(release_spec(policy));
  EXPECT_EQ(world.audit.back().why, "the policy forbids a rollback after 5%");
  world.ready();
  world.pass(seconds(30), kGood);
  EXPECT_TRUE(world.told("has 5%: from the next step on a rollback is forbidden"));
  EXPECT_FALSE(world.told("forbidden from here on"));
  world.pass(seconds(30), kGood);
  EXPECT_TRUE(world.told("forbidden from here on"));
  world.take(command(OperatorAct::abort));
  EXPECT_EQ(world.refused, "the policy forbids a rollback by now");
  world.take(opinion(ReleaseVerdict::bad));
  EXPECT_EQ(world.state.cause, ReleaseCause::rollback_forbidden);
  EXPECT_EQ(world.state.weight, 2500U);
  EXPECT_TRUE(world.told("waits for a person: rollback forbidden: judged bad"));
  ReleaseWorld forward = world;
  world.pass(hours(1), {opinion(ReleaseVerdict::bad)});
  EXPECT_EQ(world.state.phase, ReleasePhase::failed);
  EXPECT_EQ(world.state.weight, 2500U);
  world.take(command(OperatorAct::retry));
  EXPECT_THAT(world.refused, HasSubstr("the policy forbids"));
  forward.take(command(OperatorAct::advance));
  EXPECT_EQ(forward.state.weight, 5000U);
}

TEST(ReleaseTest, a_promoted_one_that_is_bad_and_may_not_go_back_is_left_to_a_person) {
  ReleasePolicy policy;
  policy.rollback_until = model::kWholeWeight;
  ReleaseWorld world(release_spec(policy));
  world.ready();
  world.take(command(OperatorAct::promote));
  world.take(opinion(ReleaseVerdict::bad));
  EXPECT_EQ(world.state.cause, ReleaseCause::rollback_forbidden);
  ReleaseWorld left = world;
  world.take(command(OperatorAct::promote));
  EXPECT_EQ(world.state.phase, ReleasePhase::watching);
  EXPECT_EQ(*world.state.deadline, world.state.watch_until);
  left.pass(hours(1));
  EXPECT_EQ(left.state.phase, ReleasePhase::failed);
  EXPECT_EQ(left.state.weight, model::kWholeWeight);
}

TEST(ReleaseTest, without_a_stable_revision_there_is_nothing_to_go_back_to) {
  model::ReleaseSpec spec = release_spec(model::default_policy(ReleaseStrategy::all_at_once));
  spec.stable = {};
  ReleaseWorld world(spec);
  world.ready();
  world.take(CanaryUnavailable{"its starts fail"});
  EXPECT_EQ(world.state.phase, ReleasePhase::holding);
  EXPECT_THAT(world.state.detail, HasSubstr("there is no revision to go back to"));
  world.take(command(OperatorAct::abort));
  EXPECT_EQ(world.refused, "there is no revision to go back to");
}

TEST(ReleaseTest, a_watch_without_time_ends_with_the_promotion) {
  ReleasePolicy policy;
  policy.watch = seconds(0);
  ReleaseWorld world(release_spec(policy));
  world.ready();
  world.take(command(OperatorAct::promote));
  EXPECT_EQ(world.state.phase, ReleasePhase::done);
  EXPECT_THAT(world.weights(), ElementsAre(100, 10'000));
}

}  // namespace
}  // namespace marea::decide
