#include "decide/relative_risk.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "decide/log_space.h"

namespace marea::decide {

namespace {

struct GridPoint {
  double distance;  // of the log relative risk from the tolerance's
  double weight;
};

// Relative risks around 2 and 3 times the tolerance get most, total failure (2,000 times) a tenth.
constexpr std::array<GridPoint, kHarmGrid> kHarmGridPoints{{{0.25, 0.055},
                                                            {0.40, 0.130},
                                                            {0.55, 0.145},
                                                            {0.70, 0.135},
                                                            {0.90, 0.135},
                                                            {1.15, 0.090},
                                                            {1.50, 0.050},
                                                            {2.00, 0.040},
                                                            {2.60, 0.035},
                                                            {3.40, 0.040},
                                                            {4.60, 0.045},
                                                            {7.60, 0.100}}};

// As shares of the tolerance's logarithm: 1 is a canary that is just as stable is.
constexpr std::array<GridPoint, kProofGrid> kProofGridPoints{
    {{0.4, 0.1}, {0.7, 0.2}, {1.0, 0.35}, {1.4, 0.2}, {2.0, 0.1}, {3.5, 0.05}}};

constexpr double kFirstStake = 0.6;
constexpr double kStepStake = 1.0 / 3;
constexpr double kAloneStake = 0.5;
constexpr double kStakeTicks = 500;
constexpr double kStakePower = 0.25;
constexpr int kBoundMixture = 12;
constexpr std::uint32_t kWholeShare = 10'000;  // weights are in 0.01 %

double within(double nats) {
  return std::clamp(nats, -kMostNats, kMostNats);
}

double log_sum(std::span<const double> logs) {
  const double most = *std::ranges::max_element(logs);
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - most);
  return most + std::log(sum);
}

// Whether the mirror's mixture is beyond the limit; it is asked at each tick, and its largest part mostly tells.
bool mixture_reaches(std::span<const double> logs, double limit) {
  const double mixture = std::log(kBoundMixture);
  const double most = *std::ranges::max_element(logs) - mixture;
  if (most >= limit) return true;
  if (most + std::log(static_cast<double>(logs.size())) < limit) return false;
  return log_sum(logs) - mixture >= limit;
}

AtRisk possible(AtRisk arm) {
  return {.units = arm.units, .fell = std::min(arm.fell, arm.units)};
}

bool has_units(const RiskCounts& counts) {
  return counts.stable.units + counts.canary.units > 0;
}

bool has_fallen(const RiskCounts& counts) {
  return counts.stable.fell + counts.canary.fell > 0;
}

// The canary's, of the units at risk.
double share_of(const RiskCounts& counts) {
  const auto canary = static_cast<double>(counts.canary.units);
  return canary / (canary + static_cast<double>(counts.stable.units));
}

// a·delta - (a + b) ln(1 - ρ + ρe^delta): the log likelihood of delta against none.
double log_likelihood(const RiskCounts& counts, double share, double delta) {
  const auto canary = static_cast<double>(counts.canary.fell);
  const auto all = canary + static_cast<double>(counts.stable.fell);
  return canary * delta - all * std::log1p(share * std::expm1(delta));
}

RiskTick tick_of(const model::ReleaseTick& tick, RiskCounts keyed, RiskCounts keyless) {
  for (RiskCounts* counts : {&keyed, &keyless}) {
    counts->stable = possible(counts->stable);
    counts->canary = possible(counts->canary);
  }
  return {.number = tick.number, .weight = tick.weight, .strata = {keyed, keyless}};
}

RiskCounts failures_of(const model::StratumCounts& counts) {
  return {.stable = {.units = counts.stable.at_risk, .fell = counts.stable.failed},
          .canary = {.units = counts.canary.at_risk, .fell = counts.canary.failed}};
}

RiskCounts slow_of(const model::StratumCounts& counts) {
  return {.stable = {.units = counts.stable.at_risk_slow, .fell = counts.stable.slow},
          .canary = {.units = counts.canary.at_risk_slow, .fell = counts.canary.slow}};
}

}  // namespace

