#include "engine/local/fleet.h"

#include "engine/local/fleet_world_test.h"

namespace marea::engine::local {
namespace {

using model::Reason;

TEST(Fleet, a_request_brings_an_instance_from_nothing_to_running) {
  FleetWorld world;
  world.plan("r", 10);
  EXPECT_EQ(world.said(), "");
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "a starting RequestWaiting, create a");
  world.prepared('a');
  EXPECT_EQ(world.said(), "start a, open a");
  world.ready('a');
  EXPECT_EQ(world.said(), "a running RequestWaiting");
  EXPECT_EQ(world.fleet.next_deadline(), base::Instant::max()) << "a running instance costs no wake-ups";
}

TEST(Fleet, an_instance_is_named_after_its_revision) {
  FleetWorld world;
  world.plan("hola-00001", 1, 1);
  world.said();
  EXPECT_TRUE(world.id('a').str().starts_with("hola-00001-"));
  EXPECT_EQ(world.id('a').str().size(), std::string("hola-00001-").size() + 5);
}

TEST(Fleet, the_plan_starts_its_minimum_and_what_it_wants) {
  FleetWorld world;
  world.plan({{.revision = make_revision("r"), .min = 1, .max = 9, .wanted = 2, .reason = Reason::deploy_check}});
  EXPECT_EQ(world.said(), "a starting MinScale, create a, b starting DeployCheck, create b");
}

TEST(Fleet, a_wish_is_bounded_by_the_plan) {
  FleetWorld world;
  world.plan("r", 2);
  world.demand("r", 5);
  EXPECT_EQ(world.said(),
            "a starting RequestWaiting, create a, b starting RequestWaiting, create b, r gets 2 MaxScale");
  world.demand("unknown", 1);
  EXPECT_EQ(world.said(), "unknown gets 0 RevisionRetired");
  world.plan("r", 0);
  world.said();
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "r gets 0 RevisionRetired");
}

TEST(Fleet, a_wish_is_bounded_by_the_machines_memory_and_met_when_there_is_room) {
  FleetWorld world({.memory_bytes = 250LL << 20, .slots = 20});
  world.plan("r", 9);
  world.demand("r", 3);
  EXPECT_EQ(world.said(),
            "a starting RequestWaiting, create a, b starting RequestWaiting, create b, r gets 2 MachineFull");
  world.run("ab");
  world.exited('a', 0);
  EXPECT_EQ(world.said(), "a failed AppExited, closed a, c starting RequestWaiting, create c");
}

TEST(Fleet, a_wish_is_bounded_by_the_slots) {
  FleetWorld world({.memory_bytes = 1LL << 40, .slots = 1});
  world.plan("r", 9);
  world.demand("r", 2);
  EXPECT_EQ(world.said(), "a starting RequestWaiting, create a, r gets 1 MachineFull");
}

TEST(Fleet, a_wish_that_nobody_repeats_is_forgotten) {
  FleetWorld world({.memory_bytes = 100LL << 20, .slots = 20});
  world.plan("r", 9);
  world.demand("r", 2);
  world.run("a");
  world.pass(kDemandLife);
  world.exited('a', 1);
  EXPECT_EQ(world.said(), "a failed AppExited, closed a");
}

TEST(Fleet, a_deploy_check_hears_that_the_machine_is_full_and_starts_when_it_no_longer_is) {
  FleetWorld world({.memory_bytes = 100LL << 20, .slots = 20});
  world.plan("r", 1, 1);
  world.said();
  world.plan({{.revision = make_revision("r"), .max = 1, .wanted = 1, .reason = Reason::deploy_check},
              {.revision = make_revision("s"), .max = 1, .wanted = 1, .reason = Reason::deploy_check}});
  const std::vector<model::InstanceReport> reports = world.reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].state, model::InstanceState::failed);
  EXPECT_EQ(reports[0].reason, Reason::machine_full);
  EXPECT_EQ(reports[0].detail,
            "its memory limit of 100 MiB does not fit: 100 MiB of 100 MiB are reserved by the limits of 1 instances");
  world.pass(seconds(1));
  EXPECT_EQ(world.said(), "c failed MachineFull");
  world.plan("s", 1, 1);
  EXPECT_EQ(world.said(), "a draining RevisionRetired, stop a 0s");
  world.ended('a');
  EXPECT_EQ(world.said(), "a stopped RevisionRetired, d starting DeployCheck, create d");
}

