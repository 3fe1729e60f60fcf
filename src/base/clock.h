// Time. Inside marea all time is monotonic: a jump of the wall clock changes no decision. Instants are passed into
// decisions as `now`; only main() owns a real clock, tests and the simulator own one they move by hand.
#pragma once

#include <chrono>
#include <cstdint>

namespace marea::base {

using Duration = std::chrono::nanoseconds;

// A moment on the monotonic clock of this boot; differences are meaningful, absolute values are not.
struct MonotonicTag {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicTag, Duration>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicTag::time_point;

// Wall-clock time as nanoseconds since 1970-01-01 UTC: for people and records only.
struct WallTime {
  std::int64_t unix_ns = 0;
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
};

// The operating system's clocks (CLOCK_MONOTONIC, CLOCK_REALTIME).
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall() const override;
};

// A clock that stands still until it is moved.
class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override { return wall_; }
  void advance(Duration by) {
    now_ += by;
    wall_.unix_ns += by.count();
  }

 private:
  Instant now_{std::chrono::seconds(1)};
  WallTime wall_{1'700'000'000'000'000'000};
};

}  // namespace marea::base
