// A Cookie field as router reads and rewrites it: the app never sees our cookies, and gets every other pair in order.
// modules: router net net/http model base
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "must.h"
#include "net/http/codec.h"
#include "net/http/head_writer.h"
#include "router/affinity.h"
#include "router/key_cookie.h"

namespace {

using namespace marea;

constexpr std::string_view kStart = "GET / HTTP/1.1\r\nHost: a\r\nCookie: ";

std::string_view without_spaces(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view name_of(std::string_view pair) {
  return without_spaces(pair.substr(0, pair.find('=')));
}

// The pairs that are not ours.
std::vector<std::string> others(std::string_view value) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t end = std::min(value.find(';', at), value.size());
    const std::string_view pair = without_spaces(value.substr(at, end - at));
    const std::string_view name = name_of(pair);
    const bool ours = (name == router::kAffinityCookie || name == router::kKeyCookie) && pair.find('=') != pair.npos;
    if (!pair.empty() && !ours) out.emplace_back(pair);
    at = end + 1;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  static net::http::RequestHead head;
  const std::string text = std::string(kStart) + std::string(reinterpret_cast<const char*>(data), size) + "\r\n\r\n";
  if (!net::http::parse_request(text, head).value_or(false) || head.fields().size() != 2) return 0;
  static_cast<void>(router::affinity_in(head));
  if (const auto key = router::key_in(head)) {
    MUST(key->size() == 32 && key->find_first_not_of("0123456789abcdef") == key->npos);
    MUST(text.find(*key) != text.npos);
  }
  const net::http::Field field = head.fields()[1];
  static std::array<char, 32768> room;
  net::http::HeadWriter out(room);
  std::string scratch;
  router::forward_cookies(out, field, {.affinity = true, .key = true}, scratch);
  MUST(out.ok());
  std::string_view written = out.view();
  const std::vector<std::string> wanted = others(field.value);
  if (written.empty()) {
    MUST(wanted.empty());
    return 0;
  }
  MUST(written.ends_with("\r\n"));
  written.remove_suffix(2);
  written.remove_prefix(written.find(':') + 1);
  MUST(others(written) == wanted);
  if (written.find("marea_") != written.npos) {  // as a part of something else
    const std::string again = std::string(kStart) + std::string(written) + "\r\n\r\n";
    static net::http::RequestHead second;
    MUST(net::http::parse_request(again, second).value_or(false));
    MUST(router::affinity_in(second) == router::AffinityMarks{});
    MUST(!router::key_in(second));
  }
  return 0;
}
