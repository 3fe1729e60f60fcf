// Moments on the command line: RFC 3339, or how long ago. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "app/cli_failure.h"
#include "app/cli_text.h"

namespace marea::app {

// "2026-11-26T13:00:00Z"; "90s", "15m", "2h" before `now`. Nothing: neither.
std::optional<std::int64_t> moment_before(std::string_view text, std::int64_t now_unix_ns);

// The option's moment as the API takes it, escaped; nothing when it is not given.
Outcome<std::optional<std::string>> moment_of(const std::optional<std::string>& text, std::string_view option,
                                              const Words& words);

}  // namespace marea::app