TEST(Fleet, an_idle_instance_goes_in_order) {
  FleetWorld world;
  world.plan("r", 10);
  world.demand("r", 1);
  world.run("a");
  world.retire('a');
  EXPECT_EQ(world.said(), "a draining IdleTimeout, drain a");
  world.quiet('a');
  EXPECT_EQ(world.said(), "stop a 10s");
  world.ended('a');
  EXPECT_EQ(world.said(), "a stopped IdleTimeout, closed a");
  EXPECT_EQ(world.fleet.next_deadline(), base::Instant::max());
}

TEST(Fleet, what_the_plan_or_a_request_needs_is_not_retired) {
  FleetWorld world({.memory_bytes = 200LL << 20, .slots = 20});
  world.plan("r", 10, 1);
  world.run("a");
  world.retire('a');
  EXPECT_EQ(world.said(), "") << "control wants it";
  world.demand("r", 3);
  world.run("b");
  world.retire('b');
  EXPECT_EQ(world.said(), "") << "a third one waits for room";
  world.pass(kDemandLife);
  world.retire('b');
  EXPECT_EQ(world.said(), "b draining IdleTimeout, drain b");
}

TEST(Fleet, an_epoch_that_is_not_its_own_does_not_make_it_quiet) {
  FleetWorld world;
  world.plan("r", 10, 1);
  world.run("a");
  world.remove('a');
  world.said();
  world.fleet.quiet({world.id('a'), 99}, world.now());
  EXPECT_EQ(world.said(), "");
}

TEST(Fleet, a_draining_instance_keeps_its_place_until_it_is_quiet) {
  FleetWorld world;
  world.plan("r", 1, 1);
  world.run("a");
  world.remove('a');
  EXPECT_EQ(world.said(), "a draining Deleted, drain a");
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "r gets 0 MaxScale");
  world.quiet('a');
  EXPECT_EQ(world.said(), "stop a 10s, b starting DeployCheck, create b");
}

TEST(Fleet, a_drain_that_does_not_end_is_ended_after_the_request_timeout) {
  FleetWorld world;
  world.plan("r", 1, 1);
  world.run("a");
  world.plan({});
  EXPECT_EQ(world.said(), "a draining RevisionRetired, drain a");
  world.pass(model::kDefaultTimeout + kVerdictMargin - seconds(1));
  EXPECT_EQ(world.said(), "");
  world.pass(seconds(1));
  EXPECT_EQ(world.said(), "stop a 10s");
  world.pass(kTermGrace + kKillAgain);
  EXPECT_EQ(world.said(), "stop a 0s") << "an end that does not come is asked for again";
  world.ended('a');
  EXPECT_EQ(world.said(), "a stopped RevisionRetired, closed a");
}

TEST(Fleet, without_a_router_nothing_is_in_flight_for_long) {
  FleetWorld world;
  world.plan("r", 1, 1);
  world.run("a");
  world.plan({});
  world.said();
  world.fleet.router_lost(world.now());
  world.pass(kRouterGrace - seconds(1));
  EXPECT_EQ(world.said(), "");
  world.pass(seconds(1));
  EXPECT_EQ(world.said(), "stop a 10s");
}

TEST(Fleet, a_new_router_learns_all_that_is_open_draining_or_failing) {
  FleetWorld world;
  world.plan({{.revision = make_revision("r"), .max = 4, .wanted = 4, .reason = Reason::deploy_check},
              {.revision = make_revision("s"), .max = 1, .wanted = 1, .reason = Reason::deploy_check}});
  world.run("ab");
  world.prepared('c');
  world.prepared('e');
  world.exited('e', 1);
  world.fleet.router_lost(world.now());
  world.remove('b');
  world.said();
  world.fleet.router_linked(world.now());
  const std::string said = world.said();
  for (const std::string part : {"open a ready", "drain b", "open c", "s fails 1 for 1s AppExited"}) {
    EXPECT_NE(said.find(part), std::string::npos) << part << " in " << said;
  }
  EXPECT_EQ(said.find("open c ready"), std::string::npos);
  EXPECT_EQ(said.find("open d"), std::string::npos) << "its sandbox is not there yet";
}

