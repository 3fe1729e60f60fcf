#include "sim/releases/interval.h"

#include <cmath>

namespace marea::sim::releases {
namespace {

// P(X <= hits) of a binomial with `all` draws; 0 < share < 1.
double at_most(std::uint64_t hits, std::uint64_t all, double share) {
  double sum = 0;
  const auto n = static_cast<double>(all);
  for (std::uint64_t i = 0; i <= hits; ++i) {
    const auto k = static_cast<double>(i);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * std::log(share) +
                    (n - k) * std::log1p(-share));
  }
  return sum;
}

}  // namespace

Interval interval_of(std::uint64_t hits, std::uint64_t all, double confidence) {
  if (all == 0 || hits > all) return {};
  const double tail = (1 - confidence) / 2;
  // The share at which so few, or fewer, have the probability `tail`.
  const auto bound = [&](std::uint64_t most, double wanted) {
    double low = 0;
    double high = 1;
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      (at_most(most, all, middle) > wanted ? low : high) = middle;
    }
    return (low + high) / 2;
  };
  return {.low = hits == 0 ? 0 : bound(hits - 1, 1 - tail), .high = hits == all ? 1 : bound(hits, tail)};
}

Finding judge_share(std::uint64_t hits, std::uint64_t all, double limit) {
  const Interval interval = interval_of(hits, all);
  if (interval.high <= limit) return Finding::holds;
  return interval.low > limit || all >= kEnoughRuns ? Finding::broken : Finding::too_few;
}

std::string_view to_string(Finding finding) {
  switch (finding) {
    case Finding::holds: return "holds";
    case Finding::broken: return "BROKEN";
    case Finding::too_few: return "too few runs to tell";
  }
  return "";
}

}  // namespace marea::sim::releases
