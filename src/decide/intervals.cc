#include "decide/intervals.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

namespace marea::decide {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kMostSteps = 60;        // to an end: six or so, where the bracket must not be halved
constexpr double kLeastStep = 1e-12;  // relative: a smaller one says nothing
constexpr int kSections = 36;         // golden ones, each leaves 0.618 of a bracket: to 3e-8, and a peak is flat
constexpr double kLogBetaOfHalves = 1.1447298858494002;  // ln B(1/2, 1/2) = ln π

double share(Hits hits) {
  return hits.n == 0 ? 0.5 : static_cast<double>(hits.x) / static_cast<double>(hits.n);
}

// ln M of some hits, asked at many rates: what does not depend on the rate is computed once.
class Mixture {
 public:
  explicit Mixture(Hits hits)
      : x_(static_cast<double>(hits.x)), rest_(static_cast<double>(hits.n - hits.x)), share_(share(hits)) {
    constant_ = std::lgamma(x_ + 0.5) + std::lgamma(rest_ + 0.5) - std::lgamma(x_ + rest_ + 1) - kLogBetaOfHalves;
    least_ = at(share_);
  }
  double at(double p) const {
    double out = constant_;
    if (x_ > 0) out -= p > 0 ? x_ * std::log(p) : -kInfinity;
    if (rest_ > 0) out -= p < 1 ? rest_ * std::log1p(-p) : -kInfinity;
    return out;
  }
  double least() const { return least_; }
  // The p above (below) the observed share at which ln M(p) reaches `limit`; 1 (0) where it stays below. By Newton's
  // steps, which come from above since ln M is convex, within a bracket.
  double upper_end(double limit) const {
    if (at(1) < limit) return 1;
    const double room = limit - least_;
    if (room <= 0) return share_;
    const double n = x_ + rest_;
    double in = share_;
    double out = 1;
    double p = share_ + std::sqrt(2 * room * share_ * (1 - share_) / n) + room / n;  // as if it were normal
    for (int i = 0; i < kMostSteps; ++i) {
      if (!(p > in && p < out)) p = (in + out) / 2;
      const double beyond = at(p) - limit;
      (beyond < 0 ? in : out) = p;
      const double next = p - beyond / (rest_ / (1 - p) - x_ / p);
      if (beyond >= 0 && p - next <= kLeastStep * p) break;
      p = next;
    }
    return out;
  }
  double lower_end(double limit) const { return 1 - mirrored().upper_end(limit); }
  Mixture mirrored() const {
    Mixture out = *this;
    std::swap(out.x_, out.rest_);
    out.share_ = 1 - share_;
    return out;
  }