TEST(Fleet, a_new_control_learns_of_every_instance) {
  FleetWorld world;
  world.plan("r", 2, 2);
  world.run("a");
  world.fleet.control_linked();
  std::vector<std::string> states;
  for (const auto& report : world.reports()) states.emplace_back(to_string(report.state));
  std::ranges::sort(states);
  EXPECT_EQ(states, (std::vector<std::string>{"running", "starting"}));
}

TEST(Fleet, a_smaller_maximum_drains_first_what_is_not_ready_then_the_youngest) {
  FleetWorld world;
  world.plan("r", 3, 3);
  world.run("ac");
  world.plan("r", 1, 1);
  EXPECT_EQ(world.said(), "b draining MaxScale, stop b 0s, c draining MaxScale, drain c");
}

TEST(Fleet, a_name_that_comes_again_with_another_content_replaces_what_runs) {
  FleetWorld world;
  world.plan("r", 2, 1);
  world.run("a");
  model::Revision other = make_revision("r");
  other.image.digest = "sha256:other";
  world.plan({{.revision = other, .max = 2, .wanted = 1, .reason = Reason::deploy_check}});
  EXPECT_EQ(world.said(), "a draining RevisionRetired, drain a, b starting DeployCheck, create b");
  EXPECT_EQ(world.fleet.instances().at(world.id('b')).revision->image.digest, "sha256:other");
}

TEST(Fleet, stopping_the_platform_ends_all_within_its_grace) {
  FleetWorld world;
  world.plan("r", 9, 4);
  world.run("ac");
  world.prepared('d');
  world.remove('c');
  world.said();
  const base::Instant begin = world.clock.now();
  world.fleet.stop_all(seconds(15), world.now());
  world.fleet.stop_all(seconds(1), world.now());
  const std::string said = world.said();
  EXPECT_NE(said.find("a draining PlatformStopping, drain a"), std::string::npos) << said;
  EXPECT_NE(said.find("stop b 0s"), std::string::npos) << said;
  world.plan("r", 9, 9);
  world.demand("r", 9);
  EXPECT_EQ(world.said().find("create"), std::string::npos);
  world.quiet('a');
  world.pass(seconds(4));
  EXPECT_LE(world.clock.now() - begin + kTermGrace, seconds(15));
  for (const auto& [id, instance] : world.fleet.instances()) EXPECT_EQ(instance.phase, Phase::stopping) << id.str();
  for (const char letter : std::string("abcde")) world.ended(letter);
  EXPECT_TRUE(world.fleet.instances().empty());
}

TEST(Fleet, stopping_the_platform_without_a_router_waits_for_nobody) {
  FleetWorld world;
  world.plan("r", 9, 2);
  world.run("ab");
  world.fleet.router_lost(world.now());
  world.fleet.stop_all(seconds(15), world.now());
  const std::string said = world.said();
  EXPECT_NE(said.find("stop a 10s"), std::string::npos) << said;
  EXPECT_NE(said.find("stop b 10s"), std::string::npos) << said;
}

TEST(Fleet, words_about_strangers_and_the_past_change_nothing) {
  FleetWorld world;
  world.plan("r", 1, 1);
  world.run("a");
  const base::InstanceId nobody("r-zzzzz");
  world.fleet.ready(nobody, world.now());
  world.fleet.unready({nobody, Reason::never_listened, ""}, {}, world.now());
  world.fleet.retire({nobody, Reason::idle_timeout}, world.now());
  world.fleet.quiet({nobody, 0}, world.now());
  world.fleet.remove({nobody, Reason::deleted}, world.now());
  world.fleet.sandbox_prepared(nobody, world.now());
  world.fleet.sandbox_started(nobody, world.now());
  world.fleet.sandbox_ended(nobody, {}, world.now());
  world.fleet.looked(nobody, {}, world.now());
  world.ready('a');
  world.prepared('a');
  world.fleet.looked(world.id('a'), {{"::1", 1}}, world.now());
  world.fleet.quiet({world.id('a'), 0}, world.now());
  EXPECT_EQ(world.said(), "");
  EXPECT_FALSE(world.fleet.open(nobody));
  EXPECT_TRUE(world.fleet.open(world.id('a')));
}

}  // namespace
}  // namespace marea::engine::local
