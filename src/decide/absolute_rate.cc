#include "decide/absolute_rate.h"

#include <algorithm>
#include <cmath>

#include "decide/relative_risk.h"

namespace marea::decide {

namespace {

constexpr std::array<double, kAbsoluteRates> kRatesOfLimit{0, 0.1, 0.3};

double log_of_all(const std::array<double, kAbsoluteRates>& logs) {
  const double most = *std::ranges::max_element(logs);
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - most);
  return std::clamp(most + std::log(sum), -kMostNats, kMostNats);
}

}  // namespace

AbsoluteTest::AbsoluteTest(const Options& options) : cap_(std::min(options.proves + kProofReserve, kMostNats)) {
  for (std::size_t rate = 0; rate < kAbsoluteRates; ++rate) {
    const double of_limit = kRatesOfLimit.at(rate);
    clean_.at(rate) = std::log1p(-of_limit * options.limit) - std::log1p(-options.limit);
    failed_.at(rate) = of_limit > 0 ? std::log(of_limit) : -2 * kMostNats;
    weights_.at(rate) = std::log(options.mixture.at(rate));
  }
}

void AbsoluteTest::eat(AbsoluteState& state, std::uint64_t clean, std::uint64_t failed) const {
  for (std::size_t rate = 0; rate < kAbsoluteRates; ++rate) {
    double& capital = state.capital.at(rate);
    if (capital <= -kMostNats) continue;  // lost for good: no number of clean units brings it back
    const double won = static_cast<double>(clean) * clean_.at(rate) + static_cast<double>(failed) * failed_.at(rate);
    capital = std::clamp(capital + won, -kMostNats, cap_);
  }
}

double AbsoluteTest::log_e(const AbsoluteState& state, std::uint64_t open) const {
  std::array<double, kAbsoluteRates> logs = state.capital;
  for (std::size_t rate = 0; rate < kAbsoluteRates; ++rate) {
    logs.at(rate) =
        std::max(logs.at(rate) + weights_.at(rate) + static_cast<double>(open) * failed_.at(rate), -kMostNats);
  }
  return log_of_all(logs);
}

double log_absolute(std::uint64_t units, std::uint64_t failed, double limit) {
  const AbsoluteTest test({.limit = limit, .proves = kMostNats});
  AbsoluteState state;
  const std::uint64_t bad = std::min(units, failed);
  test.eat(state, units - bad, bad);
  return test.log_e(state, 0);
}

}  // namespace marea::decide
