// Which marea this is.
#pragma once

#include <string_view>

namespace marea::app {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace marea::app
