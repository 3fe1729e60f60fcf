// Whether a service burns its error budget: the share of its requests that its app fails, against the share that may
// fail, over a long and a short window at once, so that it is told soon, and only while it lasts (multiwindow,
// multi-burn-rate alerts: The Site Reliability Workbook, chapter 5). Keeps whole minutes, for a day. Pure.
//
//   window.take(requests, failed, now);                  // since it was told last
//   if (const auto burn = window.breach(now, 0.01)) …    // 1 % may fail
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

namespace marea::decide {

// Failures in the short window below which nothing is said: a few of a few requests are no rate.
inline constexpr std::uint64_t kLeastBurnt = 10;

struct Burn {
  double rate = 0;  // times the budget, in the long window
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;
  base::Duration window{};  // the long one
};
std::string to_string(const Burn& burn);  // for people

class BurnWindow {
 public:
  // What came since the last call. Instants do not go back.
  void take(std::uint64_t requests, std::uint64_t failed, base::Instant now);
  // `budget`: the share of requests that may fail, in (0, 1). The fastest burn of those that are reached.
  std::optional<Burn> breach(base::Instant now, double budget) const;

 private:
  static constexpr std::int64_t kMinutes = 24 * 60;
  struct Minute {
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;
  };
  Minute sum(std::int64_t minute, std::int64_t minutes) const;
  Minute& slot(std::int64_t minute) { return minutes_.at(static_cast<std::size_t>(minute % kMinutes)); }

  std::array<Minute, kMinutes> minutes_{};
  std::int64_t newest_ = -1;  // minute that was counted; none
};

}  // namespace marea::decide
