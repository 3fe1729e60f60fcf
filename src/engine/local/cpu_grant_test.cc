#include "engine/local/cpu_grant.h"

#include <gtest/gtest.h>

namespace marea::engine::local {
namespace {

using std::chrono::seconds;

class CpuGrantTest : public testing::Test {
 protected:
  FleetInstance instance(Phase phase, bool throttling, bool boost) const {
    auto revision = std::make_shared<model::Revision>();
    revision->spec.cpu_throttling = throttling;
    revision->spec.startup_cpu_boost = boost;
    FleetInstance out;
    out.phase = phase;
    out.ready_at = ready;
    out.revision = revision;
    return out;
  }
  base::Instant ready{seconds(100)};
};

TEST_F(CpuGrantTest, hardly_any_cpu_is_for_those_that_run_rest_and_asked_for_it) {
  const base::Instant now = ready + seconds(60);
  for (const Phase phase : {Phase::preparing, Phase::starting, Phase::running, Phase::draining, Phase::stopping}) {
    const bool runs = phase == Phase::running;
    EXPECT_EQ(grant_of(instance(phase, true, false), false, now), runs ? CpuGrant::throttled : CpuGrant::usual);
    EXPECT_EQ(grant_of(instance(phase, true, false), true, now), CpuGrant::usual);
    EXPECT_EQ(grant_of(instance(phase, false, false), false, now), CpuGrant::usual);
  }
}

TEST_F(CpuGrantTest, a_boost_lasts_for_the_start_and_ten_seconds_more) {
  EXPECT_EQ(grant_of(instance(Phase::starting, true, true), false, ready), CpuGrant::boosted);
  const FleetInstance running = instance(Phase::running, true, true);
  EXPECT_EQ(grant_of(running, false, ready + seconds(9)), CpuGrant::boosted);
  EXPECT_EQ(grant_ends(running, ready + seconds(9)), ready + seconds(10));
  EXPECT_EQ(grant_of(running, false, ready + seconds(10)), CpuGrant::throttled);
  EXPECT_EQ(grant_of(running, true, ready + seconds(10)), CpuGrant::usual);
  EXPECT_EQ(grant_ends(running, ready + seconds(10)), base::Instant::max());
  EXPECT_EQ(grant_of(instance(Phase::draining, true, true), false, ready), CpuGrant::usual);
}

TEST(CpuQuotas, a_boost_is_cloud_runs_within_the_machine) {
  EXPECT_EQ(boosted_milli_cpu(80, 64), 2000);
  EXPECT_EQ(boosted_milli_cpu(1000, 64), 2000);
  EXPECT_EQ(boosted_milli_cpu(2000, 64), 4000);
  EXPECT_EQ(boosted_milli_cpu(6000, 64), 8000);
  EXPECT_EQ(boosted_milli_cpu(8000, 64), 8000);
  EXPECT_EQ(boosted_milli_cpu(1000, 1), 1000);
  EXPECT_EQ(boosted_milli_cpu(4000, 2), 4000) << "a limit beyond the machine stays";
}

TEST(CpuQuotas, quotas_are_the_limits_share_of_a_period_and_at_least_the_kernels_least) {
  EXPECT_EQ(quota_of(1000), (CpuQuota{.quota_us = 10'000, .period_us = 10'000}));
  EXPECT_EQ(quota_of(2500), (CpuQuota{.quota_us = 25'000, .period_us = 10'000}));
  EXPECT_EQ(quota_of(50), (CpuQuota{.quota_us = 5000, .period_us = 100'000}));
  EXPECT_EQ(quota_of(1), (CpuQuota{.quota_us = 1000, .period_us = 100'000}));
  EXPECT_EQ(throttled_quota(), quota_of(10));
}

}  // namespace
}  // namespace marea::engine::local
