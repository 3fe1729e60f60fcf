// The world `releases`: canaries that are harmless, harmful or hardly asked, released by the platform's own code, and
// beside it by fixed thresholds and by a z-test that is looked at too often, on the same traffic.
//
// One seed is one run of each scenario: run() asserts what must hold in each (a release that hardly anybody asks for
// ends by policy and is no secret success). conclude() prints the shares over the runs of one call, with exact 99 %
// intervals, and times, and is wrong when a bound of P12 is broken, as far as so many runs can tell.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <vector>

#include "model/release_policy.h"
#include "sim/releases/scenario.h"
#include "sim/releases/tally.h"
#include "sim/world.h"

namespace marea::sim::releases {

Verdict run(std::uint64_t seed, std::ostream* trace);
// `sums`: Verdict::figures of `runs` runs, added up.
Verdict conclude(const std::vector<double>& sums, std::uint64_t runs);

// One run of one scenario by marea with a policy.
CourseEnd release(const Scenario& scenario, const model::ReleasePolicy& policy, std::uint64_t seed,
                  bool until_proven = false);

}  // namespace marea::sim::releases
