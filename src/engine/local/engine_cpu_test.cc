// CPU while an instance starts and while it rests, by a fake machine's account and by a real group's files.
#include <sstream>

#include "engine/local/cgroup.h"
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

// What the kernel's files say of the group, and its account of the periods in which a quota is counted: how long a
// period takes on a busy machine is nothing that they depend on.
class SandboxCpuTest : public SandboxFixture {
 protected:
  struct Account {
    std::int64_t periods = 0;
    std::int64_t throttled = 0;  // of those, with the quota used up
    base::Duration used{};
  };
  CpuQuota quota() const {
    CpuQuota out;
    if (std::istringstream both(read_group("cpu", "cpu.max")); both >> out.quota_us >> out.period_us) return out;
    std::istringstream(read_group("cpu", "cpu.cfs_quota_us")) >> out.quota_us;
    std::istringstream(read_group("cpu", "cpu.cfs_period_us")) >> out.period_us;
    return out;
  }
  Account account(const TestRun& run) const {
    const std::string text = read_group("cpu", "cpu.stat");
    return {.periods = parse_flat_key(text, "nr_periods"),
            .throttled = parse_flat_key(text, "nr_throttled"),
            .used = run.sandbox->use().cpu};
  }
  // Of the next periods, so many at least.
  Account account_of_next(const TestRun& run, int periods) {
    const Account before = account(run);
    Account now;
    EXPECT_TRUE(wait([&] {
      now = account(run);
      return now.periods - before.periods >= periods;
    }));
    return {now.periods - before.periods, now.throttled - before.throttled, now.used - before.used};
  }
};

TEST_P(SandboxCpuTest, who_rests_has_a_hundredth_of_a_cpu_until_it_is_busy) {
  auto run = create("while true; do :; done");
  ASSERT_TRUE(run_until_started(*run));
  const CpuQuota usual = quota();
  EXPECT_EQ(usual, quota_of(model::Limits{}.milli_cpu)) << "as the runtime has set it";
  ASSERT_TRUE(run->sandbox->give_cpu(CpuGrant::throttled));
  EXPECT_EQ(quota(), throttled_quota());
  account_of_next(*run, 1);  // the period that runs
  const Account rest = account_of_next(*run, 20);
  EXPECT_GE(rest.throttled, rest.periods / 2) << "the quota is used up early in a period";
  const base::Duration all = std::chrono::microseconds(throttled_quota().period_us) * rest.periods;
  EXPECT_LT(rest.used, all / 10) << "the kernel hands out slices that may be larger than what is left";
  ASSERT_TRUE(run->sandbox->give_cpu(CpuGrant::usual));
  EXPECT_EQ(quota(), usual);
  run->sandbox->stop(seconds(0));
  ASSERT_TRUE(run_until_ended(*run));
}

TEST_P(SandboxCpuTest, who_is_boosted_never_waits_for_a_quota_below_the_boost) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "NOT TESTED: one CPU has no room for a boost";
  model::Revision small = revision("while true; do :; done");
  small.spec.container.limits.milli_cpu = 20;
  auto run = create(small);
  ASSERT_TRUE(run_until_started(*run));
  EXPECT_EQ(quota(), quota_of(20));
  const std::int64_t before = account(*run).throttled;
  ASSERT_TRUE(wait([&] { return account(*run).throttled >= before + 3; }));
  ASSERT_TRUE(run->sandbox->give_cpu(CpuGrant::boosted));
  EXPECT_EQ(quota(), quota_of(boosted_milli_cpu(20, static_cast<int>(std::thread::hardware_concurrency()))));
  account_of_next(*run, 2);  // the one that runs
  EXPECT_EQ(account_of_next(*run, 20).throttled, 0) << "one thread, and two CPUs' worth of quota";
  ASSERT_TRUE(run->sandbox->give_cpu(CpuGrant::usual));
  EXPECT_EQ(quota(), quota_of(20)) << "no less than a period's least quota";
  const std::int64_t boosted = account(*run).throttled;
  EXPECT_TRUE(wait([&] { return account(*run).throttled >= boosted + 3; }));
  run->sandbox->stop(seconds(0));
  ASSERT_TRUE(run_until_ended(*run));
}

INSTANTIATE_TEST_SUITE_P(Runtimes, SandboxCpuTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace marea::engine::local
