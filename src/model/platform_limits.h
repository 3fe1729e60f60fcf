// The limits of the platform that a person may set: `marea serve --limit NAME=VALUE`, once for each. One table has the
// name, the default, the bounds and the reason of every one; docs/limits.md tells them together with those that are
// fixed, and tests/house compares the two. Who reaches one is answered as the table says, and each time is counted
// (marea_limit_hits_total).
//
//   const auto limits = parse_limits({"queue-requests=100", "idle-time=30s"});   // or all faults at once
//   if (waiting >= (*limits)[Limit::queue_requests]) …
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace marea::model {

enum class Limit : std::uint8_t {
  // router
  connections,
  connections_per_client,
  idle_time,
  head_time,
  tunnel_idle_time,
  body_bytes,
  queue_requests,
  queue_bytes,
  queue_time,
  total_queue_bytes,
  buffer_bytes,
  // engine
  memory_reserve,
  starts_per_cpu,
  // control
  api_requests,
  pull_bytes,
  pull_time,
  pull_silence,
  image_disk,
  // logs
  log_bytes,
  // not set by a person, but counted: a service's own rate limit
  client_rate,
};
inline constexpr std::size_t kLimits = static_cast<std::size_t>(Limit::client_rate) + 1;

enum class LimitUnit : std::uint8_t { count, bytes, seconds, percent };

struct LimitRow {
  Limit limit = Limit::connections;
  std::string_view name;  // as on the command line and in the label of the metric
  LimitUnit unit = LimitUnit::count;
  std::int64_t value = 0;  // unless it is set
  std::int64_t least = 0;
  std::int64_t most = 0;
};
const std::array<LimitRow, kLimits>& limit_rows();
const LimitRow& row_of(Limit limit);

class PlatformLimits {
 public:
  PlatformLimits();
  std::int64_t operator[](Limit limit) const { return values_[static_cast<std::size_t>(limit)]; }
  // Of a limit in seconds.
  base::Duration time(Limit limit) const { return std::chrono::seconds((*this)[limit]); }
  // Within the row's bounds.
  void set(Limit limit, std::int64_t value) { values_[static_cast<std::size_t>(limit)] = value; }
  friend bool operator==(const PlatformLimits&, const PlatformLimits&) = default;

 private:
  std::array<std::int64_t, kLimits> values_;
};

// Words "NAME=VALUE"; a later one of the same name wins. Bytes as in a manifest ("64Mi"), times as "90", "90s", "5m" or
// "1h". The error has a sentence per fault.
std::expected<PlatformLimits, std::vector<std::string>> parse_limits(const std::vector<std::string>& words);

// The words for what differs from the defaults.
std::vector<std::string> print_limits(const PlatformLimits& limits);

}  // namespace marea::model
