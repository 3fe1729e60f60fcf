#include "decide/slower_shape.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace marea::decide {
namespace {

model::LatencyShape empty_shape() {
  return {.buckets = std::vector<std::uint32_t>(model::kLatencyBuckets)};
}

// The bucket of a latency, by the edges of model/release_counts.h.
std::size_t histogram_bucket(double latency_ms) {
  const double edge = std::ceil(std::log(latency_ms) / std::log(1.15) * 5 + 40);
  return static_cast<std::size_t>(std::clamp(edge, 0.0, model::kLatencyBuckets - 1.0));
}

void put(model::LatencyShape& shape, double latency_ms) {
  ++shape.buckets.at(histogram_bucket(latency_ms));
}

model::ReleaseCounts shapes(std::uint32_t step) {
  return {.step = step, .closed = 1, .stable_shape = empty_shape(), .canary_shape = empty_shape()};
}

// The equation of slower_shape.h solved apart. For α = 0.05: with C = 8.1227 its right side is least at η = 1.00874,
// where γ² = 2/1.00874 · (0.85 - √(2 · 0.00874/8.1227))² = 1.28039 and 4 · e^(-1.28039 · 8.1227) · (1 + 1/(0.28039 ·
// ln 1.00874)) = 4 · 3.0426e-5 · 410.84 = 0.05000; at η = 1.0077 and 1.0098 it is 0.0502. For α = 0.1: C = 7.6230, η
// = 1.00892, γ² = 1.27384, 4 · 6.0645e-5 · 412.22 = 0.10000. The paper's authors' own implementation (confseq) gives
// the same values.
TEST(SlowerShape, the_constant_solves_the_equation_for_any_alpha) {
  EXPECT_NEAR(band_constant(0.1), 7.623, 0.001);
  EXPECT_NEAR(band_constant(0.05), 8.123, 0.001);
  EXPECT_NEAR(band_constant(0.02), 8.784, 0.001);
  EXPECT_NEAR(band_constant(0.01), 9.284, 0.001);
  EXPECT_NEAR(band_constant(0.001), 10.943, 0.001);
}

// 0.85 · √((ln(1 + ln 10,000) + 8.1227) / 10,000) = 0.027472; of 100: 0.266721.
TEST(SlowerShape, the_band_narrows_with_the_root_of_the_observations) {
  EXPECT_NEAR(band(10'000, 8.1227), 0.0274724, 1e-6);
  EXPECT_NEAR(band(100, 8.1227), 0.2667211, 1e-6);
  EXPECT_EQ(band(0, 8.1227), 1);
  EXPECT_EQ(band(1, 8.1227), 1);
}

TEST(SlowerShape, a_tolerance_of_fifteen_percent_is_five_buckets) {
  EXPECT_EQ(shift_of(1), 0);
  EXPECT_EQ(shift_of(1.02), 1);
  EXPECT_EQ(shift_of(1.15), 5);
  EXPECT_EQ(shift_of(1.15 * 1.15), 10);
  EXPECT_EQ(shift_of(1.16), 6) << "the next larger";
}

TEST(SlowerShape, the_distance_is_the_largest_on_any_edge) {
  model::LatencyShape stable = empty_shape();
  model::LatencyShape canary = empty_shape();
  stable.buckets[100] = 5;
  stable.buckets[101] = 5;
  canary.buckets[100] = 1;
  canary.buckets[110] = 3;
  EXPECT_DOUBLE_EQ(shape_distance(stable, canary, 0), 0.75) << "above bucket 101 all of stable, a quarter of canary";
  EXPECT_DOUBLE_EQ(shape_distance(stable, canary, 9), 0.25) << "stable's half at 109";
  EXPECT_DOUBLE_EQ(shape_distance(stable, canary, 10), 0) << "at 110 all of canary";
  EXPECT_DOUBLE_EQ(shape_distance(canary, stable, 0), 0) << "the canary is nowhere the faster";
  canary.buckets.assign(model::kLatencyBuckets, 0);
  canary.buckets.back() = 4;
  EXPECT_DOUBLE_EQ(shape_distance(stable, canary, 5), 1) << "what is longer than all edges is slower";
  stable = canary;
  EXPECT_DOUBLE_EQ(shape_distance(stable, canary, 5), 0);
}

// Latencies of a log-normal of sigma 0.5; a canary and nine times as many of stable, told every hundred.
std::optional<int> observations_until_it_falls(double factor, std::uint64_t seed, int most) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> latency(std::log(30), 0.5);
  ShapeTest test(1.15, 0.05);
  ShapeState state;
  model::ReleaseCounts counts = shapes(0);
  for (int canary = 100; canary <= most; canary += 100) {
    for (int i = 0; i < 100; ++i) put(counts.canary_shape, latency(random) * factor);
    for (int i = 0; i < 900; ++i) put(counts.stable_shape, latency(random));
    test.eat(state, counts);
    if (state.fell_at) return canary;
  }
  return std::nullopt;
}

TEST(SlowerShape, shifts_within_the_tolerance_never_fall_and_larger_ones_do) {
  int fell = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    fell += observations_until_it_falls(1.02, seed, 5000) ? 1 : 0;
    fell += observations_until_it_falls(1.14, seed, 5000) ? 1 : 0;
  }
  EXPECT_EQ(fell, 0) << "the band is far from tight: 5 % are allowed";
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    EXPECT_TRUE(observations_until_it_falls(1.5, seed, 5000)) << seed;
    EXPECT_TRUE(observations_until_it_falls(2, seed, 1000)) << seed;
  }
}

