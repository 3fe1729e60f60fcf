// Intervals that hold at all times at once: with probability 1 - α the truth is in every one of them, however often one
// looks and whenever one stops. For the outcomes of an experiment's arms.
//
//   rate_interval       the rate of one arm            exact
//   rate_difference     of two arms, b - a             exact
//   rate_ratio          of two arms, b / a             exact
//   mean_interval       the mean of one arm            asymptotic: holds from some hundreds of units on
//   mean_difference     of two arms, b - a             asymptotic
//   quantile_interval   of one arm's values            exact, up to the width of a bucket
//   quantile_difference of two arms, b - a             exact, up to the width of two buckets
//   rate_pair, quantile_pair                           of two arms: each, and both together, all at once
//   equal_rates         ln of the evidence against a = b
//
// Rates. Of n units x hit. Against the rate p stands a mixture of all rates, Beta(1/2, 1/2) (Jeffreys' prior; any one
// is valid, this one is narrow at small rates too):
//
//   ln M(p) = ln B(x + 1/2, n - x + 1/2) - ln B(1/2, 1/2) - x ln p - (n - x) ln(1 - p)
//
// a martingale that begins at 1 when p is the truth (Robbins 1970), so M(p) ever reaches 1/α with probability ≤ α
// (Ville); the interval is every p with M(p) < 1/α. ln M is convex in p and least at x/n, so it is an interval indeed.
//
// Two arms. Units of both come in any order; a unit multiplies M_a or M_b, each with mean 1, so M_a(p_a)·M_b(p_b) is a
// martingale under the true pair, and the set of pairs below 1/α holds the truth at all times. It is convex. The
// interval of a difference or a ratio is what it takes on that set: narrower by up to √2 than what two intervals at α/2
// leave, and needs no approximation. Whatever else is read off the set, such as the rate of one arm (its shadow), is
// right whenever the set is: so all that rate_pair says together is ever wrong with probability ≤ α. That costs the
// single rates little.
//
// Quantiles. X ≤ x hits with the rate F(x); x can be the p-quantile unless that rate is shown not to be p. So the
// values x for which M at p of "so many of n are ≤ x" stays below 1/α are the interval, and for two arms a product
// again: the beta-binomial mixture of Howard and Ramdas (Sequential estimation of quantiles with applications to
// A/B testing and best-arm identification, Bernoulli 28, 2022, theorem 5). Values are in buckets, so the ends are edges
// of these, outwards.
//
// Means. A normal mixture with the variance as measured (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas: Time-uniform
// central limit theory and asymptotic confidence sequences, 2021):
//
//   mean ± σ · √( 2(nρ² + 1) / (n²ρ²) · ln( √(nρ² + 1) / α ) )
//
// ρ makes it narrowest at about kMeanUnits units. Pure.
#pragma once

#include <cstdint>
#include <span>

namespace marea::decide {

struct Interval {
  double low = 0;
  double high = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

// Of n units x hit; x ≤ n.
struct Hits {
  std::uint64_t n = 0;
  std::uint64_t x = 0;
};

// Of n values.
struct Moments {
  std::uint64_t n = 0;
  double sum = 0;
  double sum_of_squares = 0;
};

inline constexpr double kMeanUnits = 10'000;
// A relative rate beyond it is shown as infinite: nothing is known of the lower rate.
inline constexpr double kMostRatio = 1e6;

// ln M(p), +infinity where p cannot be (0 with hits, 1 with misses).
double log_mixture(Hits hits, double p);

Interval rate_interval(Hits hits, double alpha);
Interval rate_difference(Hits a, Hits b, double alpha);
// low ≥ 0; high may be infinite.
Interval rate_ratio(Hits a, Hits b, double alpha);
// Of the pairs of rates that are not ruled out: every statement holds at once.
struct RatePair {
  Interval a;
  Interval b;
  Interval difference;  // b - a
  Interval ratio;       // b / a
};
RatePair rate_pair(Hits a, Hits b, double alpha);
// ln of the evidence that the rates differ: ≥ ln(1/α) exactly when 0 is outside of rate_difference().
double log_equal_rates(Hits a, Hits b);

// Nothing is known below two values: infinite.
Interval mean_interval(const Moments& moments, double alpha);
Interval mean_difference(const Moments& a, const Moments& b, double alpha);

// Counts by bucket; bucket i holds (edge[i-1], edge[i]], the first also what is below, the last also what is above.
// The ends are edges; low is 0 and high infinite where no edge is ruled out. quantile in (0, 1).
struct Buckets {
  std::span<const std::uint64_t> counts;
  std::span<const double> edges;  // as many, ascending
};
Interval quantile_interval(const Buckets& buckets, double quantile, double alpha);
Interval quantile_difference(const Buckets& a, const Buckets& b, double quantile, double alpha);
// As RatePair, of quantiles.
struct QuantilePair {
  Interval a;
  Interval b;
  Interval difference;  // b - a
};
QuantilePair quantile_pair(const Buckets& a, const Buckets& b, double quantile, double alpha);

}  // namespace marea::decide
