// What served when, as people read it: parts of `history`, and `whatran`. The printing is pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "app/cli_commands.h"

namespace marea::app {

inline constexpr std::size_t kShownCommit = 12;
inline constexpr std::string_view kChangesSince = "24h";

// `at` and `since` are as moment_of() gives them.
Outcome<Exit> show_instant(Verb& verb, const std::string& name, const std::string& at);
Outcome<Exit> show_timeline(Verb& verb, const std::string& name, const std::string& since);

std::string print_instant(const Json& instant, const Words& words);
std::string print_what_ran(const Json& ran, const Words& words);

}  // namespace marea::app
