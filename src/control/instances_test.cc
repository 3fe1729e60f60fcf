#include "control/instances.h"

#include <gtest/gtest.h>

#include <string>

namespace marea::control {
namespace {

using namespace std::chrono_literals;
using model::InstanceState;

model::InstanceReport report_of(const std::string& id, InstanceState state) {
  return {.id = base::InstanceId(id),
          .revision = base::RevisionName("web-1"),
          .service = base::ServiceName("web"),
          .state = state};
}

TEST(Instances, what_router_tells_before_engine_is_not_lost) {
  Instances all;
  EXPECT_FALSE(all.set_load({base::InstanceId("a"), 1, true, ""}, 1));
  EXPECT_FALSE(all.set_load({base::InstanceId("a"), 3, false, "GET /ready answered 503"}, 1));
  all.report(report_of("a", InstanceState::running), base::Instant(1h));
  const InstanceEntry* entry = all.find(base::InstanceId("a"));
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->in_flight, 3);
  EXPECT_EQ(state_of(*entry), "unready");
}

TEST(Instances, when_it_became_ready_or_unready_is_known) {
  Instances all;
  const base::InstanceId id("a");
  all.report(report_of("a", InstanceState::running), base::Instant(1h));
  all.set_load({id, 1, true, ""}, 5);
  EXPECT_EQ(all.find(id)->readiness_changed_unix_ns, 0);
  EXPECT_TRUE(all.set_load({id, 1, false, "no"}, 6));
  all.set_load({id, 0, false, "still no"}, 7);
  EXPECT_EQ(all.find(id)->readiness_changed_unix_ns, 6);
  EXPECT_TRUE(all.set_load({id, 0, true, ""}, 8));
  EXPECT_EQ(all.find(id)->readiness_changed_unix_ns, 8);
}

TEST(Instances, what_a_router_told_that_is_gone_counts_no_more) {
  Instances all;
  all.set_load({base::InstanceId("a"), 3, true, ""}, 1);
  all.clear_loads();
  all.report(report_of("a", InstanceState::running), base::Instant(1h));
  EXPECT_EQ(all.find(base::InstanceId("a"))->in_flight, 0);
}

TEST(Instances, loads_of_instances_that_nobody_reports_are_bounded) {
  Instances all;
  for (std::size_t i = 0; i <= kMostEarlyLoads; ++i)
    all.set_load({base::InstanceId(std::to_string(i)), 7, true, ""}, 1);
  for (const char* id : {"0", "1"}) all.report(report_of(id, InstanceState::running), base::Instant(1h));
  EXPECT_EQ(all.find(base::InstanceId("0"))->in_flight, 0) << "the oldest gives way";
  EXPECT_EQ(all.find(base::InstanceId("1"))->in_flight, 7);
}

}  // namespace
}  // namespace marea::control
