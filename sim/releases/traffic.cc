#include "sim/releases/traffic.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace marea::sim::releases {

double load_at(LoadShape shape, double second) {
  switch (shape) {
    case LoadShape::steady: return 1;
    case LoadShape::wave: return 1 - 0.9 * std::cos(2 * std::numbers::pi * second / 480);
    case LoadShape::ramp: return std::min(1.9, 0.1 + 1.8 * second / 720);
    case LoadShape::spikes: return std::fmod(second, 74) < 70 ? 0.3 : 13;
  }
  return 1;
}

Traffic::Traffic(const Scenario& scenario, const People& people, std::uint64_t seed)
    : scenario_(scenario), people_(people), chance_(seed), rate_(scenario.load.rate * load_at(scenario.load.shape, 0)) {
  advance();
}

// Arrivals at random at a rate that changes at whole seconds.
void Traffic::advance() {
  for (double wait = chance_.exponential(1);;) {
    const double end = std::floor(second_) + 1;
    const double room = rate_ * (end - second_);
    if (wait < room) {
      second_ += wait / rate_;
      break;
    }
    wait -= room;
    second_ = end;
    rate_ = scenario_.load.rate * load_at(scenario_.load.shape, second_);
  }
  const bool stranger = scenario_.crowd.cookieless > 0 && chance_.unit() < scenario_.crowd.cookieless;
  next_ = {.at = base::Duration(static_cast<std::int64_t>(second_ * 1e9)),
           .user = stranger ? kStranger : people_.pick(chance_.unit()),
           .chance = chance_.next()};
}

}  // namespace marea::sim::releases