TEST(SlowerShape, a_step_begins_anew_with_a_smaller_part_of_alpha) {
  ShapeTest test(1.15, 0.02);
  ShapeState state;
  model::ReleaseCounts counts = shapes(1);
  counts.stable_shape.buckets[50] = counts.canary_shape.buckets[50] = 1000;
  test.eat(state, counts);
  // α/2 for the first step, half of it for each arm.
  EXPECT_NEAR(state.reach, 2 * band(1000, band_constant(0.005)), 1e-9);
  counts.step = 2;
  test.eat(state, counts);
  EXPECT_NEAR(state.reach, 2 * band(1000, band_constant(0.02 / 12)), 1e-9);
  counts.memory = 1;
  test.eat(state, counts);
  EXPECT_NEAR(state.reach, 2 * band(1000, band_constant(0.02 / 24)), 1e-9) << "router began anew";
  ShapeTest next_life(1.15, 0.02);
  ShapeState same = state;
  next_life.eat(same, counts);
  EXPECT_EQ(same, state);
}

TEST(SlowerShape, without_observations_of_an_arm_it_says_nothing) {
  ShapeTest test(1.15, 0.02);
  ShapeState state;
  model::ReleaseCounts counts = shapes(0);
  counts.canary_shape.buckets[200] = 100'000;
  test.eat(state, counts);
  counts.stable_shape.buckets.clear();
  test.eat(state, counts);
  EXPECT_EQ(state.distance, 0);
  EXPECT_FALSE(state.fell_at);
}

TEST(SlowerShape, the_objective_is_learnt_from_the_95th_percentile_of_stable) {
  model::LatencyShape stable = empty_shape();
  for (int i = 0; i < 189; ++i) put(stable, 10);
  put(stable, 80);
  EXPECT_FALSE(learnt_objective(stable)) << "190 are too few";
  put(stable, 80);
  for (int i = 0; i < 9; ++i) put(stable, 500);
  // 190 of 200 are at most 80 ms: an edge of at most a bucket more, times 1.5 rounded up by at most a bucket.
  const double latency_ms = std::chrono::duration<double, std::milli>(learnt_objective(stable).value()).count();
  EXPECT_GE(latency_ms, 80 * 1.5);
  EXPECT_LE(latency_ms, 80 * 1.5 * std::pow(1.15, 2 / 5.0));
}

}  // namespace
}  // namespace marea::decide
