// A muster with a clock that is moved by hand, whose actions read as text.
#include "router/muster.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace marea::router {
namespace {

namespace msg = net::msg;
using model::Reason;
using std::chrono::milliseconds;
using std::chrono::seconds;

class MusterTest : public testing::Test {
 protected:
  MusterTest() {
    muster.engine_linked(now);
    route({"r"});
  }

  static model::Routes routes_of(const std::vector<std::string>& names, bool cpu_throttling = false) {
    model::Routes routes;
    for (const std::string& name : names) {
      routes.revisions.push_back({.name = base::RevisionName(name),
                                  .service = base::ServiceName("s"),
                                  .concurrency = 2,
                                  .max_scale = 3,
                                  .idle_timeout = seconds(60),
                                  .cpu_throttling = cpu_throttling});
    }
    return routes;
  }
  void route(const std::vector<std::string>& names) { muster.set_routes(routes_of(names), now); }
  static base::InstanceId id(const std::string& text) { return base::InstanceId(text); }
  std::shared_ptr<Revision> live() const { return muster.live(base::RevisionName("r")); }
  void open(const std::string& text, bool ready = false, const std::string& revision = "r") {
    muster.open({.id = id(text), .revision = base::RevisionName(revision), .epoch = 0, .ready = ready}, now);
  }
  // Open, ready, and what was said of it forgotten.
  std::shared_ptr<Instance> run(const std::string& text) {
    open(text);
    muster.ready(id(text), now);
    said();
    return muster.find(id(text));
  }
  void wait(int worker, std::uint64_t ticket) {
    EXPECT_EQ(live()->enqueue({worker, ticket}), nullptr);
    if (live()->must_ask()) muster.somebody_waits(live(), now);
  }
  // Moves time on, stopping at each deadline as the executor does.
  void pass(base::Duration by) {
    const base::Instant until = now + by;
    while (muster.next_deadline() <= until) {
      now = muster.next_deadline();
      muster.tick(now);
      ASSERT_GT(muster.next_deadline(), now) << "a tick leaves nothing due";
    }
    now = until;
  }

  std::string said() {
    std::string out;
    for (const Action& action : muster.take_actions()) {
      const std::string text = std::visit([](const auto& each) { return describe(each); }, action);
      if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
    }
    return out;
  }
  static std::string describe(const act::ToEngine& each) {
    return std::visit([](const auto& message) { return told(message); }, each.message);
  }
  static std::string describe(const act::ToControl&) { return ""; }
  static std::string describe(const act::Watch& each) {
    return "watch " + each.instance->id().str() + (each.ready ? " ready" : "");
  }
  static std::string describe(const act::AwaitReturn& each) { return "await " + each.id.str(); }
  static std::string describe(const act::Unwatch& each) { return "unwatch " + each.id.str(); }
  static std::string describe(const act::Dispatch& each) { return "dispatch " + each.revision->name().str(); }
  static std::string describe(const act::Refuse& each) {
    return "refuse " + std::to_string(each.waiter.ticket) + " with " + std::to_string(each.refusal->status);
  }
  static std::string describe(const act::Gone& each) { return "gone " + each.instance->id().str(); }
  static std::string told(const msg::Demand& each) { return "demand " + std::to_string(each.wanted); }
  static std::string told(const msg::InstanceReady& each) { return each.id.str() + " is ready"; }
  static std::string told(const msg::InstanceUnready& each) { return each.id.str() + " is unready"; }
  static std::string told(const msg::InstanceBusy& each) { return each.id.str() + (each.busy ? " works" : " rests"); }
  static std::string told(const msg::Retire& each) {
    return "retire " + each.id.str() + " " + std::string(to_string(each.reason));
  }
  static std::string told(const msg::Quiet& each) { return each.id.str() + " is quiet " + std::to_string(each.epoch); }
  static std::string told(const msg::SocketsWanted& each) {
    return "sockets " + each.id.str() + " " + std::to_string(each.count);
  }

