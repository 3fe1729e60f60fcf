// What the release judge of one release decides by: error probabilities, tolerances and limits. Fixed when the release
// starts; the guarantees hold for a policy that does not change while it runs.
//
// alpha is spent over the tests (they are four, or two without latency), so that the probability that any of them calls
// a harmless canary bad, ever, is at most alpha. Failures get most of it: they are what a rollback must be fast for.
// Three tenths are for first requests that all fail (first_requests.h): with them a canary that has 10 % of the keys
// and is broken from the start falls with its third one.
//
// beta needs no spending over metrics and strata: the canary is proven good only when each of them proves it, so a
// canary that is harmful in any one must get past that one's own test (an intersection-union test: Berger,
// Technometrics 24, 1982). Within one, two ways lead to the proof and share it: the comparison with stable and the
// absolute test. What may be passed without proof is no promise at beta: either way to it has the whole of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace marea::decide {

inline constexpr double kFailureAlpha = 0.55;  // shares of alpha; without latency these two share all of it
inline constexpr double kFirstsAlpha = 0.3;
inline constexpr double kSlowAlpha = 0.1;
inline constexpr double kShapeAlpha = 0.05;
inline constexpr double kRelativeBeta = 0.8;  // shares of beta
inline constexpr double kAbsoluteBeta = 0.2;

struct JudgePolicy {
  double alpha = 0.01;                      // of calling a harmless canary bad, over the whole release; in (0, 0.5)
  double beta = 0.05;                       // of calling a harmful one proven good; in (0, 0.5)
  double harm_tolerance = 1.2;              // relative risk up to which a canary is harmless; ≥ 1
  double promotion_tolerance = 2.0;         // relative risk that must be ruled out for the proof; > 1
  double latency_tolerance = 1.15;          // factor by which the canary's latencies may be longer; ≥ 1
  bool latency = true;                      // false: failures alone are judged
  std::optional<base::Duration> objective;  // slower is slow; else learnt_objective() of stable. router applies it
  double unproven_limit = 5.0;              // relative risk that must be ruled out to advance without proof; > 1
  double platform_limit = 0.01;             // share of platform's failures above which nothing can be known; in (0, 1]
  double failure_limit = 0.01;  // share of failing units below which a canary is good, whatever stable's is; (0, 1)
  double slow_limit = 0.05;     // the same of slow ones
  // Units of each arm, below which nothing but harm can be known. A hundred clean ones rule out 5 %.
  std::uint32_t least_keys = 100;
  double sample_ratio_alpha = 0.001;  // of mistrusting a split that is right; in (0, 0.5)
  friend bool operator==(const JudgePolicy&, const JudgePolicy&) = default;
};

// The share of failing (slow) units that must be ruled out to advance without proof, if no relative risk is: so many
// times `limit`, as the relative risk is of stable's rate.
inline double unproven_share(const JudgePolicy& policy, double limit) {
  constexpr double kMost = 0.5;
  return limit < kMost ? std::min(kMost, policy.unproven_limit * limit) : limit;
}

// All that is wrong with it, a sentence each; none: it is valid. NaN is out of any bounds.
std::vector<std::string> faults_of(const JudgePolicy& policy);

}  // namespace marea::decide
