// How many requests a service takes from one client: "50/s burst 100", as marea.dev/rate-limit says it.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace marea::model {

inline constexpr int kMostRate = 1'000'000;   // requests a second from one client: beyond what one machine serves
inline constexpr int kMostBurst = 1'000'000;  // and far from overflow: times a token's hour it stays within 2⁶³ ns

struct RateLimit {
  base::Duration interval{};  // of one request; zero: there is no limit
  int burst = 0;              // so many at once after a rest, ≥ 1
  bool on() const { return interval > base::Duration{0}; }
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// "N/s", "N/m" or "N/h", then optionally "burst M"; without it the burst is what comes in a second, one at least. The
// error is a sentence that ends a fault ("must …").
std::expected<RateLimit, std::string> parse_rate_limit(std::string_view text);

}  // namespace marea::model