  base::Instant now{seconds(1000)};
  Muster muster;
};

TEST_F(MusterTest, asks_for_an_instance_when_somebody_waits_and_again_only_after_a_while) {
  wait(0, 1);
  EXPECT_EQ(said(), "demand 1");
  wait(0, 2);
  pass(milliseconds(900));
  EXPECT_EQ(said(), "") << "one instance serves both";
  for (std::uint64_t ticket = 3; ticket < 40; ++ticket) wait(0, ticket);
  EXPECT_EQ(said(), "demand 2, demand 3");
  pass(milliseconds(1200));
  EXPECT_EQ(said(), "demand 3") << "engine may have lost it";
}

TEST_F(MusterTest, on_a_machine_that_engine_calls_busy_an_instance_must_be_worth_more) {
  muster.machine_busy({.cpus = 2, .busy_permille = 1000});
  for (std::uint64_t ticket = 1; ticket <= 4; ++ticket) wait(0, ticket);
  pass(milliseconds(200));
  EXPECT_EQ(said(), "demand 1") << "idle, it would get a second one";
  muster.machine_busy({.cpus = 2, .busy_permille = 100});
  pass(kMusterTick);
  EXPECT_EQ(said(), "demand 2") << "its last word counts";
}

TEST_F(MusterTest, probes_what_engine_opens_and_gives_it_to_those_who_wait_once_it_is_ready) {
  wait(0, 1);
  said();
  open("a");
  EXPECT_EQ(said(), "watch a");
  EXPECT_FALSE(muster.find(id("a"))->ready());
  muster.ready(id("a"), now);
  EXPECT_EQ(said(), "a is ready, dispatch r");
  EXPECT_TRUE(muster.find(id("a"))->ready());
}

TEST_F(MusterTest, an_instance_that_drains_gets_nothing_new_and_is_quiet_when_its_last_request_ends) {
  const auto instance = run("a");
  ASSERT_TRUE(instance->claim(now));
  muster.drain({id("a"), 7}, now);
  EXPECT_EQ(said(), "unwatch a");
  EXPECT_FALSE(instance->claim(now));
  ASSERT_TRUE(instance->release(now, true)) << "the worker learns that it was the last one";
  muster.quiet(id("a"));
  EXPECT_EQ(said(), "a is quiet 7");
}

TEST_F(MusterTest, an_idle_instance_is_quiet_at_once_and_again_when_a_new_engine_asks) {
  run("a");
  muster.drain({id("a"), 7}, now);
  EXPECT_EQ(said(), "unwatch a, a is quiet 7");
  muster.drain({id("a"), 8}, now);
  EXPECT_EQ(said(), "unwatch a, a is quiet 8");
  muster.ready(id("a"), now);
  EXPECT_EQ(said(), "") << "a late probe does not revive it";
  EXPECT_FALSE(muster.find(id("a"))->ready());
}

TEST_F(MusterTest, what_it_does_not_know_is_quiet) {
  muster.drain({id("nobody"), 3}, now);
  EXPECT_EQ(said(), "nobody is quiet 3");
  muster.quiet(id("nobody"));
  muster.connect_refused(id("nobody"));
  EXPECT_EQ(said(), "");
}

TEST_F(MusterTest, those_who_wait_get_another_instance_when_one_drains) {
  const auto instance = run("a");
  ASSERT_TRUE(instance->claim(now));
  ASSERT_TRUE(instance->claim(now));
  wait(0, 1);
  EXPECT_EQ(said(), "") << "one that waits is served before another has started";
  muster.drain({id("a"), 1}, now);
  EXPECT_EQ(said(), "unwatch a, demand 1") << "at once, not after a while";
}

TEST_F(MusterTest, an_instance_waits_for_its_route) {
  open("b", false, "later");
  EXPECT_EQ(said(), "");
  EXPECT_TRUE(muster.unplaced(id("b")));
  route({"r", "later"});
  EXPECT_EQ(said(), "watch b");
  EXPECT_FALSE(muster.unplaced(id("b")));
}

TEST_F(MusterTest, an_instance_that_closes_before_its_route_came_is_forgotten) {
  open("b", false, "later");
  muster.closed({id("b"), base::RevisionName("later")}, now);
  route({"r", "later"});
  EXPECT_EQ(said(), "");
}

TEST_F(MusterTest, what_a_new_engine_does_not_name_is_gone) {
  run("a");
  run("b");
  muster.engine_linked(now);
  open("a", true);
  EXPECT_EQ(said(), "a is ready") << "engine may have lost that word";
  pass(seconds(60));
  EXPECT_EQ(live()->instances().size(), 2U) << "however long engine takes";
  said();
  muster.all_named(now);
  EXPECT_EQ(said(), "unwatch b, gone b");
  EXPECT_TRUE(muster.find(id("a"))->ready());
  EXPECT_EQ(live()->instances().size(), 1U);
}

TEST_F(MusterTest, an_instance_that_drains_is_quiet_for_a_new_engine_too) {
  const auto instance = run("a");
  ASSERT_TRUE(instance->claim(now));
  muster.drain({id("a"), 1}, now);
  muster.engine_linked(now);
  muster.drain({id("a"), 1}, now);
  muster.all_named(now);
  EXPECT_EQ(said(), "unwatch a, unwatch a") << "its request goes on";
  instance->release(now, true);
  muster.quiet(id("a"));
  EXPECT_EQ(said(), "a is quiet 1");
}

TEST_F(MusterTest, an_instance_that_is_idle_long_enough_may_go_and_is_asked_for_once_a_second) {
  run("a");
  pass(seconds(59));
  EXPECT_EQ(said(), "");
  pass(milliseconds(1500));
  EXPECT_EQ(said(), "retire a IdleTimeout");
  pass(milliseconds(1000));
  EXPECT_EQ(said(), "retire a IdleTimeout");
}

TEST_F(MusterTest, failing_starts_refuse_those_who_wait_while_there_is_no_instance) {
  wait(0, 1);
  said();
  muster.starts_failing({.revision = base::RevisionName("r"),
                         .failures = 1,
                         .retry_after = seconds(2),
                         .reason = Reason::app_exited,
                         .detail = "exit code 3"},
                        now);
  EXPECT_EQ(said(), "refuse 1 with 503");
  const auto refusal = live()->enqueue({0, 2});
  ASSERT_NE(refusal, nullptr);
  EXPECT_EQ(refusal->why, "the last start of r failed: AppExited: exit code 3");
  pass(milliseconds(2100));
  EXPECT_EQ(live()->enqueue({0, 3}), nullptr) << "then it is tried again";
}

TEST_F(MusterTest, a_full_machine_refuses_nobody_who_has_an_instance) {
  const msg::DemandRefused full{base::RevisionName("r"), 0, Reason::machine_full};
  run("a");
  wait(0, 1);
  muster.demand_refused({base::RevisionName("r"), 1, Reason::machine_full}, now);
  EXPECT_EQ(said(), "");
  EXPECT_EQ(live()->late().status, 429);
  muster.demand_refused(full, now);
  EXPECT_EQ(said(), "") << "there is one that serves";
  muster.closed({id("a"), base::RevisionName("r")}, now);
  EXPECT_EQ(said(), "unwatch a, gone a, refuse 1 with 429");
}

TEST_F(MusterTest, a_grant_that_has_ended_refuses_those_who_find_no_instance) {
  wait(0, 1);
  EXPECT_EQ(said(), "demand 1");
  muster.demand_refused({base::RevisionName("r"), 0, Reason::grant_expired}, now);
  EXPECT_EQ(said(), "refuse 1 with 503");
}

TEST_F(MusterTest, a_request_that_a_worker_lets_in_by_the_old_routes_gets_its_instance) {
  route({"other"});
  wait(0, 1);
  EXPECT_EQ(said(), "demand 1");
  muster.adopted(2);
  EXPECT_NE(live(), nullptr) << "it still waits";
}

TEST_F(MusterTest, who_waits_for_a_revision_that_neither_routes_nor_plan_have_is_refused) {
  const msg::DemandRefused unknown{base::RevisionName("r"), 0, Reason::revision_retired};
  wait(0, 1);
  EXPECT_EQ(said(), "demand 1");
  muster.demand_refused(unknown, now);
  EXPECT_EQ(said(), "") << "the plan may come later than the routes";
  route({"other"});
  muster.demand_refused(unknown, now);
  EXPECT_EQ(said(), "refuse 1 with 503");
}

TEST_F(MusterTest, a_request_for_a_revision_that_no_worker_knows_any_more_is_refused) {
  const auto old = live();
  route({"other"});
  muster.adopted(2);
  said();
  EXPECT_EQ(live(), nullptr);
  ASSERT_EQ(old->enqueue({0, 1}), nullptr);
  muster.somebody_waits(old, now);
  EXPECT_EQ(said(), "refuse 1 with 503");
}

TEST_F(MusterTest, a_revision_without_a_route_stays_while_an_instance_or_a_caller_is_there) {
  run("a");
  route({});
  muster.adopted(2);
  EXPECT_NE(live(), nullptr);
  muster.closed({id("a"), base::RevisionName("r")}, now);
  muster.adopted(3);
  EXPECT_EQ(live(), nullptr);
}

TEST_F(MusterTest, control_hears_who_waits_before_it_hears_that_the_routes_are_in_use) {
  wait(0, 1);
  muster.take_actions();
  muster.adopted(5);
  const std::vector<Action> actions = muster.take_actions();
  ASSERT_EQ(actions.size(), 2U);
  const auto& load = std::get<msg::RevisionLoad>(std::get<act::ToControl>(actions[0]).message);
  EXPECT_EQ(load.waiting, 1);
  const auto& applied = std::get<msg::RoutesApplied>(std::get<act::ToControl>(actions[1]).message);
  EXPECT_EQ(applied.version, 5U);
}

TEST_F(MusterTest, says_that_nobody_waits_any_more_before_it_rests) {
  wait(0, 1);
  pass(kLoadEvery);
  ASSERT_TRUE(live()->cancel({0, 1}));
  muster.take_actions();
  pass(seconds(1));
  EXPECT_EQ(muster.next_deadline(), base::Instant::max());
  int waiting = -1;
  for (const Action& action : muster.take_actions()) {
    const auto* told = std::get_if<act::ToControl>(&action);
    if (told == nullptr) continue;
    if (const auto* load = std::get_if<msg::RevisionLoad>(&told->message)) waiting = load->waiting;
  }
  EXPECT_EQ(waiting, 0);
}

TEST_F(MusterTest, sockets_are_asked_for_once_until_they_come) {
  const auto instance = run("a");
  muster.sockets_low(instance);
  muster.sockets_low(instance);
  EXPECT_EQ(said(), "sockets a 8");
  muster.sockets_came(id("a"));
  muster.sockets_low(instance);
  EXPECT_EQ(said(), "sockets a 8");
  muster.closed({id("a"), base::RevisionName("r")}, now);
  said();
  muster.sockets_low(instance);
  EXPECT_EQ(said(), "gone a") << "the worker that asked had let go of it already";
}

TEST_F(MusterTest, an_instance_that_refuses_a_connection_is_probed_until_it_returns) {
  run("a");
  muster.connect_refused(id("a"));
  EXPECT_EQ(said(), "await a");
  muster.unready({id("a"), Reason::liveness_failed, "gone for long"});
  EXPECT_EQ(said(), "a is unready");
  EXPECT_FALSE(muster.find(id("a"))->ready());
}

TEST_F(MusterTest, nothing_is_due_when_nothing_runs_and_nobody_waits) {
  run("a");
  EXPECT_LT(muster.next_deadline(), base::Instant::max());
  muster.closed({id("a"), base::RevisionName("r")}, now);
  pass(seconds(1));
  EXPECT_EQ(muster.next_deadline(), base::Instant::max());
}

TEST_F(MusterTest, one_whose_readiness_probe_fails_gets_nothing_and_those_who_wait_may_have_another) {
  const auto a = run("a");
  ASSERT_TRUE(a->claim(now));
  muster.unavailable(id("a"), "GET /ready answered 503", now);
  EXPECT_EQ(said(), "") << "it is not ended, and nobody waits";
  EXPECT_FALSE(a->ready());
  EXPECT_FALSE(a->claim(now));
  EXPECT_EQ(a->in_flight(), 1) << "what it has goes on";
  wait(0, 1);
  EXPECT_EQ(said(), "demand 2") << "the one that is there is of no use";
  a->release(now, true);
  muster.ready(id("a"), now);
  EXPECT_EQ(said(), "a is ready, dispatch r");
  EXPECT_TRUE(a->claim(now));
}

TEST_F(MusterTest, one_that_is_unavailable_counts_against_the_maximum) {
  for (const char* each : {"a", "b", "c"}) {
    run(each);
    muster.unavailable(id(each), "no", now);
  }
  said();
  wait(0, 1);
  pass(seconds(3));
  EXPECT_EQ(said(), "") << "maxScale is 3";
  EXPECT_EQ(live()->late().status, 503) << "they are not busy";
  EXPECT_EQ(live()->late().reason, Reason::readiness_probe_failed);
  EXPECT_NE(live()->late().why.find("readiness probe: no"), std::string::npos) << live()->late().why;
}

TEST_F(MusterTest, where_some_are_busy_and_some_unavailable_who_comes_waits_for_any_of_them) {
  for (const char* each : {"a", "b", "c"}) run(each);
  const auto a = muster.find(id("a"));
  ASSERT_TRUE(a->claim(now) && a->claim(now));
  for (const char* each : {"b", "c"}) muster.unavailable(id(each), "no", now);
  said();
  for (std::uint64_t ticket = 1; ticket <= 3; ++ticket) wait(0, ticket);
  pass(seconds(3));
  EXPECT_EQ(said(), "") << "nobody is refused, and maxScale is 3";
  EXPECT_EQ(live()->waiting(), 3);
  EXPECT_EQ(live()->late().status, 429);
  EXPECT_NE(live()->late().why.find("busy all the time, or fails its readiness probe: no"), std::string::npos)
      << live()->late().why;
  a->release(now, true);
  EXPECT_EQ(live()->dispatch(now).size(), 1U) << "a freed slot";
  muster.ready(id("b"), now);
  EXPECT_EQ(said(), "b is ready, dispatch r");
  EXPECT_EQ(live()->dispatch(now).size(), 2U);
}

TEST_F(MusterTest, of_several_the_one_that_is_unavailable_goes_first) {
  for (const char* each : {"a", "b"}) run(each);
  pass(seconds(30));
  const auto b = muster.find(id("b"));
  ASSERT_TRUE(b->claim(now));
  b->release(now, true);
  muster.unavailable(id("b"), "no", now);
  said();
  const auto a = muster.find(id("a"));
  ASSERT_TRUE(a->claim(now));
  a->release(now, true);
  pass(seconds(59));
  EXPECT_EQ(said(), "");
  pass(seconds(2));
  EXPECT_TRUE(said().starts_with("retire b")) << "it is of no use";
}

TEST_F(MusterTest, flapping_readiness_does_not_keep_an_instance_from_its_idle_timeout) {
  run("a");
  for (int i = 0; i < 3; ++i) {
    pass(seconds(15));
    muster.unavailable(id("a"), "no", now);
    pass(seconds(4));
    muster.ready(id("a"), now);
  }
  said();
  pass(milliseconds(3500));
  EXPECT_EQ(said(), "retire a IdleTimeout");
}

TEST_F(MusterTest, one_that_is_unavailable_goes_to_zero_like_others) {
  run("a");
  muster.unavailable(id("a"), "no", now);
  pass(seconds(59));
  EXPECT_EQ(said(), "");
  pass(milliseconds(1500));
  EXPECT_EQ(said(), "retire a IdleTimeout");
}

TEST_F(MusterTest, a_throttled_instance_rests_a_while_after_its_last_request_and_is_told_of_the_next_at_once) {
  muster.set_routes(routes_of({"r"}, true), now);
  const auto a = run("a");
  EXPECT_FALSE(a->wake()) << "engine takes it for busy until it hears better";
  pass(milliseconds(200));
  EXPECT_EQ(said(), "a rests");
  pass(seconds(1));
  EXPECT_EQ(said(), "") << "once";
  ASSERT_TRUE(a->claim(now));
  EXPECT_TRUE(a->wake());
  muster.woken(id("a"));
  EXPECT_FALSE(a->wake());
  EXPECT_EQ(said(), "a works");
  pass(seconds(1));
  EXPECT_EQ(said(), "") << "something is in it";
  a->release(now, true);
  pass(milliseconds(90));
  EXPECT_EQ(said(), "");
  pass(milliseconds(200));
  EXPECT_EQ(said(), "a rests");
  ++a->probes;
  EXPECT_TRUE(a->wake());
  muster.woken(id("a"));
  pass(seconds(1));
  EXPECT_EQ(said(), "a works") << "a probe looks at it";
  --a->probes;
  pass(milliseconds(200));
  EXPECT_EQ(said(), "a rests");
  muster.engine_linked(now);
  open("a", true);
  said();
  pass(milliseconds(200));
  EXPECT_EQ(said(), "a rests") << "a new engine is told anew";
}

TEST_F(MusterTest, a_throttled_instance_that_is_not_ready_has_cpu_to_become_so) {
  muster.set_routes(routes_of({"r"}, true), now);
  const auto a = run("a");
  pass(milliseconds(200));
  EXPECT_EQ(said(), "a rests");
  muster.unavailable(id("a"), "no", now);
  EXPECT_EQ(said(), "a works");
  pass(seconds(1));
  EXPECT_EQ(said(), "") << "it does not rest while it is not ready";
  muster.ready(id("a"), now);
  said();
  pass(milliseconds(200));
  EXPECT_EQ(said(), "a rests");
  a->make_unready();  // as the worker does whom it refused
  muster.connect_refused(id("a"));
  EXPECT_EQ(said(), "a works, await a");
  pass(seconds(1));
  EXPECT_EQ(said(), "");
}

TEST_F(MusterTest, a_late_word_that_somebody_woke_it_does_not_undo_that_it_rests) {
  muster.set_routes(routes_of({"r"}, true), now);
  run("a");
  pass(milliseconds(200));
  EXPECT_EQ(said(), "a rests");
  muster.woken(id("a"));
  EXPECT_EQ(said(), "");
}

TEST_F(MusterTest, routes_of_control_bring_affinity_to_what_older_routes_had_without) {
  muster.set_affinity_key(AffinityKey(5, 6));
  const auto a = run("a");
  EXPECT_EQ(live()->affinity(), 0U);
  EXPECT_EQ(a->affinity(), 0U);
  model::Routes routes;
  routes.revisions.push_back(
      {.name = base::RevisionName("r"), .service = base::ServiceName("s"), .session_affinity = true});
  muster.set_routes(routes, now);
  EXPECT_EQ(live()->affinity(), AffinityKey(5, 6).mark("r"));
  EXPECT_EQ(a->affinity(), AffinityKey(5, 6).mark("a"));
}

TEST_F(MusterTest, routes_of_control_bring_probes_and_throttling_to_what_older_routes_had_without) {
  const auto a = run("a");
  open("b");
  said();
  model::Routes routes = routes_of({"r"}, true);
  routes.revisions[0].readiness = model::Probe{.path = "/ready", .declared = true};
  muster.set_routes(routes, now);
  EXPECT_EQ(said(), "watch a ready, watch b") << "with the readiness probe";
  EXPECT_TRUE(a->ready()) << "it serves until that fails";
  pass(seconds(1));
  EXPECT_EQ(said(), "a rests");
  muster.set_routes(routes, now);
  EXPECT_EQ(said(), "") << "nothing is new";
  routes.revisions[0].cpu_throttling = false;
  muster.set_routes(routes, now);
  EXPECT_EQ(said(), "a works");
}

TEST_F(MusterTest, an_instance_that_is_not_throttled_never_rests) {
  const auto a = run("a");
  EXPECT_FALSE(a->wake());
  pass(seconds(2));
  EXPECT_EQ(said(), "");
}

}  // namespace
}  // namespace marea::router
