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
  const auto value = find_cookie(request, kAffinityCookie);
  const auto words = value ? parse_pair(*value) : std::nullopt;
  return words ? AffinityMarks{.revision = (*words)[0], .instance = (*words)[1]} : AffinityMarks{};
}

void write_affinity(net::http::HeadWriter& out, const AffinityMarks& marks) {
  const Digits revision = hex_of(marks.revision);
  const Digits instance = hex_of(marks.instance);
  out.field("Set-Cookie", {kAffinityCookie, "=", text_of(revision), text_of(instance),
                           "; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax"});
}

}  // namespace marea::router
