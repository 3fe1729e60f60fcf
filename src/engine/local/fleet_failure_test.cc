// What fails, with its reason, and how long the next start waits.
#include "engine/local/fleet_port.h"
#include "engine/local/fleet_world_test.h"

namespace marea::engine::local {
namespace {

using model::Reason;
using Sockets = std::vector<model::ListeningSocket>;

void start_one(FleetWorld& world, model::Probe startup = model::default_startup_probe()) {
  model::Revision revision = make_revision("r");
  revision.spec.container.startup = startup;
  world.plan({{.revision = revision, .max = 5}});
  world.demand("r", 1);
  world.remember();
  world.prepared('a');
  world.said();
}

TEST(FleetFailure, an_app_that_exits_at_once_is_named_and_waited_for_longer_each_time) {
  FleetWorld world;
  world.plan("r", 1);
  std::string waits;
  for (char letter = 'a'; letter <= 'h'; ++letter) {
    world.demand("r", 1);
    world.remember();
    world.prepared(letter);
    world.said();
    world.exited(letter, 3);
    const std::string said = world.said();
    const std::size_t from = said.find(" for ") + 5;
    waits += said.substr(from, said.find(' ', from) - from) + " ";
    world.pass(kRouterGrace * 12);
  }
  EXPECT_EQ(waits, "1s 2s 4s 8s 16s 32s 60s 60s ");
}

TEST(FleetFailure, a_sidecar_that_ends_takes_the_instance_with_it_and_is_named) {
  FleetWorld world;
  world.plan("r", 3);
  world.demand("r", 1);
  world.run("a");
  world.said();
  const SandboxEnd end{.reason = Reason::app_exited,
                       .detail = "container \"proxy\": the app ended: exit code 3",
                       .exit = model::ExitStatus{.code = 3},
                       .container = "proxy"};
  world.fleet.sidecar_failed(world.id('a'), end, world.now());
  EXPECT_EQ(world.said(), "a draining AppExited, drain a") << "requests end before";
  world.fleet.sidecar_failed(world.id('a'), end, world.now());
  EXPECT_EQ(world.said(), "") << "once";
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "b starting RequestWaiting, create b") << "it counts no more";
  world.quiet('a');
  EXPECT_EQ(world.said(), "stop a 10s");
  world.fleet.sandbox_ended(world.id('a'), end, world.now());
  bool told = false;
  for (const Action& action : world.fleet.take_actions()) {
    const auto* report = std::get_if<act::Report>(&action);
    if (report == nullptr || report->report.id != world.id('a')) continue;
    told = true;
    EXPECT_EQ(report->report.state, model::InstanceState::failed);
    EXPECT_EQ(report->report.container, "proxy");
    EXPECT_EQ(report->report.detail, end.detail);
    EXPECT_EQ(report->report.exit->code, 3);
  }
  EXPECT_TRUE(told);
}

TEST(FleetFailure, requests_that_outlive_a_sidecar_have_their_time_and_no_more) {
  FleetWorld world;
  world.plan("r", 1);
  world.demand("r", 1);
  world.run("a");
  world.fleet.sidecar_failed(world.id('a'), {.reason = Reason::liveness_failed, .container = "proxy"}, world.now());
  const base::Duration timeout = make_revision("r").spec.timeout;
  world.pass(timeout);
  EXPECT_EQ(world.said(), "a draining LivenessFailed, drain a");
  world.pass(kVerdictMargin);
  EXPECT_EQ(world.said(), "stop a 10s");
}

TEST(FleetFailure, a_sidecar_that_ends_before_the_app_is_ready_is_a_failed_start) {
  FleetWorld world;
  start_one(world);
  world.fleet.sidecar_failed(world.id('a'), {.reason = Reason::app_exited, .container = "proxy"}, world.now());
  EXPECT_EQ(world.said(), "r fails 1 for 1s AppExited, drain a, a draining AppExited, stop a 2s");
}

TEST(FleetFailure, whose_exit_it_was_is_told_even_where_that_is_not_why_it_ended) {
  FleetWorld world;
  world.plan("r", 1);
  world.demand("r", 1);
  world.run("a");
  world.remove('a');
  world.quiet('a');
  world.ended('a', {.reason = Reason::app_exited, .exit = model::ExitStatus{.code = 3}, .container = "proxy"});
  const auto reports = world.reports();
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports.back().container, "proxy");
}

TEST(FleetFailure, what_runs_already_while_a_group_is_prepared_gets_sigterm) {
  FleetWorld world;
  model::Revision revision = make_revision("r");
  revision.spec.sidecars.resize(1);
  world.plan({{.revision = revision, .max = 1}});
  world.demand("r", 1);
  world.said();
  world.remove('a');
  const std::string said = world.said();
  EXPECT_NE(said.find("stop a 2s"), std::string::npos) << said;
}

