// CPU while an instance starts and while it rests, by a fake machine's account and by a real group's files.
#include "engine/local/engine_world_test.h"
#include "engine/local/sandbox_fixture.h"

namespace marea::engine::local {
namespace {

using std::chrono::seconds;
using Calls = std::vector<std::string>;

class EngineCpuTest : public EngineTest {
 protected:
  void run(bool throttling, bool boost, bool sidecar = false) {
    model::RevisionPlan each{.max = 3, .wanted = 1, .reason = model::Reason::deploy_check};
    each.revision.name = base::RevisionName("r");
    each.revision.service = base::ServiceName("s");
    each.revision.image.rootfs = "/images/x/rootfs";
    each.revision.spec.cpu_throttling = throttling;
    each.revision.spec.startup_cpu_boost = boost;
    if (sidecar) {
      each.revision.spec.container.name = "app";
      each.revision.spec.sidecars.resize(1);
      each.revision.spec.sidecars[0].name = "proxy";
      each.revision.sidecar_images.push_back(each.revision.image);
    }
    control_->send(net::msg::PlanRevision{.number = ++number_, .plan = each});
    control_->send(net::msg::PlanCommit{.number = number_});
    turn();
  }
  // What was said of CPU, and of starts and stops, since the last call.
  Calls said() {
    Calls out;
    for (const std::string& call : std::exchange(machine_.calls, {})) {
      if (call.starts_with("cpu") || call.starts_with("start") || call.starts_with("stop")) out.push_back(call);
    }
    return out;
  }
};

TEST_F(EngineCpuTest, one_that_rests_has_hardly_any_cpu_until_it_is_busy_or_told_to_end) {
  run(true, false);
  EXPECT_EQ(said(), Calls{"start"});
  const base::InstanceId id = opened();
  say(net::msg::InstanceBusy{id, false});
  EXPECT_EQ(said(), Calls{}) << "it starts: that takes CPU";
  say(net::msg::InstanceReady{id});
  EXPECT_EQ(said(), Calls{"cpu throttled"});
  say(net::msg::InstanceBusy{id, true});
  say(net::msg::InstanceBusy{id, true});
  EXPECT_EQ(said(), Calls{"cpu usual"});
  say(net::msg::InstanceBusy{id, false});
  EXPECT_EQ(said(), Calls{"cpu throttled"});
  control_->send(net::msg::DeleteInstance{id, model::Reason::deleted});
  turn();
  EXPECT_EQ(said(), (Calls{"cpu usual", "start"})) << "its last words are with CPU; control still wants one";
}

TEST_F(EngineCpuTest, a_router_or_an_engine_that_died_leaves_nobody_without_cpu) {
  run(true, false);
  const base::InstanceId id = opened();
  say(net::msg::InstanceReady{id});
  say(net::msg::InstanceBusy{id, false});
  said();
  router_.reset();
  turn();
  EXPECT_EQ(said(), Calls{"cpu usual"});
  connect_router();
  turn();
  say(net::msg::InstanceBusy{id, false});
  EXPECT_EQ(said(), Calls{"cpu throttled"});
  die({id});
  turn();
  EXPECT_EQ(said(), Calls{"cpu usual"}) << "whoever adopts it does not know what is in it";
}

TEST_F(EngineCpuTest, a_boost_lasts_until_ten_seconds_after_the_start) {
  run(true, true);
  EXPECT_EQ(said(), (Calls{"cpu boosted", "start"}));
  const base::InstanceId id = opened();
  say(net::msg::InstanceReady{id});
  say(net::msg::InstanceBusy{id, false});
  pass(seconds(9));
  EXPECT_EQ(said(), Calls{});
  pass(seconds(1));
  EXPECT_EQ(said(), Calls{"cpu throttled"});
}

TEST_F(EngineCpuTest, what_could_not_be_given_is_tried_again_until_it_is) {
  run(true, false);
  const base::InstanceId id = opened();
  say(net::msg::InstanceReady{id});
  say(net::msg::InstanceBusy{id, false});
  EXPECT_EQ(said(), (Calls{"start", "cpu throttled"}));
  machine_.gives_cpu = false;
  say(net::msg::InstanceBusy{id, true});
  EXPECT_EQ(said(), Calls{});
  machine_.gives_cpu = true;
  pass(seconds(1));
  EXPECT_EQ(said(), Calls{"cpu usual"}) << "it works, and must not stay without CPU";
  pass(seconds(5));
  EXPECT_EQ(said(), Calls{});
}

TEST_F(EngineCpuTest, sidecars_start_with_the_boost_too) {
  machine_.prepares = false;
  run(false, true, true);
  EXPECT_EQ(said(), Calls{"cpu boosted"}) << "while it is prepared, sidecars already run";
}

TEST_F(EngineCpuTest, others_have_what_they_have) {
  run(false, false);
  const base::InstanceId id = opened();
  say(net::msg::InstanceReady{id});
  say(net::msg::InstanceBusy{id, false});
  EXPECT_EQ(said(), Calls{"start"});
}

class SandboxCpuTest : public SandboxFixture {};

TEST_P(SandboxCpuTest, what_a_grant_says_is_what_an_app_gets) {
  auto run = create("while true; do :; done");
  ASSERT_TRUE(run_until_started(*run));
  const auto used_in = [&](base::Duration time) {
    const base::Duration before = run->sandbox->use().cpu;
    const base::Instant until = base::SystemClock().now() + time;
    wait([&] { return base::SystemClock().now() >= until; });
    return run->sandbox->use().cpu - before;
  };
  run->sandbox->give_cpu(CpuGrant::throttled);
  used_in(std::chrono::milliseconds(200));  // the period that runs
  EXPECT_LT(used_in(seconds(1)), std::chrono::milliseconds(150));
  run->sandbox->give_cpu(CpuGrant::boosted);
  run->sandbox->give_cpu(CpuGrant::usual);
  const base::Duration before = run->sandbox->use().cpu;
  EXPECT_TRUE(wait([&] { return run->sandbox->use().cpu - before > std::chrono::milliseconds(300); }));
  run->sandbox->stop(seconds(0));
  ASSERT_TRUE(run_until_ended(*run));
}

INSTANTIATE_TEST_SUITE_P(Runtimes, SandboxCpuTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace marea::engine::local
