#include "router/key_cookie.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "router/mix.h"

namespace marea::router {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr unsigned kRandomBits = 24;  // of the first word; the time before them lasts until the year 2667

}  // namespace

ClientKeyText key_text_of(std::uint64_t high, std::uint64_t low) {
  ClientKeyText out;
  for (std::size_t i = 0; i < 16; ++i) {
    out.digits.at(i) = kHex[(high >> (60U - 4 * i)) & 15U];
    out.digits.at(i + 16) = kHex[(low >> (60U - 4 * i)) & 15U];
  }
  return out;
}

ClientKeyText key_text_of(std::uint64_t tick, std::uint64_t high, std::uint64_t low) {
  return key_text_of(tick << kRandomBits | (high & ((std::uint64_t{1} << kRandomBits) - 1)), low);
}

std::uint64_t minted_at(std::string_view key) {
  std::uint64_t tick = 0;
  constexpr std::size_t kDigits = (64 - kRandomBits) / 4;
  for (const char digit : key.substr(0, kDigits)) tick = tick << 4U | (kHex.find(digit) & 15U);
  return tick;
}

std::uint64_t key_fingerprint(std::uint64_t secret, std::string_view key) {
  std::uint64_t out = mix(secret, key.size());
  while (!key.empty()) {
    std::uint64_t word = 0;
    const std::size_t bytes = std::min(key.size(), sizeof word);
    std::memcpy(&word, key.data(), bytes);
    key.remove_prefix(bytes);
    out = mix(out ^ word, secret);
  }
  return out == 0 ? 1 : out;
}

ClientKeyText KeyMint::next(std::uint64_t tick) {
  if (used_ == words_.size()) {
    base::SystemRandom::fill(words_);
    used_ = 0;
  }
  const std::uint64_t high = words_.at(used_++);
  return key_text_of(tick, high, words_.at(used_++));
}

std::optional<std::string_view> key_in(const net::http::RequestHead& request) {
  return find_cookie(request, kKeyCookie, [](std::string_view value) {
    return value.size() == ClientKeyText{}.digits.size() && value.find_first_not_of(kHex) == std::string_view::npos;
  });
}

void write_key(net::http::HeadWriter& out, const ClientKeyText& key) {
  out.field("Set-Cookie", {kKeyCookie, "=", key.view(), "; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax"});
}

}  // namespace marea::router