TEST(FleetFailure, the_final_report_says_how_the_app_ended) {
  FleetWorld world;
  start_one(world);
  world.ended('a', {.reason = Reason::out_of_memory,
                    .detail = "a process was killed",
                    .exit = model::ExitStatus{.signal = 9, .out_of_memory = true},
                    .peak_memory_bytes = 77});
  const auto reports = world.reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].state, model::InstanceState::failed);
  EXPECT_EQ(reports[0].reason, Reason::out_of_memory);
  EXPECT_EQ(reports[0].detail, "a process was killed");
  EXPECT_TRUE(reports[0].exit && reports[0].exit->out_of_memory);
  EXPECT_EQ(reports[0].peak_memory_bytes, 77);
}

TEST(FleetFailure, while_starts_fail_a_wish_is_answered_with_the_wait_that_is_left) {
  FleetWorld world;
  start_one(world);
  world.exited('a', 1);
  EXPECT_EQ(world.said(), "a failed AppExited, r fails 1 for 1s AppExited, closed a");
  world.pass(milliseconds(500));
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "r fails 1 for 0s AppExited");
  world.pass(milliseconds(500));
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "b starting RequestWaiting, create b");
}

TEST(FleetFailure, readiness_resets_the_wait) {
  FleetWorld world;
  start_one(world);
  world.exited('a', 1);
  world.pass(seconds(1));
  world.demand("r", 1);
  world.remember();
  world.prepared('b');
  world.said();
  world.ready('b');
  EXPECT_EQ(world.said(), "b running RequestWaiting, r starts again");
  world.exited('b', 1);
  world.demand("r", 1);
  world.remember();
  world.prepared('c');
  world.said();
  world.exited('c', 1);
  EXPECT_EQ(world.said(), "c failed AppExited, r fails 1 for 1s AppExited, closed c");
}

TEST(FleetFailure, starts_that_fail_side_by_side_are_one_wait) {
  FleetWorld world;
  world.plan("r", 5);
  world.demand("r", 3);
  world.remember();
  for (const char letter : std::string("abc")) world.prepared(letter);
  world.said();
  world.exited('a', 1);
  world.exited('b', 1);
  world.exited('c', 1);
  const std::string said = world.said();
  EXPECT_NE(said.find("r fails 3 for 1s"), std::string::npos) << said;
}

TEST(FleetFailure, what_the_plan_wants_is_tried_again_after_the_wait) {
  FleetWorld world;
  world.plan("r", 1, 1);
  world.remember();
  world.prepared('a');
  world.said();
  world.exited('a', 1);
  EXPECT_EQ(world.said(), "a failed AppExited, r fails 1 for 1s AppExited, closed a");
  world.pass(milliseconds(999));
  EXPECT_EQ(world.said(), "");
  world.pass(milliseconds(1));
  EXPECT_EQ(world.said(), "b starting DeployCheck, create b");
}

TEST(FleetFailure, a_sandbox_that_cannot_be_made_is_a_failed_start) {
  FleetWorld world;
  world.plan("r", 1, 1);
  world.said();
  world.ended('a', {.reason = Reason::sandbox_failed, .detail = "no crun"});
  EXPECT_EQ(world.said(), "a failed SandboxFailed, r fails 1 for 1s SandboxFailed");
}

TEST(FleetFailure, a_sandbox_that_is_never_prepared_is_given_up) {
  FleetWorld world;
  world.plan("r", 1, 1);
  world.said();
  world.pass(kPrepareTime);
  EXPECT_EQ(world.said(), "r fails 1 for 1s SandboxFailed, a draining SandboxFailed, stop a 2s");
  world.prepared('a');
  world.ended('a');
  EXPECT_EQ(world.said(), "a failed SandboxFailed");
}

TEST(FleetFailure, an_app_that_listens_elsewhere_is_hinted_at_then_failed) {
  FleetWorld world;
  start_one(world);
  world.pass(kLookEvery);
  EXPECT_EQ(world.said(), "look a");
  const Sockets sockets{{"0.0.0.0", 3000}};
  world.fleet.looked(world.id('a'), sockets, world.now());
  const auto reports = world.reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].state, model::InstanceState::starting);
  EXPECT_EQ(reports[0].listening, sockets);
  EXPECT_NE(reports[0].detail.find("set containerPort: 3000"), std::string::npos);
  for (int i = 0; i < 3; ++i) {
    world.pass(kLookEvery);
    world.fleet.looked(world.id('a'), sockets, world.now());
    EXPECT_EQ(world.said(), "look a");
  }
  world.pass(kLookEvery);
  world.fleet.looked(world.id('a'), sockets, world.now());
  EXPECT_EQ(world.said(), "look a, r fails 1 for 1s PortMismatch, drain a, a draining PortMismatch, stop a 2s");
  world.ended('a');
  const auto last = world.reports();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].state, model::InstanceState::failed);
  EXPECT_EQ(last[0].listening, sockets);
  EXPECT_NE(last[0].detail.find("set containerPort: 3000"), std::string::npos);
}