RiskTick failures_of(const model::ReleaseTick& tick) {
  return tick_of(tick, failures_of(tick.keyed), failures_of(tick.keyless));
}

RiskTick slow_of(const model::ReleaseTick& tick) {
  return tick_of(tick, slow_of(tick.keyed), slow_of(tick.keyless));
}

void pool_keyless(KeylessPool& pool, RiskTick& tick) {
  if (tick.weight != pool.weight) pool = {.weight = tick.weight};
  RiskCounts& counts = tick.strata[1];
  if (!has_units(counts)) return;
  pool.stable += counts.stable.units;
  pool.canary += counts.canary.units;
  counts.stable.units = pool.stable;
  counts.canary.units = pool.canary;
  const std::uint64_t rarer = std::min(pool.weight, kWholeShare - std::min(pool.weight, kWholeShare));
  if ((pool.stable + pool.canary) * rarer < kPoolUnits * kWholeShare) return;
  pool.stable /= 2;
  pool.canary /= 2;
}

HarmState::HarmState() {
  for (auto& stakes : staked) stakes.fill(-kMostNats);
}

HarmTest::HarmTest(double tolerance) : delta0_(std::log(tolerance)) {
  for (std::size_t grid = 0; grid < kHarmGrid; ++grid) delta_.at(grid) = delta0_ + kHarmGridPoints.at(grid).distance;
}

double HarmTest::log_factor(std::size_t grid, const RiskCounts& counts, std::uint32_t weight) const {
  if (!has_fallen(counts)) return 0;
  const double share = std::max(share_of(counts), static_cast<double>(std::min(weight, kWholeShare)) / kWholeShare);
  return log_likelihood(counts, share, delta_.at(grid)) - log_likelihood(counts, share, delta0_);
}

namespace {

// Moves `part` of the waiting capital to stakes, `shares` of it to each.
void move_capital(HarmState& state, double part, const std::array<double, 3>& shares) {
  if (part <= 0) return;
  for (std::size_t to = 0; to < shares.size(); ++to) {
    if (shares.at(to) <= 0) continue;
    for (std::size_t grid = 0; grid < kHarmGrid; ++grid) {
      double& stake = state.staked.at(to).at(grid);
      stake = within(log_add(stake, state.waiting + std::log(part * shares.at(to) * kHarmGridPoints.at(grid).weight)));
    }
  }
  state.waiting = within(state.waiting + std::log1p(-part));
}

double stake_decay(const HarmState& state, std::uint64_t tick) {
  const auto since = [&](std::uint64_t moment) { return 1 + static_cast<double>(moment - state.first) / kStakeTicks; };
  return std::pow(since(tick) / since(std::max(state.tick, state.first)), -kStakePower);
}

}  // namespace

void HarmTest::stake(HarmState& state, const RiskTick& tick) {
  const std::array<bool, kStrata> before = state.seen;
  for (std::size_t stratum = 0; stratum < kStrata; ++stratum) {
    state.seen.at(stratum) = before.at(stratum) || has_units(tick.strata.at(stratum));
  }
  const bool first = !before[0] && !before[1];
  const bool both = state.seen[0] && state.seen[1];
  const std::array<double, 3> shares = both ? std::array<double, 3>{0.5, 0.25, 0.25} : std::array<double, 3>{1, 0, 0};
  if (first) {
    state.first = tick.number;
    move_capital(state, kFirstStake, shares);
  } else {
    if (both && before != state.seen) move_capital(state, kAloneStake, {0, 0.5, 0.5});
    const bool step = tick.weight != state.weight && state.steps < kMostStepStakes;
    state.steps += step ? 1 : 0;
    move_capital(state, 1 - stake_decay(state, tick.number) * (step ? 1 - kStepStake : 1), shares);
  }
  state.tick = tick.number;
  state.weight = tick.weight;
}

