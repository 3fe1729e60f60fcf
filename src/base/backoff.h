// Waiting longer after each failure: first, first·factor, … up to most; reset() after a success. Value type.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace marea::base {

class Backoff {
 public:
  struct Options {
    Duration first;
    Duration most;
    int factor = 2;
  };
  explicit constexpr Backoff(Options options) : options_(options), next_(options.first) {}

  // The wait before the next attempt; each call lengthens the one after it.
  constexpr Duration next() {
    const Duration wait = next_;
    next_ = std::min(options_.most, next_ * options_.factor);
    return wait;
  }
  constexpr void reset() { next_ = options_.first; }

 private:
  Options options_;
  Duration next_;
};

}  // namespace marea::base
