// Random numbers of a world, all from one seed, where time is a number of seconds (dice.h: where it is a duration).
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "base/random.h"

namespace marea::sim {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  // [0, 1)
  double unit() { return static_cast<double>(random_.next() >> 11U) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * unit(); }
  double log_between(double low, double high) { return low * std::pow(high / low, unit()); }
  int whole(int low, int high) { return low + static_cast<int>(unit() * (high - low + 1)); }
  double exponential(double mean) { return -mean * std::log(1 - unit()); }
  double normal() { return std::sqrt(-2 * std::log(1 - unit())) * std::cos(2 * std::numbers::pi * unit()); }
  double log_normal(double median, double sigma) { return median * std::exp(sigma * normal()); }
  std::uint64_t next() { return random_.next(); }

 private:
  base::SeededRandom random_;
};

}  // namespace marea::sim
