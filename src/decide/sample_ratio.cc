#include "decide/sample_ratio.h"

#include <algorithm>
#include <cmath>

#include "decide/relative_risk.h"

namespace marea::decide {

double log_split(std::uint64_t stable, std::uint64_t canary, double share) {
  constexpr double kPrior = 10'000;
  const auto s = static_cast<double>(stable);
  const auto c = static_cast<double>(canary);
  const double a_c = kPrior * share;
  const double a_s = kPrior - a_c;
  return std::lgamma(a_s + s) + std::lgamma(a_c + c) - std::lgamma(kPrior + s + c) - std::lgamma(a_s) -
         std::lgamma(a_c) + std::lgamma(kPrior) - s * std::log1p(-share) - c * std::log(share);
}

void eat(SampleRatioState& state, const model::ReleaseTick& tick, double limit) {
  if (tick.weight != state.weight) {
    state.log_before = state.log_now;
    state.entered = {};
    state.weight = tick.weight;
  }
  if (tick.weight == 0 || tick.weight >= kAllWeight) return;
  const std::array<const model::StratumCounts*, 2> strata{&tick.keyed, &tick.keyless};
  double log = state.log_before;
  for (std::size_t stratum = 0; stratum < strata.size(); ++stratum) {
    auto& entered = state.entered.at(stratum);
    entered[0] += strata.at(stratum)->stable.entered;
    entered[1] += strata.at(stratum)->canary.entered;
    log += log_split(entered[0], entered[1], static_cast<double>(tick.weight) / kAllWeight);
  }
  state.log_now = std::clamp(log, -kMostNats, kMostNats);
  if (!state.fell_at && state.log_now >= limit) state.fell_at = tick.number;
}

}  // namespace marea::decide
