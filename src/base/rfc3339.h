// Moments as people and programs write them (RFC 3339, section 5.6): the other direction of rfc3339() in base/log.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace marea::base {

// "2026-11-23T08:00:00.123Z", "2026-11-23T09:00:00+01:00": nanoseconds since 1970. Digits of a second beyond the ninth
// are passed over; a leap second is the next one. Nothing: it is no such moment, or beyond 1970 to 2200.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace marea::base
