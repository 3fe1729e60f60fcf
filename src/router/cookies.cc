#include "router/cookies.h"

namespace marea::router {

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view next_pair(std::string_view& rest) {
  const std::size_t end = rest.find(';');
  const std::string_view pair = without_spaces(rest.substr(0, end));
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return pair;
}

std::optional<std::string_view> value_in(std::string_view pair, std::string_view name) {
  const std::size_t sign = pair.find('=');
  if (sign == std::string_view::npos || without_spaces(pair.substr(0, sign)) != name) return std::nullopt;
  return without_spaces(pair.substr(sign + 1));
}

void forward_cookies(net::http::HeadWriter& out, const net::http::Field& field, OwnCookies own, std::string& scratch) {
  const auto ours = [&](std::string_view pair) {
    return (own.affinity && value_in(pair, kAffinityCookie)) || (own.key && value_in(pair, kKeyCookie));
  };
  scratch.clear();
  bool found = false;
  bool last = false;  // the last pair is ours
  for (std::string_view rest = field.value; !rest.empty();) {
    const std::string_view before = rest;
    last = ours(next_pair(rest));
    found = found || last;
    // With what separates it: the head must not grow, which the app's server might refuse.
    if (!last) scratch += before.substr(0, before.size() - rest.size());
  }
  if (!found) {
    out.forward(field);
    return;
  }
  std::string_view left = without_spaces(scratch);
  if (last && left.ends_with(';')) left = without_spaces(left.substr(0, left.size() - 1));
  if (!left.empty()) out.field(field.name, left);
}

}  // namespace marea::router
