// How much CPU an instance gets now: what its limit says, more while it starts (run.googleapis.com/startup-cpu-boost),
// or hardly any while no request is in it (run.googleapis.com/cpu-throttling). Pure but for quota files, which
// Cgroups::limit_cpu writes: its processes never move to another group, which would cost 10 ms.
//
// Whether a request is in it is router's word. What is not known is taken for busy: a new router or a new engine lets
// every instance run until it hears better.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "engine/local/cgroup.h"
#include "engine/local/fleet_instance.h"

namespace marea::engine::local {

enum class CpuGrant { usual, boosted, throttled };

inline constexpr base::Duration kBoostTime = std::chrono::seconds(10);  // after it is ready: Cloud Run's
inline constexpr int kMostBoostedMilliCpu = 8000;                       // Cloud Run's largest

CpuGrant grant_of(const FleetInstance& instance, bool busy, base::Instant now);

// When the grant changes though nothing happens; Instant::max(): never.
base::Instant grant_ends(const FleetInstance& instance, base::Instant now);

// A limit of 1 CPU or less becomes 2, a larger one the double; at most what the machine has, and never less than the
// limit.
int boosted_milli_cpu(int milli_cpu, int cpus);

CpuQuota quota_of(int milli_cpu);
// What is left outside of requests: a hundredth of a CPU.
CpuQuota throttled_quota();

}  // namespace marea::engine::local
