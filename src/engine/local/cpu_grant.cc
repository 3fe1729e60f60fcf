#include "engine/local/cpu_grant.h"

#include <algorithm>

namespace marea::engine::local {
namespace {

// Who has more threads than CPUs uses its quota up at once and then stands still until the period is over: with the
// usual 100 ms its neighbours would first miss both CPUs for 50 ms. Below a tenth of a CPU, though, the kernel's least
// quota of 1 ms would be too much of a short period.
constexpr std::int64_t kCpuPeriodUs = 10'000;
constexpr std::int64_t kLongCpuPeriodUs = 100'000;
constexpr std::int64_t kLeastCpuQuotaUs = 1000;
constexpr std::int64_t kLeastOfShortPeriod = 100;  // thousandths of a CPU

bool is_boosted(const FleetInstance& instance, base::Instant now) {
  if (!instance.revision->spec.startup_cpu_boost) return false;
  if (instance.phase == Phase::preparing || instance.phase == Phase::starting) return true;
  return instance.phase == Phase::running && now < instance.ready_at + kBoostTime;
}

}  // namespace

CpuGrant grant_of(const FleetInstance& instance, bool busy, base::Instant now) {
  if (is_boosted(instance, now)) return CpuGrant::boosted;
  const bool rests = instance.phase == Phase::running && !busy;
  return rests && instance.revision->spec.cpu_throttling ? CpuGrant::throttled : CpuGrant::usual;
}

base::Instant grant_ends(const FleetInstance& instance, base::Instant now) {
  const bool running = instance.phase == Phase::running;
  return running && is_boosted(instance, now) ? instance.ready_at + kBoostTime : base::Instant::max();
}

int boosted_milli_cpu(int milli_cpu, int cpus) {
  const int wanted = std::min(kMostBoostedMilliCpu, milli_cpu <= 1000 ? 2000 : 2 * milli_cpu);
  return std::max(milli_cpu, std::min(wanted, cpus * 1000));
}

CpuQuota quota_of(int milli_cpu) {
  const std::int64_t period = milli_cpu < kLeastOfShortPeriod ? kLongCpuPeriodUs : kCpuPeriodUs;
  return {.quota_us = std::max(kLeastCpuQuotaUs, period * milli_cpu / 1000), .period_us = period};
}

CpuQuota throttled_quota() {
  return {.quota_us = kLeastCpuQuotaUs, .period_us = kLongCpuPeriodUs};
}

}  // namespace marea::engine::local
