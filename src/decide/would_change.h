// What would change a verdict, as people ask it: how many more keys, of which kind. Computed with the judge's own tests
// on a copy of what it knows, at the moment's shares of keys at risk and stable's own rate; so it is what would happen
// if the next keys were exactly so, and no promise about time.
//
// Four numbers for each metric of risk, all in keys of the canary:
//   clean  further ones without a hit (a failure, a slow request), until the absolute test proves;
//   alike  further ones that are hit as often as stable's are, until the comparison proves;
//   bad    further ones that are hit while none of stable's is, until the canary is bad;
//   lost   the same, until a proof that stands is lost.
// Each is found by doubling and bisection, since the tests only grow in its direction (rounding to whole keys aside):
// some fifty evaluations, a few microseconds each. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "decide/judge.h"

namespace marea::decide {

// More keys than this say nothing to anybody.
inline constexpr std::uint64_t kMostKeysTold = 10'000'000;

struct MetricDistance {
  JudgedMetric metric = JudgedMetric::failures;
  bool proven = false;
  std::optional<std::uint64_t> clean;  // none: proven already, or more than kMostKeysTold
  std::optional<std::uint64_t> alike;  // the same; also where nothing of stable's is hit, which the comparison needs
  std::optional<std::uint64_t> bad;    // none: more than kMostKeysTold, or there is no stable to compare with
  std::optional<std::uint64_t> lost;   // none: not proven
  friend bool operator==(const MetricDistance&, const MetricDistance&) = default;
};

// Of the judged metrics of risk. `verdict` is the judge's of that state.
std::vector<MetricDistance> distances(const JudgePolicy& policy, const JudgeState& state, const Verdict& verdict);

// "proven good: failures: about 240 more keys of the canary without one; bad: 3 more that fail, none of stable's"
std::string would_change(const JudgePolicy& policy, const JudgeState& state, const Verdict& verdict);

}  // namespace marea::decide
