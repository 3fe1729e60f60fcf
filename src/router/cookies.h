// Cookie fields of requests (RFC 6265 §4.2.1), read leniently, and marea's own cookies among them: which there are, and
// that the app does not get them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/http/codec.h"
#include "net/http/head_writer.h"

namespace marea::router {

inline constexpr std::string_view kAffinityCookie = "marea_affinity";  // affinity.h
inline constexpr std::string_view kKeyCookie = "marea_key";            // key_cookie.h

// Those of ours that a service's requests may have. Elsewhere cookies of these names pass like any other.
struct OwnCookies {
  bool affinity = false;
  bool key = false;
  bool any() const { return affinity || key; }
};

std::string_view without_spaces(std::string_view text);

// Takes the next pair off the front of a Cookie field's value.
std::string_view next_pair(std::string_view& rest);

// The value of a pair of that name.
std::optional<std::string_view> value_in(std::string_view pair, std::string_view name);

// The value of the first cookie of that name for which `use` is true.
template <class Use>
std::optional<std::string_view> find_cookie(const net::http::RequestHead& request, std::string_view name, Use use) {
  for (const net::http::Field& field : request.fields()) {
    if (!net::http::same_token(field.name, "cookie")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const auto value = value_in(next_pair(rest), name);
      if (value && use(*value)) return value;
    }
  }
  return std::nullopt;
}
inline std::optional<std::string_view> find_cookie(const net::http::RequestHead& request, std::string_view name) {
  return find_cookie(request, name, [](std::string_view) { return true; });
}

// A Cookie field as the app gets it: without those of ours, or nothing when there are no others. `scratch` is only
// there to be reused.
void forward_cookies(net::http::HeadWriter& out, const net::http::Field& field, OwnCookies own, std::string& scratch);

}  // namespace marea::router
