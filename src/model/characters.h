// The kinds of characters that more than one of the parsers here asks for. ASCII alone, whatever the locale.
#pragma once

namespace marea::model {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace marea::model
