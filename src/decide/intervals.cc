#include "decide/intervals.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace marea::decide {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kHalvings = 44;  // of a bracket in [0, 1]: to 1e-13
constexpr int kThirds = 64;    // of one that shrinks by a third: to 1e-11

double log_beta(double a, double b) {
  return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
}

double share(Hits hits) {
  return hits.n == 0 ? 0.5 : static_cast<double>(hits.x) / static_cast<double>(hits.n);
}

// The p above (below) the observed share at which ln M(p) reaches `limit`; 1 (0) where it stays below.
double upper_end(Hits hits, double limit) {
  double in = share(hits);
  double out = 1;
  if (log_mixture(hits, out) < limit) return 1;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (in + out) / 2;
    (log_mixture(hits, middle) < limit ? in : out) = middle;
  }
  return out;
}

double lower_end(Hits hits, double limit) {
  return 1 - upper_end({.n = hits.n, .x = hits.n - hits.x}, limit);
}

// The greatest value of f on [low, high], which has one peak.
template <class F>
double peak(double low, double high, F f) {
  const double ends = std::max(f(low), f(high));
  for (int i = 0; i < kThirds; ++i) {
    const double third = (high - low) / 3;
    if (f(low + third) < f(high - third)) {
      low += third;
    } else {
      high -= third;
    }
  }
  return std::max(ends, f((low + high) / 2));
}

// What ln M may be before `alpha` is used up, at its least for each arm.
double limit_of(double alpha) {
  return -std::log(alpha);
}

double least_of(Hits hits) {
  return log_mixture(hits, share(hits));
}

// Over the pairs that are not ruled out: the greatest g(a, b), which grows with b. For each rate of a, b is as large as
// what a leaves of the limit allows.
template <class G>
double greatest(Hits a, Hits b, double alpha, G g) {
  const double limit = limit_of(alpha);
  const double room = limit - least_of(b);  // for a, when b is where it is likeliest
  const double low = lower_end(a, room);
  const double high = upper_end(a, room);
  return peak(low, high, [&](double p) { return g(p, upper_end(b, limit - log_mixture(a, p))); });
}

Hits misses(Hits hits) {
  return {.n = hits.n, .x = hits.n - hits.x};
}

double mean_width(double n, double alpha) {
  const double log_alpha = -2 * std::log(alpha);
  const double rho2 = (log_alpha + std::log1p(log_alpha)) / kMeanUnits;
  const double grown = n * rho2 + 1;
  return std::sqrt(2 * grown / (n * n * rho2) * (0.5 * std::log(grown) - std::log(alpha)));
}

double mean_of(const Moments& moments) {
  return moments.sum / static_cast<double>(moments.n);
}

double variance_of(const Moments& moments) {
  const double mean = mean_of(moments);
  return std::max(0.0, moments.sum_of_squares / static_cast<double>(moments.n) - mean * mean);
}

// A bucket that the quantile may be in, and ln of what speaks against that. Were it in there, so many values would be
// at or below it as are up to somewhere in the bucket: the number that fits best is not ruled out. (Where the
// distribution has no steps that number is binomial; where it has, as if ties were broken by lot.)
struct Cell {
  double low = 0;
  double high = 0;
  double evidence = 0;
};

std::vector<Cell> cells_of(const Buckets& buckets, double quantile) {
  std::uint64_t n = 0;
  for (const std::uint64_t count : buckets.counts) n += count;
  const auto wanted = static_cast<std::uint64_t>(std::llround(quantile * static_cast<double>(n)));
  std::vector<Cell> out;
  std::uint64_t below = 0;
  const std::size_t size = buckets.counts.size();
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint64_t until = below + buckets.counts[i];
    out.push_back({.low = i == 0 ? 0 : buckets.edges[i - 1],
                   .high = i + 1 == size ? kInfinity : buckets.edges[i],
                   .evidence = log_mixture({.n = n, .x = std::clamp(wanted, below, until)}, quantile)});
    below = until;
  }
  return out;
}

}  // namespace

double log_mixture(Hits hits, double p) {
  const auto x = static_cast<double>(hits.x);
  const auto rest = static_cast<double>(hits.n - hits.x);
  double out = log_beta(x + 0.5, rest + 0.5) - log_beta(0.5, 0.5);
  if (hits.x > 0) out -= p > 0 ? x * std::log(p) : -kInfinity;
  if (hits.n > hits.x) out -= p < 1 ? rest * std::log1p(-p) : -kInfinity;
  return out;
}

Interval rate_interval(Hits hits, double alpha) {
  const double limit = limit_of(alpha);
  return {.low = lower_end(hits, limit), .high = upper_end(hits, limit)};
}

Interval rate_difference(Hits a, Hits b, double alpha) {
  const auto difference = [](double of_a, double of_b) { return of_b - of_a; };
  // The least b - a is the greatest of the misses' difference.
  return {.low = -greatest(misses(a), misses(b), alpha, difference), .high = greatest(a, b, alpha, difference)};
}

Interval rate_ratio(Hits a, Hits b, double alpha) {
  const auto ratio = [](double of_a, double of_b) { return of_a * kMostRatio <= of_b ? kMostRatio : of_b / of_a; };
  const double high = greatest(a, b, alpha, ratio);
  const double inverse = greatest(b, a, alpha, ratio);
  return {.low = inverse >= kMostRatio ? 0 : 1 / inverse, .high = high >= kMostRatio ? kInfinity : high};
}

double log_equal_rates(Hits a, Hits b) {
  // The common rate that is least spoken against lies where both together say.
  const Hits both{.n = a.n + b.n, .x = a.x + b.x};
  const double p = share(both);
  return log_mixture(a, p) + log_mixture(b, p);
}

Interval mean_interval(const Moments& moments, double alpha) {
  if (moments.n < 2) return {.low = -kInfinity, .high = kInfinity};
  const double width = std::sqrt(variance_of(moments)) * mean_width(static_cast<double>(moments.n), alpha);
  return {.low = mean_of(moments) - width, .high = mean_of(moments) + width};
}

Interval mean_difference(const Moments& a, const Moments& b, double alpha) {
  const Interval of_a = mean_interval(a, alpha / 2);
  const Interval of_b = mean_interval(b, alpha / 2);
  return {.low = of_b.low - of_a.high, .high = of_b.high - of_a.low};
}

Interval quantile_interval(const Buckets& buckets, double quantile, double alpha) {
  const double limit = limit_of(alpha);
  Interval out{.low = kInfinity, .high = 0};
  for (const Cell& cell : cells_of(buckets, quantile)) {
    if (cell.evidence >= limit) continue;
    out.low = std::min(out.low, cell.low);
    out.high = std::max(out.high, cell.high);
  }
  return out;
}

Interval quantile_difference(const Buckets& a, const Buckets& b, double quantile, double alpha) {
  const double limit = limit_of(alpha);
  const std::vector<Cell> of_a = cells_of(a, quantile);
  const std::vector<Cell> of_b = cells_of(b, quantile);
  Interval out{.low = kInfinity, .high = -kInfinity};
  for (const Cell& one : of_a) {
    for (const Cell& other : of_b) {
      if (one.evidence + other.evidence >= limit) continue;
      out.low = std::min(out.low, other.low - one.high);
      out.high = std::max(out.high, other.high - one.low);
    }
  }
  return out;
}

}  // namespace marea::decide
