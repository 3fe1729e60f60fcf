#include "base/clock.h"

#include <ctime>

namespace marea::base {
namespace {

std::int64_t read_ns(clockid_t id) {
  timespec ts{};
  ::clock_gettime(id, &ts);
  return std::int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec;
}

}  // namespace

Instant SystemClock::now() const {
  return Instant(Duration(read_ns(CLOCK_MONOTONIC)));
}

WallTime SystemClock::wall() const {
  return WallTime{read_ns(CLOCK_REALTIME)};
}

}  // namespace marea::base
