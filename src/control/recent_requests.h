// How many requests a service had within the last hour: whether there is traffic by which a new revision can be judged.
// Fed with the totals that router tells per revision; counts whole minutes. Pure.
//
//   recent.take(load.requests - told_before, now);
//   if (recent.count(now) >= kTraffic) …
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace marea::control {

class RecentRequests {
 public:
  static constexpr std::int64_t kMinutes = 60;
  static constexpr base::Duration kSpan = std::chrono::minutes(kMinutes);

  void take(std::uint64_t requests, base::Instant now) {
    const std::int64_t minute = minute_of(now);
    for (std::int64_t each = std::max(newest_ + 1, minute - kMinutes + 1); each <= minute; ++each) slot(each) = 0;
    newest_ = std::max(newest_, minute);
    slot(newest_) += requests;
  }
  // Of the minute of `now` and the 59 before it.
  std::uint64_t count(base::Instant now) const {
    std::uint64_t out = 0;
    for (std::int64_t each = std::max<std::int64_t>(0, minute_of(now) - kMinutes + 1); each <= newest_; ++each) {
      out += minutes_.at(static_cast<std::size_t>(each % kMinutes));
    }
    return out;
  }

 private:
  static std::int64_t minute_of(base::Instant now) {
    return std::max<std::int64_t>(0, std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count());
  }
  std::uint64_t& slot(std::int64_t minute) {
    return minutes_.at(static_cast<std::size_t>(std::max<std::int64_t>(0, minute) % kMinutes));
  }

  std::array<std::uint64_t, kMinutes> minutes_{};
  std::int64_t newest_ = 0;  // minute that was counted
};

}  // namespace marea::control
