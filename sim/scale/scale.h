// The world `scale`: the platform's own scaling and Knative's autoscaler before the same requests, services and start
// times, compared per load on what callers wait (slowdown: response time over service time) and on what it costs
// (memory of instances without a request, in GB-s; ATC 2020's wasted memory time).
//
// One seed is a small sample: run() asserts what must hold in each (every request is served, no maximum is exceeded,
// nothing runs for ever). conclude() adds up the runs of one call, and is wrong unless for each load the platform's
// slowdown at p99 and its wasted memory are both below the autoscaler's.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <vector>

#include "sim/world.h"

namespace marea::sim::scale {

// Below this many runs a comparison is told and not judged.
inline constexpr std::uint64_t kEnoughRuns = 100;

Verdict run(std::uint64_t seed, std::ostream* trace);
// `sums`: Verdict::figures of `runs` runs, added up.
Verdict conclude(const std::vector<double>& sums, std::uint64_t runs);

}  // namespace marea::sim::scale
