#include "decide/slower_shape.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace marea::decide {

namespace {

constexpr double kA = 0.85;
constexpr int kBucketsPerRatio = 5;
constexpr double kRatio = 1.15;
constexpr int kMillisecondEdge = 40;  // edge(40) = 1 ms

// ln of the bound of theorem 2 on the probability that the band is ever left, at the best η; 0 where there is none.
double log_left(double constant) {
  double least = 0;
  constexpr int kSteps = 400;
  const double most_eta = 2 * kA * kA;
  for (int step = 1; step < kSteps; ++step) {
    const double eta = 1 + (most_eta - 1) * step / kSteps;
    const double root = kA - std::sqrt(2 * (eta - 1) / constant);
    const double gamma2 = 2 / eta * root * root;
    if (root <= 0 || gamma2 <= 1) continue;
    least = std::min(least, std::log(4) - gamma2 * constant + std::log1p(1 / ((gamma2 - 1) * std::log(eta))));
  }
  return least;
}

std::uint64_t observations(const model::LatencyShape& shape) {
  return std::accumulate(shape.buckets.begin(), shape.buckets.end(), std::uint64_t{0});
}

}  // namespace

double band_constant(double alpha) {
  const double wanted = std::log(alpha);
  double low = 1;
  double high = 1000;
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = (low + high) / 2;
    (log_left(middle) > wanted ? low : high) = middle;
  }
  return high;
}

double band(std::uint64_t observations, double constant) {
  if (observations == 0) return 1;
  const auto t = static_cast<double>(observations);
  return std::min(1.0, kA * std::sqrt((std::log1p(std::log(t)) + constant) / t));
}

int shift_of(double factor) {
  return static_cast<int>(std::ceil(std::log(factor) / std::log(kRatio) * kBucketsPerRatio - 1e-9));
}

double shape_distance(const model::LatencyShape& stable, const model::LatencyShape& canary, int shift) {
  const auto all_stable = static_cast<double>(observations(stable));
  const auto all_canary = static_cast<double>(observations(canary));
  if (all_stable == 0 || all_canary == 0) return 0;
  double most = 0;
  std::uint64_t below_stable = 0;
  std::uint64_t below_canary = 0;
  // The last bucket ends at no edge; what is shifted into it or beyond lies above all edges.
  for (std::size_t edge = 0; edge + 1 < canary.buckets.size(); ++edge) {
    below_canary += canary.buckets[edge];
    const auto from = static_cast<std::ptrdiff_t>(edge) - shift;
    if (from >= 0 && static_cast<std::size_t>(from) < stable.buckets.size()) {
      below_stable += stable.buckets[static_cast<std::size_t>(from)];
    }
    most =
        std::max(most, static_cast<double>(below_stable) / all_stable - static_cast<double>(below_canary) / all_canary);
  }
  return most;
}

ShapeTest::ShapeTest(double tolerance, double alpha) : shift_(shift_of(tolerance)), alpha_(alpha) {}

void ShapeTest::eat(ShapeState& state, const model::ReleaseCounts& counts) {
  if (counts.step != state.step || counts.memory != state.memory) {
    state = {.step = counts.step,
             .memory = counts.memory,
             .steps_before = state.steps_before + (state.compared ? 1 : 0),
             .fell_at = state.fell_at};
  }
  state.stable = observations(counts.stable_shape);
  state.canary = observations(counts.canary_shape);
  state.distance = 0;
  state.reach = 1;
  if (state.stable == 0 || state.canary == 0) return;
  if (solved_for_ != state.steps_before) {
    const double step = state.steps_before;
    constant_ = band_constant(alpha_ / ((step + 1) * (step + 2)) / 2);
    solved_for_ = state.steps_before;
  }
  state.compared = true;
  state.distance = shape_distance(counts.stable_shape, counts.canary_shape, shift_);
  state.reach = band(state.stable, constant_) + band(state.canary, constant_);
  if (!state.fell_at && counts.closed > 0 && state.distance > state.reach) state.fell_at = counts.closed - 1;
}

std::optional<base::Duration> learnt_objective(const model::LatencyShape& stable) {
  const std::uint64_t all = observations(stable);
  if (all < kLeastForObjective) return std::nullopt;
  constexpr double kPercentile = 0.95;
  constexpr double kMargin = 1.5;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(kPercentile * static_cast<double>(all)));
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  while (bucket + 1 < stable.buckets.size() && (below += stable.buckets[bucket]) < wanted) ++bucket;
  const int edge = static_cast<int>(bucket) + shift_of(kMargin) - kMillisecondEdge;
  const double seconds = 1e-3 * std::pow(kRatio, static_cast<double>(edge) / kBucketsPerRatio);
  const std::chrono::duration<double> objective(std::min(seconds, 24.0 * 3600));
  return std::chrono::duration_cast<base::Duration>(objective);
}

}  // namespace marea::decide
