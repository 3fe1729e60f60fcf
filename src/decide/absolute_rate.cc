#include "decide/absolute_rate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "decide/relative_risk.h"

namespace marea::decide {

double log_absolute(std::uint64_t units, std::uint64_t failed, double limit) {
  struct Rate {
    double of_limit;
    double weight;
  };
  constexpr std::array<Rate, 3> kRates{{{0, 0.75}, {0.1, 0.15}, {0.3, 0.1}}};
  const auto bad = static_cast<double>(std::min(units, failed));
  const double clean = static_cast<double>(units) - bad;
  std::array<double, kRates.size()> logs{};
  for (std::size_t rate = 0; rate < kRates.size(); ++rate) {
    const auto [of_limit, weight] = kRates.at(rate);
    const double hit = of_limit > 0 ? std::log(of_limit) : -kMostNats;
    const double miss = std::log1p(-of_limit * limit) - std::log1p(-limit);
    logs.at(rate) = std::clamp(std::log(weight) + bad * hit + clean * miss, -kMostNats, kMostNats);
  }
  const double most = *std::ranges::max_element(logs);
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - most);
  return std::min(most + std::log(sum), kMostNats);
}

}  // namespace marea::decide
