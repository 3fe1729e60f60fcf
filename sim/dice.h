// Everything that is left to chance in a world, from one seed.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/clock.h"
#include "base/random.h"

namespace marea::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  base::Random& random() { return random_; }
  // 0 … sides - 1; sides ≥ 1.
  int roll(int sides) { return static_cast<int>(random_.next() % static_cast<std::uint64_t>(sides)); }
  // [0, 1)
  double fraction() { return static_cast<double>(random_.next() >> 11U) * 0x1.0p-53; }
  bool chance(double probability) { return fraction() < probability; }
  base::Duration between(base::Duration least, base::Duration most) { return least + scaled(most - least, fraction()); }
  // Exponentially distributed.
  base::Duration around(base::Duration mean) { return scaled(mean, -std::log(1.0 - fraction())); }

 private:
  static base::Duration scaled(base::Duration duration, double by) {
    return base::Duration(static_cast<base::Duration::rep>(static_cast<double>(duration.count()) * by));
  }
  base::SeededRandom random_;
};

}  // namespace marea::sim
