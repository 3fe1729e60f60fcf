// The kinds of characters that more than one of the parsers here asks for. ASCII alone, whatever the locale.
#pragma once

#include <algorithm>
#include <string_view>

namespace marea::model {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A token (RFC 9110 §5.6.2): what names of headers, cookies and methods are.
constexpr bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kMarks.contains(c);
  });
}

}  // namespace marea::model
