#include "decide/intervals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

namespace marea::decide {
namespace {

constexpr double kAlpha = 0.05;
const double kLimit = std::log(1 / kAlpha);

// The mixture over Beta(1/2, 1/2) is the product of predictive probabilities (hits + 1/2) / (n + 1): for three hits,
// then seven misses, 1/2·3/4·5/6 · 1/8·3/10·5/12·7/14·9/16·11/18·13/20 = 143/262144. Against p = 1/2 each sequence of
// ten has 2^-10, so M = 143/256 and its logarithm -0.58233.
TEST(IntervalsTest, the_mixture_is_the_product_of_its_predictions) {
  EXPECT_NEAR(log_mixture({.n = 10, .x = 3}, 0.5), std::log(143.0 / 256), 1e-9);
  EXPECT_EQ(log_mixture({}, 0.3), 0);
  EXPECT_TRUE(std::isinf(log_mixture({.n = 5, .x = 1}, 0)));
  EXPECT_TRUE(std::isinf(log_mixture({.n = 5, .x = 4}, 1)));
  EXPECT_FALSE(std::isinf(log_mixture({.n = 5, .x = 0}, 0)));
}

// Found by walking p in steps of 5e-7 through [0, 1] with lgamma of another library.
TEST(IntervalsTest, the_interval_of_a_rate_is_where_its_mixture_stays_below_the_limit) {
  const auto near = [](Hits hits, double low, double high) {
    const Interval got = rate_interval(hits, kAlpha);
    EXPECT_NEAR(got.low, low, 1e-6);
    EXPECT_NEAR(got.high, high, 1e-6);
  };
  near({.n = 100, .x = 0}, 0, 0.0570285);
  near({.n = 1000, .x = 30}, 0.0142795, 0.054018);
  near({.n = 10, .x = 3}, 0.0325155, 0.747587);
  near({.n = 0, .x = 0}, 0, 1);
  near({.n = 100, .x = 100}, 1 - 0.0570285, 1);
}

// By brute force over pairs in steps of 2e-5: of those with M_a·M_b below 20, the least and the greatest b - a and b /
// a. Two intervals at 2.5 % each would leave -0.0201 to 0.0795.
TEST(IntervalsTest, a_difference_is_what_pairs_that_are_not_ruled_out_differ_by) {
  const Hits a{.n = 1000, .x = 30};
  const Hits b{.n = 1000, .x = 60};
  const Interval difference = rate_difference(a, b, kAlpha);
  EXPECT_NEAR(difference.low, -0.01227, 5e-5);
  EXPECT_NEAR(difference.high, 0.07527, 5e-5);
  const Interval ratio = rate_ratio(a, b, kAlpha);
  EXPECT_NEAR(ratio.low, 0.7658, 1e-3);
  EXPECT_NEAR(ratio.high, 5.903, 1e-2);
  const Interval mirrored = rate_difference(b, a, kAlpha);
  EXPECT_NEAR(mirrored.low, -difference.high, 1e-9);
  EXPECT_NEAR(mirrored.high, -difference.low, 1e-9);
}

// What is said of one arm lies on the edge of the same set as what is said of both, so that all of it is wrong
// together.
TEST(IntervalsTest, a_pair_says_all_at_once) {
  const Hits a{.n = 200, .x = 9};
  const Hits b{.n = 210, .x = 20};
  const RatePair pair = rate_pair(a, b, 0.05);
  EXPECT_EQ(pair.difference, rate_difference(a, b, 0.05));
  EXPECT_EQ(pair.ratio, rate_ratio(a, b, 0.05));
  EXPECT_LT(pair.a.low, rate_interval(a, 0.05).low) << "the rate alone at this level is another event";
  EXPECT_GT(pair.a.high, rate_interval(a, 0.05).high);
  EXPECT_NEAR(log_mixture(a, pair.a.high) + log_mixture(b, 20.0 / 210), std::log(20), 1e-6);
  EXPECT_NEAR(log_mixture(b, pair.b.low) + log_mixture(a, 9.0 / 200), std::log(20), 1e-6);
  EXPECT_GE(pair.difference.low, pair.b.low - pair.a.high);
  EXPECT_LE(pair.difference.high, pair.b.high - pair.a.low);
}

TEST(IntervalsTest, without_hits_the_ratio_has_no_upper_end) {
  const Interval ratio = rate_ratio({.n = 50, .x = 0}, {.n = 50, .x = 5}, kAlpha);
  EXPECT_TRUE(std::isinf(ratio.high));
  EXPECT_GE(ratio.low, 0);
  const Interval other = rate_ratio({.n = 50, .x = 5}, {.n = 50, .x = 0}, kAlpha);
  EXPECT_EQ(other.low, 0);
  EXPECT_LT(other.high, 10);
}

TEST(IntervalsTest, rates_are_told_apart_exactly_when_zero_is_no_difference_any_more) {
  for (std::uint64_t x = 100; x <= 300; x += 5) {
    const Hits a{.n = 2000, .x = 150};
    const Hits b{.n = 2000, .x = x};
    const Interval difference = rate_difference(a, b, kAlpha);
    const bool apart = difference.low > 0 || difference.high < 0;
    EXPECT_EQ(apart, log_equal_rates(a, b) >= kLimit) << x;
  }
}

// n = 1000, σ = 2: ρ² = (2 ln 20 + ln(1 + 2 ln 20)) / 10⁴ = 7.937e-4, nρ² + 1 = 1.7937,
// √(2·1.7937 / (10⁶·7.937e-4) · ln(√1.7937 · 20)) · 2 = 0.24382.
TEST(IntervalsTest, a_mean_has_the_width_of_the_normal_mixture) {
  const Moments moments{.n = 1000, .sum = 5000, .sum_of_squares = 29'000};  // mean 5, variance 29 - 25
  const Interval got = mean_interval(moments, kAlpha);
  EXPECT_NEAR(got.low, 5 - 0.243815, 1e-5);
  EXPECT_NEAR(got.high, 5 + 0.243815, 1e-5);
  EXPECT_TRUE(std::isinf(mean_interval({.n = 1, .sum = 3, .sum_of_squares = 9}, kAlpha).high));
}

// One value in each of 100 buckets: M at 1/2 of k out of 100 stays below 20 for k from 34 to 66 (computed apart). The
// median is above the edge with 33 below it, edge 33, and at or below the first that has 67 below, edge 67.
TEST(IntervalsTest, a_quantile_lies_between_the_edges_whose_counts_could_be_its_own) {
  std::vector<std::uint64_t> counts(100, 1);
  std::vector<double> edges(100);
  for (std::size_t i = 0; i < edges.size(); ++i) edges[i] = static_cast<double>(i + 1);
  const Interval median = quantile_interval({.counts = counts, .edges = edges}, 0.5, kAlpha);
  EXPECT_EQ(median.low, 33);
  EXPECT_EQ(median.high, 67);
  std::vector<std::uint64_t> none(100, 0);
  const Interval unknown = quantile_interval({.counts = none, .edges = edges}, 0.5, kAlpha);
  EXPECT_EQ(unknown.low, 0);
  EXPECT_TRUE(std::isinf(unknown.high));
}

TEST(IntervalsTest, a_shift_of_all_values_is_found_in_their_quantile) {
  std::vector<double> edges(200);
  for (std::size_t i = 0; i < edges.size(); ++i) edges[i] = static_cast<double>(i + 1);
  std::vector<std::uint64_t> a(200, 0);
  std::vector<std::uint64_t> b(200, 0);
  for (std::size_t i = 0; i < 100; ++i) {
    a[i] = 20;
    b[i + 30] = 20;
  }
  const Interval same = quantile_difference({.counts = a, .edges = edges}, {.counts = a, .edges = edges}, 0.5, kAlpha);
  EXPECT_LT(same.low, 0);
  EXPECT_GT(same.high, 0);
  const Interval later = quantile_difference({.counts = a, .edges = edges}, {.counts = b, .edges = edges}, 0.5, kAlpha);
  EXPECT_GT(later.low, 10);
  EXPECT_LT(later.low, 30);
  EXPECT_GT(later.high, 30);
}

// ---- what is promised: looked at after every unit, the truth leaves the interval in at most α of the runs

constexpr int kRuns = 1000;
// Three standard deviations above α: 1000·0.05 + 3·√(1000·0.05·0.95).
constexpr int kMostMisses = 70;

TEST(IntervalsPropertyTest, the_rate_stays_inside_however_often_one_looks) {
  constexpr double kRate = 0.07;
  int misses = 0;
  int naive_misses = 0;  // of the interval of elementary textbooks, looked at as often
  for (int run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(static_cast<std::uint64_t>(run));
    std::bernoulli_distribution hit(kRate);
    Hits hits;
    bool missed = false;
    bool naive = false;
    for (int unit = 0; unit < 1500; ++unit) {
      ++hits.n;
      hits.x += hit(random) ? 1 : 0;
      missed = missed || log_mixture(hits, kRate) >= kLimit;
      const double share = static_cast<double>(hits.x) / static_cast<double>(hits.n);
      const double deviation = std::sqrt(kRate * (1 - kRate) / static_cast<double>(hits.n));
      naive = naive || (hits.n >= 100 && std::abs(share - kRate) > 1.96 * deviation);
    }
    misses += missed ? 1 : 0;
    naive_misses += naive ? 1 : 0;
  }
  EXPECT_LE(misses, kMostMisses);
  EXPECT_GE(misses, 5) << "an interval that never misses is wider than it need be";
  EXPECT_GE(naive_misses, 150) << "the world is one in which looking often does harm";
}

TEST(IntervalsPropertyTest, the_difference_of_two_arms_stays_inside_in_whatever_order_their_units_come) {
  constexpr std::array<double, 2> kRates = {0.05, 0.08};
  int pair_misses = 0;  // the set of pairs: what the interval is made of
  int misses = 0;       // the interval, at some looks
  for (int run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(static_cast<std::uint64_t>(run) + 7000);
    std::array<Hits, 2> arms;
    bool pair_missed = false;
    bool missed = false;
    for (int unit = 1; unit <= 2000; ++unit) {
      const std::size_t arm = std::bernoulli_distribution(0.3)(random) ? 1 : 0;
      ++arms.at(arm).n;
      arms.at(arm).x += std::bernoulli_distribution(kRates.at(arm))(random) ? 1 : 0;
      pair_missed = pair_missed || log_mixture(arms[0], kRates[0]) + log_mixture(arms[1], kRates[1]) >= kLimit;
      if (unit % 1000 != 0 || run % 10 != 0) continue;
      const Interval difference = rate_difference(arms[0], arms[1], kAlpha);
      const double truth = kRates[1] - kRates[0];
      const bool outside = truth < difference.low || truth > difference.high;
      EXPECT_TRUE(!outside || pair_missed) << "the interval holds every pair that is not ruled out";
      missed = missed || outside;
    }
    pair_misses += pair_missed ? 1 : 0;
    misses += missed ? 1 : 0;
  }
  EXPECT_LE(pair_misses, kMostMisses);
  EXPECT_GE(pair_misses, 3);
  EXPECT_LE(misses, 10);  // of the hundred runs that were looked at
}

TEST(IntervalsPropertyTest, the_mean_stays_inside_from_some_hundred_values_on) {
  int misses = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(static_cast<std::uint64_t>(run) + 14'000);
    std::exponential_distribution<double> value(0.5);  // mean 2
    Moments moments;
    bool missed = false;
    for (int unit = 0; unit < 2000; ++unit) {
      const double x = value(random);
      ++moments.n;
      moments.sum += x;
      moments.sum_of_squares += x * x;
      if (moments.n < 300) continue;
      const Interval mean = mean_interval(moments, kAlpha);
      missed = missed || mean.low > 2 || mean.high < 2;
    }
    misses += missed ? 1 : 0;
  }
  EXPECT_LE(misses, kMostMisses);
}

TEST(IntervalsPropertyTest, the_quantile_stays_inside_however_often_one_looks) {
  constexpr std::size_t kBuckets = 60;
  std::vector<double> edges(kBuckets);
  for (std::size_t i = 0; i < kBuckets; ++i) edges[i] = 0.1 * std::pow(1.1, static_cast<double>(i));
  const double truth = -std::log(0.25);  // of the exponential distribution's upper quartile
  int misses = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(static_cast<std::uint64_t>(run) + 21'000);
    std::exponential_distribution<double> value(1);
    std::vector<std::uint64_t> counts(kBuckets);
    bool missed = false;
    for (int unit = 1; unit <= 1000; ++unit) {
      const auto at = std::ranges::lower_bound(edges, value(random)) - edges.begin();
      ++counts[std::min(static_cast<std::size_t>(at), kBuckets - 1)];
      if (unit % 20 != 0) continue;
      const Interval got = quantile_interval({.counts = counts, .edges = edges}, 0.75, kAlpha);
      missed = missed || got.low > truth || got.high < truth;
    }
    misses += missed ? 1 : 0;
  }
  EXPECT_LE(misses, kMostMisses);
}

}  // namespace
}  // namespace marea::decide
