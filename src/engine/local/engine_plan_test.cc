#include "engine/local/engine_plan.h"

#include <gtest/gtest.h>

#include <functional>

namespace marea::engine::local {
namespace {

model::RevisionPlan plan_of(const std::string& name, int max = 1) {
  model::RevisionPlan out{.max = max};
  out.revision.name = base::RevisionName(name);
  out.revision.service = base::ServiceName("hola");
  out.revision.image.rootfs = "/data/images/abc/rootfs";
  return out;
}

void add_sidecars(model::RevisionPlan& plan, int count) {
  for (int i = 0; i < count; ++i) {
    plan.revision.spec.sidecars.emplace_back().name = "s" + std::to_string(i);
    plan.revision.sidecar_images.push_back(plan.revision.image);
  }
}

std::string names(const std::optional<model::Plan>& plan) {
  if (!plan) return "none";
  std::string out;
  for (const model::RevisionPlan& each : plan->revisions) {
    out += each.revision.name.str() + ":" + std::to_string(each.max) + " ";
  }
  return out;
}

TEST(EnginePlan, is_whole_at_its_commit) {
  PlanInbox inbox;
  EXPECT_EQ(inbox.take({1, plan_of("a")}), "");
  EXPECT_EQ(inbox.take({1, plan_of("b")}), "");
  EXPECT_EQ(names(inbox.commit({1})), "a:1 b:1 ");
  EXPECT_EQ(names(inbox.commit({1})), "none") << "once";
  EXPECT_EQ(names(inbox.commit({2})), "") << "a plan without revisions drains all";
}

TEST(EnginePlan, an_older_plan_is_ignored_until_a_new_link) {
  PlanInbox inbox;
  inbox.take({5, plan_of("a")});
  inbox.commit({5});
  inbox.take({4, plan_of("b")});
  EXPECT_EQ(names(inbox.commit({4})), "none");
  inbox.restart();
  inbox.take({1, plan_of("c")});
  EXPECT_EQ(names(inbox.commit({1})), "c:1 ");
}

TEST(EnginePlan, half_a_plan_does_not_leak_into_the_next) {
  PlanInbox inbox;
  inbox.take({1, plan_of("a")});
  inbox.take({2, plan_of("b")});
  EXPECT_EQ(names(inbox.commit({2})), "b:1 ");
}

TEST(EnginePlan, a_revision_whose_new_plan_is_refused_keeps_its_last_one) {
  PlanInbox inbox;
  inbox.take({1, plan_of("a", 3)});
  inbox.commit({1});
  EXPECT_NE(inbox.take({2, plan_of("a", -1)}), "");
  EXPECT_NE(inbox.take({2, plan_of("b", -1)}), "");
  EXPECT_EQ(names(inbox.commit({2})), "a:3 ");
}

TEST(EnginePlan, each_implausible_value_is_refused_with_its_name) {
  struct Row {
    std::function<void(model::RevisionPlan&)> spoil;
    std::string fault;
  };
  using std::chrono::seconds;
  const Row rows[] = {
      {[](auto& p) { p.revision.name = base::RevisionName("../x"); }, "its name is not a DNS label"},
      {[](auto& p) { p.revision.name = base::RevisionName(""); }, "its name is not a DNS label"},
      {[](auto& p) { p.revision.name = base::RevisionName("-x"); }, "its name is not a DNS label"},
      {[](auto& p) { p.revision.name = base::RevisionName(std::string(64, 'a')); }, "its name is not a DNS label"},
      {[](auto& p) { p.revision.service = base::ServiceName("A"); }, "its service's name is not a DNS label"},
      {[](auto& p) { p.min = -1; }, "its scale is not between 0 and 1000"},
      {[](auto& p) { p.max = 1001; }, "its scale is not between 0 and 1000"},
      {[](auto& p) { p.wanted = 1001; }, "its scale is not between 0 and 1000"},
      {[](auto& p) { p.revision.image.rootfs = ""; }, "its root file system has no plain absolute path"},
      {[](auto& p) { p.revision.image.rootfs = "/a/../b"; }, "its root file system has no plain absolute path"},
      {[](auto& p) { p.revision.image.rootfs = "/a/.."; }, "its root file system has no plain absolute path"},
      {[](auto& p) { p.revision.spec.container.port = 0; }, "its port is 0"},
      {[](auto& p) { p.revision.spec.container.limits.memory_bytes = 1; }, "its memory limit is below 16 MiB"},
      {[](auto& p) { p.revision.spec.container.limits.milli_cpu = 0; }, "its CPU limit is not positive"},
      {[](auto& p) { p.revision.spec.timeout = seconds(0); }, "its request timeout is not between 0 and 3600 s"},
      {[](auto& p) { p.revision.spec.timeout = seconds(3601); }, "its request timeout is not between 0 and 3600 s"},
      {[](auto& p) { p.revision.spec.container.startup.period = seconds(0); },
       "its startup probe's times are not plausible"},
      {[](auto& p) { p.revision.spec.container.startup.failure_threshold = 0; },
       "its startup probe's times are not plausible"},
      {[](auto& p) { p.revision.spec.container.startup.initial_delay = seconds(-1); },
       "its startup probe's times are not plausible"},
      {[](auto& p) { p.revision.spec.container.limits.memory_bytes = (1LL << 50) + 1; },
       "its memory limit is above 1 PiB"},
      {[](auto& p) { p.revision.spec.container.limits.milli_cpu = 1'000'001; }, "its CPU limit is above 1000 CPUs"},
      {[](auto& p) { p.revision.spec.container.mounts.resize(101); }, "it mounts too many volumes"},
      {[](auto& p) { add_sidecars(p, 10); }, "it has more than 10 containers"},
      {[](auto& p) {
         add_sidecars(p, 2);
         p.revision.spec.sidecars[1].name = p.revision.spec.sidecars[0].name;
       },
       "two containers have one name"},
      {[](auto& p) {
         add_sidecars(p, 1);
         p.revision.spec.container.name = p.revision.spec.sidecars[0].name;
       },
       "two containers have one name"},
      {[](auto& p) {
         add_sidecars(p, 1);
         p.revision.spec.sidecars[0].limits.memory_bytes = 1LL << 62;
       },
       "of a sidecar, its memory limit is above 1 PiB"},
      {[](auto& p) { p.revision.spec.volumes.resize(101); }, "it has more than 100 volumes"},
      {[](auto& p) { p.revision.spec.volumes = {{.name = "v"}, {.name = "v"}}; }, "two volumes have one name"},
      {[](auto& p) { p.revision.spec.volumes = {{.name = "v", .size_bytes = 0}}; },
       "the size of a volume is not between 64 KiB and 1 PiB"},
  };
  model::RevisionPlan largest = plan_of("a");
  add_sidecars(largest, 9);
  EXPECT_EQ(fault_in(largest), "");
  EXPECT_EQ(fault_in(plan_of("a")), "");
  for (const Row& row : rows) {
    model::RevisionPlan plan = plan_of("a");
    row.spoil(plan);
    EXPECT_EQ(fault_in(plan), row.fault);
  }
}

}  // namespace
}  // namespace marea::engine::local
