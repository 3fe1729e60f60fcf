// When who asks, before anybody has answered: the same for each rule that a scenario is tried with. A request carries
// all the chance that it will meet, so that what differs between two rules is what they did.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "sim/chance.h"
#include "sim/releases/people.h"
#include "sim/releases/scenario.h"

namespace marea::sim::releases {

inline constexpr std::uint32_t kStranger = ~std::uint32_t{0};

struct Request {
  base::Duration at{};       // since the canary can take requests
  std::uint32_t user = 0;    // of People, or kStranger
  std::uint64_t chance = 0;  // what will happen to it follows from this alone, and from who serves it
  int tries = 0;             // before this one
};

// Numbers in [0, 1), any number of them, from a request's chance.
class Draws {
 public:
  explicit Draws(std::uint64_t state) : state_(state) {}
  std::uint64_t word() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  double unit() { return static_cast<double>(word() >> 11U) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

// Of the average rate, at a second of the release.
double load_at(LoadShape shape, double second);

class Traffic {
 public:
  Traffic(const Scenario& scenario, const People& people, std::uint64_t seed);
  // Ascending in time, without end.
  const Request& next() const { return next_; }
  void advance();

 private:
  const Scenario& scenario_;
  const People& people_;
  Chance chance_;
  double second_ = 0;
  double rate_ = 0;  // in the second that runs
  Request next_;
};

}  // namespace marea::sim::releases
