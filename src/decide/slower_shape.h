// Whether the canary's latencies are longer than stable's by more than the tolerance, anywhere in the distribution; a
// sequential two-sample Kolmogorov–Smirnov test, one observation a unit and step.
//
// With probability 1 - α the empirical distribution of independent observations stays within u(t) of the true one at
// all t ≥ 1 at once (Howard and Ramdas, Bernoulli 28(3), 2022, theorem 2 with A = 0.85, m = 1):
//
//   u(t) = 0.85 · √((ln(1 + ln t) + C) / t)
//   α = min over 1 < η < 2A² of 4 e^(-γ²C) (1 + 1 / ((γ² - 1) ln η)),   γ² = (2/η) (A - √(2 (η - 1) / C))²
//
// where γ² > 1; C is solved for any α. So, if the canary is nowhere slower than stable shifted right by the tolerance,
// sup_x (F_stable,shifted(x) - F_canary(x)) > u(n_c; α/2) + u(n_s; α/2) happens, ever, with probability at most α. The
// supremum over histogram edges is at most that over all x. The histogram's ratio makes a shift exact by whole buckets;
// a tolerance between two of them is taken as the larger. The last bucket holds all that is longer, so that what is
// shifted out of the histogram stays beyond every edge.
//
// Each step begins with empty shapes and is a test of its own. Its α is α / ((k + 1)(k + 2)) for the k-th step from 0:
// they add to α however many steps there are, and C grows by less than 3 from the first to the fifth.
//
// It sees shifts of the body. It is blind to the tail: the band is 0.027 at 10,000 observations, so that the slowest
// 1 % may do what they like; that is for the share slower than the objective. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "model/release_counts.h"

namespace marea::decide {

// C of the band for alpha in (0, 1).
double band_constant(double alpha);
// u(t); 1 where that is larger, and for t = 0.
double band(std::uint64_t observations, double constant);

struct ShapeState {
  std::uint32_t step = 0;          // of the ladder, in which the last shapes were made
  std::uint64_t memory = 0;        // of router; a shape that begins anew counts as a step
  std::uint32_t steps_before = 0;  // in which shapes were compared
  bool compared = false;           // in this one
  std::uint64_t stable = 0;        // observations
  std::uint64_t canary = 0;
  double distance = 0;  // sup_x (F_stable,shifted(x) - F_canary(x)), at least 0
  double reach = 1;     // the sum of both bands
  std::optional<std::uint64_t> fell_at;
  friend bool operator==(const ShapeState&, const ShapeState&) = default;
};

class ShapeTest {
 public:
  ShapeTest(double tolerance, double alpha);  // a factor ≥ 1; over all steps

  // The shapes of `counts` replace those before. Counts without shapes, or of an arm only, say nothing.
  void eat(ShapeState& state, const model::ReleaseCounts& counts);

 private:
  int shift_ = 0;  // buckets
  double alpha_ = 0;
  std::optional<std::uint32_t> solved_for_;  // steps_before
  double constant_ = 0;
};

// The greatest amount by which the canary's distribution lies below the shifted one of stable, on the edges.
double shape_distance(const model::LatencyShape& stable, const model::LatencyShape& canary, int shift);
// The buckets of a shift by a factor ≥ 1.
int shift_of(double factor);

// The objective for a canary's latency where none is declared: 1.5 times stable's 95th percentile, rounded up to an
// edge. None with fewer than 200 observations, of which that percentile would be a guess.
inline constexpr std::uint64_t kLeastForObjective = 200;
std::optional<base::Duration> learnt_objective(const model::LatencyShape& stable);

}  // namespace marea::decide