void HarmTest::eat(HarmState& state, const RiskTick& tick) const {
  bool units = false;
  bool fresh = false;
  bool fallen = false;
  for (std::size_t stratum = 0; stratum < kStrata; ++stratum) {
    const RiskCounts& counts = tick.strata.at(stratum);
    units = units || has_units(counts);
    fresh = fresh || (has_units(counts) && !state.seen.at(stratum));
    fallen = fallen || has_fallen(counts);
  }
  // Where nothing falls out all factors are 1, and what is staked may be staked later.
  if (!fresh && !fallen && !(units && tick.weight != state.weight)) return;
  stake(state, tick);
  if (!fallen) return;
  for (std::size_t grid = 0; grid < kHarmGrid; ++grid) {
    const double keyed = log_factor(grid, tick.strata[0], tick.weight);
    const double keyless = log_factor(grid, tick.strata[1], tick.weight);
    const std::array<double, 3> factors{keyed + keyless, keyed, keyless};
    for (std::size_t to = 0; to < factors.size(); ++to) {
      double& stake = state.staked.at(to).at(grid);
      if (stake > -kMostNats) stake = within(stake + factors.at(to));
    }
  }
}

double HarmTest::log_e(const HarmState& state) {
  double log = state.waiting;
  for (const auto& stakes : state.staked) log = log_add(log, log_sum(stakes));
  return within(log);
}

ProofState::ProofState() {
  for (auto& stratum : capital) {
    for (std::size_t grid = 0; grid < kProofGrid; ++grid) stratum.at(grid) = std::log(kProofGridPoints.at(grid).weight);
  }
}

ProofTest::ProofTest(double tolerance, double limit)
    : cap_(std::min(limit + kProofReserve, kMostNats)), delta0_(std::log(tolerance)) {
  for (std::size_t grid = 0; grid < kProofGrid; ++grid) {
    delta_.at(grid) = delta0_ * (1 - kProofGridPoints.at(grid).distance);
  }
}

void ProofTest::eat(ProofState& state, const RiskTick& tick) const {
  for (std::size_t stratum = 0; stratum < kStrata; ++stratum) {
    const RiskCounts& counts = tick.strata.at(stratum);
    if (!has_fallen(counts)) continue;
    const double share = share_of(counts);
    const double none = log_likelihood(counts, share, delta0_);
    for (std::size_t grid = 0; grid < kProofGrid; ++grid) {
      double& capital = state.capital.at(stratum).at(grid);
      const double cap = cap_ + std::log(kProofGridPoints.at(grid).weight);
      capital = std::clamp(capital + log_likelihood(counts, share, delta_.at(grid)) - none, -kMostNats, cap);
    }
  }
}

double ProofTest::log_e(const ProofState& state, Stratum stratum) {
  return within(log_sum(state.capital.at(static_cast<std::size_t>(stratum))));
}

void eat(BoundState& state, const RiskTick& tick) {
  for (std::size_t stratum = 0; stratum < kStrata; ++stratum) {
    const RiskCounts& counts = tick.strata.at(stratum);
    if (!has_fallen(counts)) continue;
    for (std::size_t grid = 0; grid < kBoundGrid; ++grid) {
      const double delta = (kBoundLeast + static_cast<int>(grid)) * std::log(2.0) / kBoundSteps;
      state.log_likelihood.at(stratum).at(grid) += log_likelihood(counts, share_of(counts), delta);
    }
  }
}

std::optional<double> risk_below(const BoundState& state, Stratum stratum, double limit) {
  const auto& logs = state.log_likelihood.at(static_cast<std::size_t>(stratum));
  std::optional<double> below;
  for (std::size_t grid = kBoundGrid - 1; grid > 0; --grid) {
    const std::size_t least = grid > kBoundMixture ? grid - kBoundMixture : 0;
    if (!mixture_reaches(std::span(logs).subspan(least, grid - least), limit + logs.at(grid))) break;
    below = std::exp2(static_cast<double>(kBoundLeast + static_cast<int>(grid)) / kBoundSteps);
  }
  return below;
}

}  // namespace marea::decide
