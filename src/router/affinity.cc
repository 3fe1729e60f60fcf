#include "router/affinity.h"

#include <openssl/evp.h>

#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/replace_file.h"

namespace marea::router {
namespace {

constexpr std::size_t kMarkDigits = 16;

using Digits = std::array<char, kMarkDigits>;

Digits hex_of(std::uint64_t value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  Digits out;
  for (std::size_t i = 0; i < kMarkDigits; ++i) out.at(i) = kHex[(value >> (60U - 4 * i)) & 15U];
  return out;
}

std::string_view text_of(const Digits& digits) {
  return {digits.data(), digits.size()};
}

// Two numbers of 16 lower-case hexadecimal digits.
std::optional<std::array<std::uint64_t, 2>> parse_pair(std::string_view text) {
  if (text.size() != 2 * kMarkDigits) return std::nullopt;
  std::array<std::uint64_t, 2> out{};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string_view half = text.substr(i * kMarkDigits, kMarkDigits);
    if (half.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    std::from_chars(half.data(), half.data() + half.size(), out.at(i), 16);
  }
  return out;
}

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the next pair off the front of a Cookie field's value (RFC 6265 §4.2.1), leniently.
std::string_view next_pair(std::string_view& rest) {
  const std::size_t end = rest.find(';');
  const std::string_view pair = without_spaces(rest.substr(0, end));
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return pair;
}

// The value when the pair is ours.
std::optional<std::string_view> ours(std::string_view pair) {
  const std::size_t sign = pair.find('=');
  if (sign == std::string_view::npos || without_spaces(pair.substr(0, sign)) != kAffinityCookie) return std::nullopt;
  return without_spaces(pair.substr(sign + 1));
}

}  // namespace

std::uint64_t AffinityKey::mark(std::string_view name) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
  std::size_t length = 0;
  EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, words_.data(), sizeof words_,
            reinterpret_cast<const unsigned char*>(name.data()), name.size(), code.data(), code.size(), &length);
  std::uint64_t mark = 0;
  std::memcpy(&mark, code.data(), sizeof mark);
  return mark == 0 ? 1 : mark;
}

base::Result<AffinityKey> AffinityKey::load_or_make(const std::string& path, AffinityKey fresh) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  if (file && std::getline(file, line)) {
    if (const auto words = parse_pair(line)) return AffinityKey((*words)[0], (*words)[1]);
  }
  std::string text;
  for (const std::uint64_t word : fresh.words_) text += text_of(hex_of(word));
  if (auto kept = base::replace_file(path, text + "\n", base::Durable::yes); !kept) {
    return base::fail(std::move(kept.error()));
  }
  return fresh;
}

AffinityMarks affinity_in(const net::http::RequestHead& request) {
  for (const net::http::Field& field : request.fields()) {
    if (!net::http::same_token(field.name, "cookie")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const auto value = ours(next_pair(rest));
      if (!value) continue;
      const auto words = parse_pair(*value);
      return words ? AffinityMarks{.revision = (*words)[0], .instance = (*words)[1]} : AffinityMarks{};
    }
  }
  return {};
}

void write_affinity(net::http::HeadWriter& out, const AffinityMarks& marks) {
  const Digits revision = hex_of(marks.revision);
  const Digits instance = hex_of(marks.instance);
  out.field("Set-Cookie", {kAffinityCookie, "=", text_of(revision), text_of(instance),
                           "; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax"});
}

void forward_cookies(net::http::HeadWriter& out, const net::http::Field& field, std::string& scratch) {
  scratch.clear();
  bool found = false;
  bool last = false;  // the last pair is ours
  for (std::string_view rest = field.value; !rest.empty();) {
    const std::string_view before = rest;
    last = ours(next_pair(rest)).has_value();
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
