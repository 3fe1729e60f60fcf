// The first-party cookie by which a release knows a client again: when it was made, to 20 ms, and 88 random bits. It is
// set for both arms alike, on whatever answers the request but what shared caches may store; one that was set only for
// the canary would drain everybody into it. The app does not get it, no record has it.
//
// Its time tells a key that was made while this router's memory ran, and was counted then, from one that has never been
// counted, without a memory of all that were made: callers who keep no cookies fill none (decide/key_ledger.h).
//
// Nothing proves that a cookie is ours. What a forged one can do: docs/decisions/0047.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "net/http/codec.h"
#include "net/http/head_writer.h"
#include "router/cookies.h"

namespace marea::router {

// As the cookie has it: 32 lower-case hexadecimal digits.
struct ClientKeyText {
  std::array<char, 32> digits{};
  std::string_view view() const { return {digits.data(), digits.size()}; }
};

ClientKeyText key_text_of(std::uint64_t high, std::uint64_t low);
// One of a tick since 1970 (model::kReleaseTick) and random words.
ClientKeyText key_text_of(std::uint64_t tick, std::uint64_t high, std::uint64_t low);
// The tick that a cookie's key says.
std::uint64_t minted_at(std::string_view key);

// 64 well-mixed bits that stand for a key in a table (decide/key_table.h), never zero; the secret keeps callers from
// choosing keys that meet there.
std::uint64_t key_fingerprint(std::uint64_t secret, std::string_view key);

// New keys, from the kernel's generator alone, so that nothing else which router says tells one. One thread's.
class KeyMint {
 public:
  // `tick`: now.
  ClientKeyText next(std::uint64_t tick);

 private:
  std::array<std::uint64_t, 32> words_{};
  std::size_t used_ = 32;  // fetched and given
};

// The key of the request's cookie; nothing where there is none, or none that we could have made. Of several the first
// such counts.
std::optional<std::string_view> key_in(const net::http::RequestHead& request);

// One Set-Cookie: for this host alone, for 30 days, not for scripts, not with requests that other sites cause.
void write_key(net::http::HeadWriter& out, const ClientKeyText& key);

}  // namespace marea::router
