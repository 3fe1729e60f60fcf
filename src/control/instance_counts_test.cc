#include "control/instance_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace marea::control {
namespace {

using namespace std::chrono_literals;
using model::InstanceState;
using model::Metric;
using model::Reason;

class InstanceCountsTest : public testing::Test {
 protected:
  void tell(const std::string& id, InstanceState state, base::Duration when, Reason reason = Reason::none) {
    counts.report({.id = base::InstanceId(id),
                   .revision = base::RevisionName("web-1"),
                   .service = base::ServiceName("web"),
                   .state = state,
                   .reason = reason},
                  base::Instant(1h) + when);
  }
  std::vector<std::uint64_t> value(Metric metric, const std::vector<std::string>& labels) {
    std::vector<model::MetricValue> all;
    counts.collect(all, [](const base::RevisionName& name) { return name.str() == "web-1"; });
    const auto found = std::ranges::find_if(
        all, [&](const model::MetricValue& each) { return each.metric == metric && each.labels == labels; });
    return found == all.end() ? std::vector<std::uint64_t>{} : found->values;
  }
  InstanceCounts counts;
};

TEST_F(InstanceCountsTest, a_life_is_a_start_with_its_time_and_an_end_with_its_reason) {
  tell("a", InstanceState::starting, 0s);
  tell("a", InstanceState::running, 30ms);
  tell("a", InstanceState::running, 5s);
  tell("a", InstanceState::draining, 8s, Reason::idle_timeout);
  tell("a", InstanceState::stopped, 9s, Reason::idle_timeout);
  tell("a", InstanceState::stopped, 9s, Reason::idle_timeout);
  EXPECT_EQ(value(Metric::instance_starts, {"web", "web-1"}), std::vector<std::uint64_t>{1});
  EXPECT_EQ(value(Metric::instance_ends, {"web", "web-1", "IdleTimeout"}), std::vector<std::uint64_t>{1});
  const auto times = value(Metric::instance_start_time, {"web", "web-1"});
  ASSERT_EQ(times.size(), model::kTimeBuckets + 1);
  EXPECT_EQ(times.at(model::time_bucket(30ms)), 1U);
  EXPECT_EQ(times.back(), 30'000'000U);
}

TEST_F(InstanceCountsTest, one_that_never_served_is_a_failed_start) {
  tell("a", InstanceState::starting, 0s);
  tell("a", InstanceState::failed, 1s, Reason::app_exited);
  EXPECT_EQ(value(Metric::instance_start_failures, {"web", "web-1", "AppExited"}), std::vector<std::uint64_t>{1});
  EXPECT_TRUE(value(Metric::instance_ends, {"web", "web-1", "AppExited"}).empty());
}

TEST_F(InstanceCountsTest, one_that_was_there_before_control_is_no_start) {
  tell("a", InstanceState::running, 0s);
  tell("a", InstanceState::stopped, 1s, Reason::deleted);
  EXPECT_EQ(value(Metric::instance_starts, {"web", "web-1"}), std::vector<std::uint64_t>{0});
  EXPECT_EQ(value(Metric::instance_ends, {"web", "web-1", "Deleted"}), std::vector<std::uint64_t>{1});
}

TEST_F(InstanceCountsTest, what_is_not_known_any_more_is_forgotten) {
  tell("a", InstanceState::starting, 0s);
  std::vector<model::MetricValue> all;
  counts.collect(all, [](const base::RevisionName&) { return false; });
  EXPECT_TRUE(all.empty());
}

}  // namespace
}  // namespace marea::control