 private:
  double x_;
  double rest_;
  double share_;
  double constant_ = 0;
  double least_ = 0;
};

// The greatest value of f on [low, high], which has one peak.
template <class F>
double peak(double low, double high, F f) {
  constexpr double kGolden = 0.6180339887498949;  // (√5 - 1) / 2: one of two points serves the next section again
  const double ends = std::max(f(low), f(high));
  double left = high - kGolden * (high - low);
  double right = low + kGolden * (high - low);
  double at_left = f(left);
  double at_right = f(right);
  for (int i = 0; i < kSections; ++i) {
    if (at_left < at_right) {
      low = std::exchange(left, right);
      at_left = at_right;
      right = low + kGolden * (high - low);
      at_right = f(right);
    } else {
      high = std::exchange(right, left);
      at_right = at_left;
      left = high - kGolden * (high - low);
      at_left = f(left);
    }
  }
  return std::max({ends, at_left, at_right});
}

// What ln M may be before `alpha` is used up.
double limit_of(double alpha) {
  return -std::log(alpha);
}

// What `other` leaves of the limit when it is where it is likeliest.
Interval rates_beside(const Mixture& one, const Mixture& other, double limit) {
  const double room = limit - other.least();
  return {.low = one.lower_end(room), .high = one.upper_end(room)};
}

// Over the pairs that are not ruled out: the greatest g(a, b), which grows with b. For each rate of a, b is as large as
// what a leaves of the limit allows.
template <class G>
double greatest(const Mixture& a, const Mixture& b, double limit, G g) {
  const Interval of_a = rates_beside(a, b, limit);
  return peak(of_a.low, of_a.high, [&](double p) { return g(p, b.upper_end(limit - a.at(p))); });
}

Interval difference_of(const Mixture& a, const Mixture& b, double limit) {
  const auto difference = [](double of_a, double of_b) { return of_b - of_a; };
  // The least b - a is the greatest of the misses' difference.
  return {.low = -greatest(a.mirrored(), b.mirrored(), limit, difference), .high = greatest(a, b, limit, difference)};
}

Interval ratio_of(const Mixture& a, const Mixture& b, double limit) {
  const auto ratio = [](double of_a, double of_b) { return of_a * kMostRatio <= of_b ? kMostRatio : of_b / of_a; };
  const double high = greatest(a, b, limit, ratio);
  const double inverse = greatest(b, a, limit, ratio);
  return {.low = inverse >= kMostRatio ? 0 : 1 / inverse, .high = high >= kMostRatio ? kInfinity : high};
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

// Those of `cells` that another arm's leave room for.
std::vector<Cell> cells_beside(const std::vector<Cell>& cells, const std::vector<Cell>& others, double limit) {
  double least = kInfinity;
  for (const Cell& each : others) least = std::min(least, each.evidence);
  std::vector<Cell> out;
  std::ranges::copy_if(cells, std::back_inserter(out), [&](const Cell& each) { return each.evidence + least < limit; });
  return out;
}

Interval span_of(const std::vector<Cell>& cells) {
  Interval out{.low = kInfinity, .high = 0};
  for (const Cell& cell : cells) {
    out.low = std::min(out.low, cell.low);
    out.high = std::max(out.high, cell.high);
  }
  return out;
}

}  // namespace

double log_mixture(Hits hits, double p) {
  return Mixture(hits).at(p);
}

Interval rate_interval(Hits hits, double alpha) {
  const Mixture mixture(hits);
  return {.low = mixture.lower_end(limit_of(alpha)), .high = mixture.upper_end(limit_of(alpha))};
}

Interval rate_difference(Hits a, Hits b, double alpha) {
  return difference_of(Mixture(a), Mixture(b), limit_of(alpha));
}

Interval rate_ratio(Hits a, Hits b, double alpha) {
  return ratio_of(Mixture(a), Mixture(b), limit_of(alpha));
}

RatePair rate_pair(Hits a, Hits b, double alpha) {
  const Mixture of_a(a);
  const Mixture of_b(b);
  const double limit = limit_of(alpha);
  return {.a = rates_beside(of_a, of_b, limit),
          .b = rates_beside(of_b, of_a, limit),
          .difference = difference_of(of_a, of_b, limit),
          .ratio = ratio_of(of_a, of_b, limit)};
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
  std::vector<Cell> cells = cells_of(buckets, quantile);
  std::erase_if(cells, [limit = limit_of(alpha)](const Cell& each) { return each.evidence >= limit; });
  return span_of(cells);
}

QuantilePair quantile_pair(const Buckets& a, const Buckets& b, double quantile, double alpha) {
  const double limit = limit_of(alpha);
  const std::vector<Cell> all_a = cells_of(a, quantile);
  const std::vector<Cell> all_b = cells_of(b, quantile);
  const std::vector<Cell> of_a = cells_beside(all_a, all_b, limit);
  const std::vector<Cell> of_b = cells_beside(all_b, all_a, limit);
  QuantilePair out{.a = span_of(of_a), .b = span_of(of_b), .difference = {.low = kInfinity, .high = -kInfinity}};
  for (const Cell& one : of_a) {
    for (const Cell& other : of_b) {
      if (one.evidence + other.evidence >= limit) continue;
      out.difference.low = std::min(out.difference.low, other.low - one.high);
      out.difference.high = std::max(out.difference.high, other.high - one.low);
    }
  }
  return out;
}

Interval quantile_difference(const Buckets& a, const Buckets& b, double quantile, double alpha) {
  return quantile_pair(a, b, quantile, alpha).difference;
}

}  // namespace marea::decide