TEST(FleetFailure, an_app_that_comes_to_its_port_late_is_left_alone) {
  FleetWorld world;
  start_one(world);
  world.pass(kLookEvery);
  world.fleet.looked(world.id('a'), {{"0.0.0.0", 9090}}, world.now());
  world.pass(kLookEvery);
  world.said();
  world.fleet.looked(world.id('a'), {{"0.0.0.0", 9090}, {"0.0.0.0", 8080}}, world.now());
  const auto reports = world.reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].detail, "");
  world.pass(kMismatchTime);
  world.fleet.looked(world.id('a'), {{"0.0.0.0", 9090}}, world.now());
  world.said();
  world.ready('a');
  const auto running = world.reports();
  ASSERT_EQ(running.size(), 1U);
  EXPECT_EQ(running[0].state, model::InstanceState::running);
  EXPECT_TRUE(running[0].listening.empty());
}

TEST(FleetFailure, a_declared_startup_probe_has_its_own_time) {
  FleetWorld world;
  model::Probe probe;
  probe.declared = true;
  probe.period = seconds(10);
  probe.failure_threshold = 6;
  start_one(world, probe);
  const Sockets sockets{{"::1", 8080}};
  for (int i = 0; i < 10; ++i) {
    world.pass(kLookEvery);
    world.fleet.looked(world.id('a'), sockets, world.now());
  }
  EXPECT_EQ(world.said().find("fails"), std::string::npos);
  world.unready('a', Reason::startup_probe_failed, sockets);
  EXPECT_EQ(world.said(), "r fails 1 for 1s PortMismatch, drain a, a draining PortMismatch, stop a 2s");
}

TEST(FleetFailure, an_app_that_never_listens_fails_when_router_gives_up) {
  FleetWorld world;
  start_one(world);
  world.unready('a', Reason::never_listened);
  EXPECT_EQ(world.said(), "r fails 1 for 1s NeverListened, drain a, a draining NeverListened, stop a 2s");
  world.unready('a', Reason::never_listened);
  EXPECT_EQ(world.said(), "") << "once";
  world.ended('a');
  EXPECT_EQ(world.said(), "a failed NeverListened, closed a");
}

TEST(FleetFailure, a_router_that_says_nothing_does_not_keep_an_instance_starting_for_ever) {
  FleetWorld world;
  start_one(world);
  world.fleet.router_lost(world.now());
  world.pass(model::default_startup_probe().deadline() + kVerdictMargin);
  EXPECT_EQ(world.said().find("stop"), std::string::npos) << "without a router nobody looked";
  world.fleet.router_linked(world.now());
  world.said();
  world.pass(model::default_startup_probe().deadline() + kVerdictMargin);
  const std::string said = world.said();
  EXPECT_TRUE(said.ends_with("r fails 1 for 1s NeverListened, drain a, a draining NeverListened, stop a 2s")) << said;
}

TEST(FleetFailure, a_crash_after_readiness_brings_back_what_the_plan_wants_but_not_in_a_hurry) {
  FleetWorld world;
  world.plan("r", 3, 1);
  world.run("a");
  world.pass(kStableTime);
  world.exited('a', 1);
  EXPECT_EQ(world.said(), "a failed AppExited, closed a, b starting DeployCheck, create b");
  world.run("b");
  world.exited('b', 1);
  EXPECT_EQ(world.said(), "b failed AppExited, closed b") << "it ran but a moment";
  world.pass(seconds(1));
  EXPECT_EQ(world.said(), "c starting DeployCheck, create c");
  world.run("c");
  world.exited('c', 1);
  world.said();
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "d starting DeployCheck, create d") << "who waits does not wait for that";
}

TEST(FleetFailure, a_crash_of_what_nobody_wants_brings_nothing_back) {
  FleetWorld world;
  world.plan("r", 3);
  world.demand("r", 1);
  world.run("a");
  world.ended('a', {.reason = Reason::app_killed, .exit = model::ExitStatus{.signal = 11}});
  EXPECT_EQ(world.said(), "a failed AppKilled, closed a");
}

TEST(FleetFailure, a_failed_liveness_probe_ends_the_instance_and_is_no_failed_start) {
  FleetWorld world;
  world.plan("r", 3);
  world.demand("r", 1);
  world.run("a");
  world.unready('a', Reason::liveness_failed);
  EXPECT_EQ(world.said(), "drain a, a draining LivenessFailed, stop a 10s");
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "b starting RequestWaiting, create b");
  world.ended('a');
  EXPECT_EQ(world.said(), "a failed LivenessFailed, closed a");
}

TEST(FleetFailure, an_instance_that_ends_while_it_drains_failed_unless_it_was_asked_to) {
  FleetWorld world;
  world.plan("r", 3, 2);
  world.run("ab");
  world.plan({});
  world.said();
  world.exited('a', 1);
  EXPECT_EQ(world.said(), "a failed AppExited, closed a");
  world.ended('b');
  EXPECT_EQ(world.said(), "b stopped RevisionRetired, closed b");
}

TEST(FleetFailure, an_end_without_a_cause_is_the_sandboxs) {
  FleetWorld world;
  start_one(world);
  world.ended('a');
  EXPECT_EQ(world.said(), "a failed SandboxFailed, r fails 1 for 1s SandboxFailed, closed a");
}

}  // namespace
}  // namespace marea::engine::local
