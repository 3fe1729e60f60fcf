#include "engine/local/instance_usage.h"

#include <gtest/gtest.h>

namespace marea::engine::local {
namespace {

using namespace std::chrono_literals;

constexpr base::Instant at(base::Duration since) {
  return base::Instant(1h) + since;
}

FleetInstance instance(std::map<std::string, std::string> annotations = {}) {
  auto revision = std::make_shared<model::Revision>();
  revision->spec.annotations = std::move(annotations);
  revision->spec.container.limits = {.memory_bytes = 256LL << 20, .milli_cpu = 500};
  FleetInstance out;
  out.revision = std::move(revision);
  out.started_at = at(0s);
  out.was_ready = true;
  return out;
}

TEST(InstanceUsage, one_that_serves_has_the_ledgers_numbers_and_its_own_terms) {
  const model::Usage usage = usage_of(instance(), {.requests = 9, .in_flight = 1, .busy = 3s, .billed = 3500ms},
                                      {.cpu = 2s, .peak_memory_bytes = 77}, at(10s));
  EXPECT_EQ(usage, (model::Usage{.requests = 9,
                                 .alive = 10s,
                                 .busy = 3s,
                                 .billed = 3500ms,
                                 .unready = 0s,
                                 .stopping = 0s,
                                 .cpu = 2s,
                                 .peak_memory_bytes = 77,
                                 .memory_limit_bytes = 256LL << 20,
                                 .milli_cpu = 500,
                                 .whole_life = false}));
}

TEST(InstanceUsage, the_limits_of_sidecars_are_its_own_too) {
  FleetInstance of_two = instance();
  auto revision = std::make_shared<model::Revision>(*of_two.revision);
  revision->spec.sidecars.resize(2);
  revision->spec.sidecars[0].limits = {.memory_bytes = 64LL << 20, .milli_cpu = 250};
  revision->spec.sidecars[1].limits = {.memory_bytes = 32LL << 20, .milli_cpu = 100};
  of_two.revision = std::move(revision);
  const model::Usage usage = usage_of(of_two, {}, {}, at(1s));
  EXPECT_EQ(usage.memory_limit_bytes, 352LL << 20);
  EXPECT_EQ(usage.milli_cpu, 850);
}

TEST(InstanceUsage, one_that_was_told_to_end_counts_the_time_from_there) {
  FleetInstance stopping = instance();
  stopping.stopped_at = at(8s);
  const model::Usage usage = usage_of(stopping, {.busy = 3s, .billed = 3s}, {}, at(10s));
  EXPECT_EQ(usage.stopping, 2s);
  EXPECT_EQ(usage.alive, 10s);
}

TEST(InstanceUsage, one_that_never_became_ready_counts_its_life_up_to_its_end) {
  FleetInstance failed = instance();
  failed.was_ready = false;
  failed.stopped_at = at(4s);
  const model::Usage usage = usage_of(failed, {}, {}, at(5s));
  EXPECT_EQ(usage.unready, 4s);
  EXPECT_EQ(usage.stopping, 1s);
}

TEST(InstanceUsage, one_whose_app_never_ran_used_no_time) {
  FleetInstance unborn = instance();
  unborn.started_at.reset();
  const model::Usage usage = usage_of(unborn, {.busy = 3s, .billed = 3s}, {}, at(10s));
  EXPECT_EQ(usage.alive, 0s);
  EXPECT_EQ(usage.billed, 0s);
}

TEST(InstanceUsage, a_router_cannot_make_it_busier_than_it_lived) {
  const model::Usage usage = usage_of(instance(), {.requests = 1, .busy = 24h, .billed = 48h}, {}, at(10s));
  EXPECT_EQ(usage.busy, 10s);
  EXPECT_EQ(usage.billed, 10s + net::kBillingStep);
}

TEST(InstanceUsage, an_unthrottled_revision_is_billed_for_its_whole_life) {
  const FleetInstance whole = instance({{"run.googleapis.com/cpu-throttling", "false"}});
  EXPECT_TRUE(usage_of(whole, {}, {}, at(1s)).whole_life);
  const FleetInstance ordinary = instance({{"run.googleapis.com/cpu-throttling", "true"}});
  EXPECT_FALSE(usage_of(ordinary, {}, {}, at(1s)).whole_life);
}

}  // namespace
}  // namespace marea::engine::local
