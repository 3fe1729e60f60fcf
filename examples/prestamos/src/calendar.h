// Days and instants as text: 2026-11-26 and 2026-11-26T09:30:00Z.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace prestamos {

// Seconds since 1970, UTC.
using Instant = std::int64_t;

std::string instant_text(Instant instant);
std::string day_text(Instant instant);

// `day` so many months later; a month without that day has its last one instead: January 31 + 1 is February 28 or 29.
std::string months_later(std::string_view day, int months);

}  // namespace prestamos
