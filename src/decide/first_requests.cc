#include "decide/first_requests.h"

#include <algorithm>
#include <cmath>

#include "decide/relative_risk.h"

namespace marea::decide {

namespace {

constexpr double kStableFails = 0.015;
constexpr double kFirstsStake = 0.9;
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
  const double stable = kStableFails / (weight + kStableFails);
  const double canary = 1 + (1 - weight) * (1 - stable) / (tolerance_ * weight);
  stake_firsts(state, firsts.weight);
  const double won = firsts.canary_failed * std::log(canary) + firsts.stable_failed * std::log(stable);
  state.staked = std::max(finite(state.staked + won), std::nextafter(-kMostNats, 0));
}

double FirstsRule::log_e(const FirstsState& state) {
  return finite(std::max(state.waiting, state.staked) + std::log1p(std::exp(-std::abs(state.waiting - state.staked))));
}

}  // namespace marea::decide
