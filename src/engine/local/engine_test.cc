#include "engine/local/engine_world_test.h"

namespace marea::engine::local {
namespace {

namespace msg = net::msg;
using model::InstanceState;
using model::Reason;

TEST_F(EngineTest, a_planned_instance_is_made_started_opened_and_reported) {
  plan(3, 1);
  const auto* open = newest<msg::InstanceOpen>();
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(open->revision.str(), "r");
  EXPECT_FALSE(open->ready);
  EXPECT_EQ(sockets_.back(), static_cast<std::size_t>(kSocketStock));
  say(msg::InstanceReady{open->id});
  EXPECT_EQ(states(), "[] starting running");
}

TEST_F(EngineTest, a_demand_within_the_plan_starts_an_instance) {
  plan(1, 0);
  EXPECT_EQ(newest<msg::InstanceOpen>(), nullptr);
  say(msg::Demand{base::RevisionName("r"), 1'000'000'000, Reason::request_waiting});
  EXPECT_EQ(machine_.alive.size(), 1U);
  const auto* refused = newest<msg::DemandRefused>();
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->reason, Reason::max_scale);
  say(msg::Demand{base::RevisionName("r"), -5, Reason::request_waiting});
  EXPECT_EQ(machine_.alive.size(), 1U);
}

TEST_F(EngineTest, an_idle_instance_drains_before_it_is_stopped) {
  plan(3, 0);
  say(msg::Demand{base::RevisionName("r"), 1, Reason::request_waiting});
  const base::InstanceId id = opened();
  say(msg::InstanceReady{id});
  EXPECT_EQ(machine_.readied, 1);
  say(msg::Retire{id, Reason::idle_timeout});
  const auto* drain = newest<msg::InstanceDrain>();
  ASSERT_NE(drain, nullptr);
  EXPECT_EQ(machine_.calls, (std::vector<std::string>{"start"}));
  say(msg::Quiet{id, drain->epoch});
  EXPECT_EQ(machine_.calls, (std::vector<std::string>{"start", "stop 10"}));
  ASSERT_NE(newest<msg::InstanceClosed>(), nullptr);
  EXPECT_EQ(newest<msg::InstanceClosed>()->id, id);
  EXPECT_EQ(last_report().state, InstanceState::stopped);
  EXPECT_EQ(last_report().reason, Reason::idle_timeout);
  EXPECT_TRUE(machine_.alive.empty());
}

TEST_F(EngineTest, why_an_instance_retires_is_routers_word_where_that_is_one_of_two) {
  plan(3, 0);
  const auto reason_of = [&](Reason said) {
    say(msg::Demand{base::RevisionName("r"), 1, Reason::request_waiting});
    const base::InstanceId id = opened();
    say(msg::InstanceReady{id});
    say(msg::Retire{id, said});
    say(msg::Quiet{id, newest<msg::InstanceDrain>()->epoch});
    return last_report().reason;
  };
  EXPECT_EQ(reason_of(Reason::scaled_in), Reason::scaled_in);
  EXPECT_EQ(reason_of(Reason::deleted), Reason::idle_timeout);
}

TEST_F(EngineTest, tells_control_how_often_its_limits_were_met) {
  control_->send(msg::MetricsWanted{7});
  turn();
  const auto* numbers = std::get_if<msg::Metrics>(&to_control_.back());
  ASSERT_NE(numbers, nullptr);
  EXPECT_EQ(numbers->number, 7U);
  EXPECT_TRUE(numbers->last);
  EXPECT_EQ(numbers->values, (std::vector<model::MetricValue>{{model::Metric::limit_hits, {"memory-reserve"}, {0}},
                                                              {model::Metric::limit_hits, {"starts-per-cpu"}, {0}}}));
}

TEST_F(EngineTest, tells_what_its_instances_use_now) {
  run_one();
  const std::string id = opened().str();
  machine_.cpu = 4s;
  machine_.memory_now = 77;
  control_->send(msg::MetricsWanted{7});
  turn();
  const auto* numbers = std::get_if<msg::Metrics>(&to_control_.back());
  ASSERT_NE(numbers, nullptr);
  const auto has = [&](const model::MetricValue& value) { return std::ranges::count(numbers->values, value); };
  EXPECT_EQ(has({model::Metric::instance_cpu, {"s", "r", id}, {4'000'000'000}}), 1);
  EXPECT_EQ(has({model::Metric::instance_memory_now, {"s", "r", id}, {77}}), 1);
}

TEST_F(EngineTest, reads_what_its_instances_use_at_most_twice_a_second) {
  run_one();
  const auto ask = [&](std::uint64_t number) {
    control_->send(msg::MetricsWanted{number});
    turn();
    const auto* numbers = std::get_if<msg::Metrics>(&to_control_.back());
    return numbers != nullptr && numbers->number == number && numbers->last && numbers->values.size() == 4;
  };
  EXPECT_TRUE(ask(1));
  EXPECT_TRUE(ask(2));
  EXPECT_EQ(machine_.memory_reads, 1);
  clock_.advance(500ms);
  EXPECT_TRUE(ask(3));
  EXPECT_EQ(machine_.memory_reads, 2);
}

TEST_F(EngineTest, tells_what_many_instances_use_once_all_are_read) {
  constexpr int kMany = 12;
  plan(kMany, kMany);
  for (int i = 0; i < kMany && machine_.alive.size() < kMany; ++i) pass(1s);
  ASSERT_EQ(machine_.alive.size(), static_cast<std::size_t>(kMany));
  to_control_.clear();
  control_->send(msg::MetricsWanted{1});
  control_->send(msg::MetricsWanted{2});
  turn();
  EXPECT_EQ(machine_.memory_reads, kMany);
  ASSERT_EQ(to_control_.size(), 1U);  // control waits for the newest of its questions alone
  const auto* numbers = std::get_if<msg::Metrics>(&to_control_.back());
  ASSERT_NE(numbers, nullptr);
  EXPECT_EQ(numbers->number, 2U);
  EXPECT_EQ(numbers->values.size(), 2U + 2U * kMany);
}

TEST_F(EngineTest, a_fresh_control_gets_the_whole_state_first) {
  run_one();
  to_control_.clear();
  connect_control();
  turn();
  EXPECT_EQ(states(), "[ running]");
  EXPECT_EQ(std::get<msg::EngineReady>(to_control_.front()).runtime, "fake 1");
}

TEST_F(EngineTest, a_fresh_control_may_count_its_plans_from_the_beginning) {
  number_ = 50;
  plan(3, 1);
  connect_control();
  number_ = 0;
  plan(3, 2);
  EXPECT_EQ(machine_.alive.size(), 2U);
}

TEST_F(EngineTest, a_fresh_router_gets_every_open_instance_with_sockets) {
  run_one();
  const base::InstanceId id = opened();
  router_.reset();
  turn();
  to_router_.clear();
  sockets_.clear();
  connect_router();
  turn();
  ASSERT_EQ(to_router_.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<msg::InstancesDone>(to_router_.back()));
  EXPECT_EQ(opened(), id);
  EXPECT_TRUE(newest<msg::InstanceOpen>()->ready);
  EXPECT_EQ(sockets_.front(), static_cast<std::size_t>(kSocketStock));
}

TEST_F(EngineTest, more_sockets_come_when_asked_for_within_what_a_message_bears) {
  run_one();
  say(msg::SocketsWanted{opened(), 3});
  EXPECT_EQ(sockets_.back(), 3U);
  say(msg::SocketsWanted{opened(), 1'000'000});
  EXPECT_EQ(sockets_.back(), net::kMostFds);
  const std::size_t before = to_router_.size();
  say(msg::SocketsWanted{opened(), 0});
  say(msg::SocketsWanted{opened(), -1});
  say(msg::SocketsWanted{base::InstanceId("nobody"), 1});
  EXPECT_EQ(to_router_.size(), before);
}

TEST_F(EngineTest, sockets_that_cannot_be_made_come_later) {
  run_one();
  machine_.makes_sockets = false;
  const std::size_t before = to_router_.size();
  say(msg::SocketsWanted{opened(), 5});
  pass(kSocketRetry);
  EXPECT_EQ(to_router_.size(), before);
  machine_.makes_sockets = true;
  pass(kSocketRetry);
  ASSERT_EQ(to_router_.size(), before + 1);
  EXPECT_EQ(sockets_.back(), 5U);
}

TEST_F(EngineTest, sockets_are_not_owed_to_an_instance_that_ended) {
  run_one();
  const base::InstanceId id = opened();
  machine_.makes_sockets = false;
  say(msg::SocketsWanted{id, 5});
  machine_.alive.at(id.str())->exit(1);
  machine_.makes_sockets = true;
  turn();
  pass(kSocketRetry);
  EXPECT_EQ(newest<msg::Sockets>(), nullptr);
}

TEST_F(EngineTest, a_sandbox_that_cannot_be_made_is_reported_with_its_cause_and_remedy) {
  machine_.refusal = "no space";
  plan(1, 1);
  EXPECT_EQ(last_report().state, InstanceState::failed);
  EXPECT_EQ(last_report().reason, Reason::sandbox_failed);
  EXPECT_EQ(last_report().detail, "cannot make a sandbox: no space (E_SANDBOX_FAILED). Run marea doctor");
  ASSERT_NE(newest<msg::StartsFailing>(), nullptr);
  EXPECT_EQ(newest<msg::StartsFailing>()->retry_after, std::chrono::seconds(1));
  machine_.refusal.clear();
  pass(std::chrono::seconds(1));
  EXPECT_EQ(machine_.alive.size(), 1U);
}

TEST_F(EngineTest, an_app_that_dies_inside_start_is_a_failed_start) {
  machine_.dies_in_start = true;
  plan(1, 1);
  EXPECT_EQ(last_report().state, InstanceState::failed);
  ASSERT_TRUE(last_report().exit);
  EXPECT_EQ(last_report().exit->code, 127);
  EXPECT_EQ(newest<msg::InstanceClosed>()->id, opened());
  EXPECT_TRUE(machine_.alive.empty());
}

TEST_F(EngineTest, an_app_on_another_port_is_found_out) {
  machine_.listening = {{"127.0.0.1", 3000}};
  plan(1, 1);
  pass(kLookEvery);
  EXPECT_EQ(last_report().state, InstanceState::starting);
  EXPECT_EQ(last_report().listening, machine_.listening);
  for (int i = 0; i < 4; ++i) pass(kLookEvery);
  EXPECT_EQ(last_report().state, InstanceState::failed);
  EXPECT_EQ(last_report().reason, Reason::port_mismatch);
  EXPECT_NE(last_report().detail.find("set containerPort: 3000"), std::string::npos) << last_report().detail;
}

TEST_F(EngineTest, what_router_found_missing_is_reported_with_what_listens) {
  plan(1, 1);
  machine_.listening = {{"::1", 8080}};
  say(msg::InstanceUnready{opened(), Reason::never_listened, std::string(100'000, 'x')});
  EXPECT_EQ(last_report().reason, Reason::port_mismatch);
  EXPECT_EQ(last_report().listening, machine_.listening);
  pass(std::chrono::seconds(1));
  machine_.listening.clear();
  say(msg::InstanceUnready{opened(), Reason::deleted, std::string(100'000, 'x')});
  EXPECT_EQ(last_report().reason, Reason::startup_probe_failed) << "an unlikely reason is not passed on";
  EXPECT_EQ(last_report().detail.size(), kMostDetailBytes);
}

TEST_F(EngineTest, an_instance_is_deleted_on_controls_word) {
  run_one();
  const base::InstanceId id = opened();
  control_->send(msg::DeleteInstance{.id = id, .reason = Reason::deploying});
  turn();
  EXPECT_EQ(states(), "[] starting running draining starting") << "control still wants one";
  ASSERT_NE(newest<msg::InstanceDrain>(), nullptr);
  say(msg::Quiet{id, newest<msg::InstanceDrain>()->epoch});
  EXPECT_EQ(last_report().id, id);
  EXPECT_EQ(last_report().reason, Reason::deleted);
}

TEST_F(EngineTest, an_implausible_plan_starts_nothing_and_stops_nothing) {
  run_one();
  model::RevisionPlan bad{.max = 5, .wanted = 5};
  bad.revision.name = base::RevisionName("../../etc");
  control_->send(msg::PlanRevision{.number = ++number_, .plan = bad});
  bad.revision.name = base::RevisionName("r");
  control_->send(msg::PlanRevision{.number = number_, .plan = bad});
  control_->send(msg::PlanCommit{.number = number_});
  turn();
  EXPECT_EQ(machine_.alive.size(), 1U);
  EXPECT_EQ(last_report().state, InstanceState::running);
}

TEST_F(EngineTest, it_ends_when_all_instances_have_ended) {
  run_one();
  router_.reset();
  turn();
  bool done = false;
  engine_->on_stop(std::chrono::seconds(15), [&done] { done = true; });
  EXPECT_FALSE(done);
  turn();
  EXPECT_TRUE(done);
  EXPECT_EQ(last_report().reason, Reason::platform_stopping);
  EXPECT_TRUE(machine_.alive.empty());
}

TEST_F(EngineTest, it_ends_at_once_without_instances) {
  bool done = false;
  engine_->on_stop(std::chrono::seconds(15), [&done] { done = true; });
  EXPECT_TRUE(done);
}

TEST_F(EngineTest, it_ends_within_its_grace_whatever_the_apps_do) {
  run_one();
  machine_.ends_when_asked = false;
  bool done = false;
  engine_->on_stop(std::chrono::seconds(3), [&done] { done = true; });
  pass(std::chrono::seconds(1));
  EXPECT_FALSE(done);
  pass(std::chrono::seconds(1));
  EXPECT_TRUE(done);
  engine_.reset();
  EXPECT_TRUE(machine_.alive.empty());
}

TEST_F(EngineTest, an_engine_that_died_is_followed_by_one_that_adopts_its_instances) {
  run_one();
  const base::InstanceId id = opened();
  die({id});
  EXPECT_EQ(machine_.kept, std::set<base::InstanceId>{id});
  connect_control();
  connect_router();
  turn();
  EXPECT_EQ(states(), "[ running]");
  EXPECT_TRUE(newest<msg::InstanceOpen>()->ready);
  EXPECT_EQ(sockets_.front(), static_cast<std::size_t>(kSocketStock));
  EXPECT_TRUE(std::holds_alternative<msg::InstancesDone>(to_router_.back()));
  say(msg::Demand{base::RevisionName("r"), 2, model::Reason::request_waiting});
  EXPECT_NE(opened(), id) << "the plan was kept: another one starts though control has not spoken";
}

TEST_F(EngineTest, an_instance_whose_app_was_not_started_is_a_leftover) {
  machine_.prepares = false;
  plan(3, 1);
  const base::InstanceId id = last_report().id;
  die({id});
  EXPECT_TRUE(machine_.kept.empty());
  EXPECT_EQ(released_, std::vector<std::string>{hold_key(id)});
}

TEST_F(EngineTest, an_end_that_came_while_no_engine_was_there_is_reported_until_control_has_it) {
  run_one();
  const base::InstanceId id = opened();
  die({id});
  machine_.alive.at(id.str())->exit(3);
  turn();
  for (int i = 0; i < 2; ++i) {  // control died before it could say that it has it
    connect_control();
    turn();
    ASSERT_EQ(last_report().id, id);
    EXPECT_EQ(last_report().exit->code, 3);
    EXPECT_TRUE(std::holds_alternative<msg::InstancesDone>(to_control_.back()));
    to_control_.clear();
  }
  control_->send(msg::ReportKept{id});
  turn();
  die({});
  connect_control();
  turn();
  for (const auto& message : to_control_) {
    const auto* report = std::get_if<model::InstanceReport>(&message);
    EXPECT_TRUE(report == nullptr || report->id != id);
  }
}

TEST_F(EngineTest, an_end_that_cannot_be_kept_is_told_all_the_same_by_this_engine_and_by_the_next_one) {
  run_one();
  const base::InstanceId id = opened();
  const std::string ended = folder_ + "/.ended";
  std::filesystem::remove_all(ended);
  machine_.alive.at(id.str())->exit(3);
  turn();
  to_control_.clear();
  connect_control();
  turn();
  ASSERT_EQ(last_report().id, id);
  die({});
  connect_control();
  turn();
  ASSERT_EQ(last_report().id, id);
  EXPECT_EQ(last_report().exit->code, 3);
  EXPECT_TRUE(std::filesystem::exists(ended + "/" + id.str()));
}

TEST_F(EngineTest, an_end_that_cannot_be_kept_is_kept_once_it_can) {
  run_one();
  const base::InstanceId id = opened();
  const std::string ended = folder_ + "/.ended";
  std::filesystem::remove_all(ended);
  machine_.alive.at(id.str())->exit(3);
  turn();
  std::filesystem::create_directory(ended);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/.instances/" + id.str()));
  pass(kReportSync);
  EXPECT_TRUE(std::filesystem::exists(ended + "/" + id.str()));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/.instances/" + id.str()));
}

TEST_F(EngineTest, what_keeper_does_not_hold_any_more_has_ended_with_the_platform) {
  run_one();
  const base::InstanceId id = opened();
  die({});
  connect_control();
  turn();
  ASSERT_EQ(last_report().id, id);
  EXPECT_EQ(last_report().state, model::InstanceState::stopped);
  EXPECT_EQ(last_report().reason, model::Reason::platform_stopping);
}

TEST_F(EngineTest, sigterm_is_not_sent_twice) {
  run_one();
  const base::InstanceId id = opened();
  machine_.ends_when_asked = false;
  control_->send(msg::DeleteInstance{id});
  turn();
  say(msg::Quiet{id, newest<msg::InstanceDrain>()->epoch});
  EXPECT_FALSE(machine_.pasts.contains(id));
  die({id});
  EXPECT_TRUE(machine_.pasts.at(id).asked_to_stop);
}

TEST_F(EngineTest, what_is_not_its_business_is_ignored) {
  auto pair = net::make_socket_pair();
  ASSERT_TRUE(pair);
  engine_->on_peer(net::Role::logs, std::move(pair->first));
  engine_->on_listener(net::ListenerKind::http, "x", std::move(pair->second));
  engine_->on_held("k", {});
  engine_->on_held_done();
  engine_->on_builder_ended(1, 0);
  turn();
  EXPECT_EQ(states(), "[]");
}

TEST_F(EngineTest, who_computes_is_confined_and_an_engine_that_adopts_it_begins_anew) {
  run_one();
  const base::InstanceId id = opened();
  machine_.calls.clear();
  machine_.load = {.cpus = 2, .instances_permille = 5};
  for (int i = 0; i < 10; ++i) pass(kLoadAtRest);
  EXPECT_TRUE(machine_.calls.empty());
  machine_.load.instances_permille = 450;
  for (int i = 0; i < 4; ++i) {
    machine_.cpu += kLoadAtRest;
    pass(kLoadAtRest);
  }
  EXPECT_EQ(machine_.calls, std::vector<std::string>{"confine"});
  die({id});
  EXPECT_EQ(machine_.calls, (std::vector<std::string>{"confine", "release"}));
}

TEST_F(EngineTest, what_has_ended_of_several_containers_is_told_to_the_next_engine) {
  run_one();
  const base::InstanceId id = opened();
  const SandboxEnd end{.reason = model::Reason::app_exited,
                       .detail = "container \"proxy\": the app ended",
                       .exit = model::ExitStatus{.code = 4},
                       .container = "proxy",
                       .cpu = std::chrono::seconds(2)};
  machine_.alive.begin()->second->part({.cause = end, .containers = {std::nullopt, end}});
  die({id});
  for (int lives = 0; lives < 2; ++lives) {
    const SandboxParting& told = machine_.pasts.at(id).parting;
    ASSERT_EQ(told.containers.size(), 2U);
    EXPECT_FALSE(told.containers[0]);
    ASSERT_TRUE(told.containers[1] && told.cause);
    EXPECT_EQ(told.containers[1]->cpu, end.cpu);
    EXPECT_EQ(told.cause->exit->code, 4);
    EXPECT_EQ(told.cause->container, "proxy");
    machine_.pasts.clear();
    control_.reset();
    router_.reset();
    die({id});  // and to the one after that
  }
}

}  // namespace
}  // namespace marea::engine::local
