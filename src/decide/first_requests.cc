#include "decide/first_requests.h"

#include <algorithm>
#include <cmath>

#include "decide/relative_risk.h"

namespace marea::decide {

namespace {

constexpr double kCanaryGood = 0.02;
constexpr double kStableBad = 0.15;
constexpr double kFirstsStake = 0.8;
constexpr double kFirstsStepStake = 1.0 / 3;
constexpr double kFirstsWhole = 10'000;  // weights are in 0.01 %

double finite(double nats) {
  return std::clamp(nats, -kMostNats, kMostNats);
}

void stake_firsts(FirstsState& state, std::uint32_t weight) {
  const bool first = state.staked <= -kMostNats;
  const bool step = !first && weight != state.weight && state.steps < kMostStepStakes;
  state.weight = weight;
  if (!first && !step) return;
  const double part = first ? kFirstsStake : kFirstsStepStake;
  const double more = state.waiting + std::log(part);
  state.staked = first ? more : std::max(state.staked, more) + std::log1p(std::exp(-std::abs(state.staked - more)));
  state.waiting += std::log1p(-part);
  state.steps += step ? 1 : 0;
}

}  // namespace

FirstsState::FirstsState() : staked(-kMostNats) {}

void FirstsRule::eat(FirstsState& state, const model::FirstRequests& firsts) const {
  if (firsts.number < state.next) return;
  state.next = firsts.number + 1;
  const double weight = firsts.weight / kFirstsWhole;
  if (weight <= 0 || weight >= 1) return;
  const double stable_good = (1 - weight * kCanaryGood) / (1 - weight);
  const double canary_bad =
      (1 - (1 - weight) * kStableBad / tolerance_ - (1 - weight * kCanaryGood) * (1 - 1 / tolerance_)) / weight;
  if (canary_bad <= 1) return;
  stake_firsts(state, firsts.weight);
  const auto bad = static_cast<double>(std::min(firsts.canary, firsts.canary_failed));
  const auto good = static_cast<double>(std::min(firsts.stable, firsts.stable_good));
  const double won = bad * std::log(canary_bad) + (firsts.canary - bad) * std::log(kCanaryGood) +
                     good * std::log(stable_good) + (firsts.stable - good) * std::log(kStableBad);
  state.staked = std::max(finite(state.staked + won), std::nextafter(-kMostNats, 0));
}

double FirstsRule::log_e(const FirstsState& state) {
  return finite(std::max(state.waiting, state.staked) + std::log1p(std::exp(-std::abs(state.waiting - state.staked))));
}

}  // namespace marea::decide
