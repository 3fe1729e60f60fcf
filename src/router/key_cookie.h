// The first-party cookie by which a release knows a client again: 128 random bits, nothing else. It is set for both
// arms alike, on whatever answers the request; one that was set only for the canary would drain everybody into it. The
// app does not get it, no record has it.
//
// Whoever makes one up chooses his arm, and shares what is counted of a key with whoever has the same one; neither is
// worth a check. A cookie that is only now set counts for nobody: its key enters when it comes back, so that callers
// who keep no cookies fill no memory.
#pragma once

#include <array>
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

// The key of the request's cookie; nothing where there is none, or none that we could have made. Of several the first
// such counts.
std::optional<std::string_view> key_in(const net::http::RequestHead& request);

// One Set-Cookie: for this host alone, for 30 days, not for scripts, not with requests that other sites cause.
void write_key(net::http::HeadWriter& out, const ClientKeyText& key);

}  // namespace marea::router
