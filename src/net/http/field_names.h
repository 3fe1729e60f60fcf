// Recognises the names of FieldName. Internal to net/http: the parser wants it inlined.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "net/http/codec.h"

namespace marea::net::http {

template <class Word>
inline Word folded(const char* p) {
  Word word = 0;
  std::memcpy(&word, p, sizeof word);
  return static_cast<Word>(word | static_cast<Word>(0x2020202020202020ULL));
}

// Whether the N characters at p are `lower`, a text of lower-case letters and '-', in any case. Exact for tokens only:
// setting bit 0x20 also maps CR to '-'.
template <std::size_t N>
inline bool reads(const char* p, const char (&lower)[N]) {
  constexpr std::size_t kLength = N - 1;
  const auto same = [&]<class Word>(Word /*type*/, std::size_t at) {
    return folded<Word>(p + at) == folded<Word>(static_cast<const char*>(lower) + at);
  };
  if constexpr (kLength > 16) {
    return same(std::uint64_t{}, 0) && same(std::uint64_t{}, 8) && same(std::uint64_t{}, kLength - 8);
  } else if constexpr (kLength >= 8) {
    return same(std::uint64_t{}, 0) && same(std::uint64_t{}, kLength - 8);
  } else if constexpr (kLength >= 4) {
    return same(std::uint32_t{}, 0) && same(std::uint32_t{}, kLength - 4);
  } else {
    static_assert(kLength == 2);
    return same(std::uint16_t{}, 0);
  }
}

// `name` is a token.
inline FieldName classify(std::string_view name) {
  const char* p = name.data();
  switch (name.size()) {
    case 2: return reads(p, "te") ? FieldName::te : FieldName::other;
    case 4: return reads(p, "host") ? FieldName::host : FieldName::other;
    case 5: return reads(p, "proxy") ? FieldName::proxy : FieldName::other;
    case 6: return reads(p, "expect") ? FieldName::expect : FieldName::other;
    case 7:
      if (reads(p, "upgrade")) return FieldName::upgrade;
      return reads(p, "trailer") ? FieldName::trailer : FieldName::other;
    case 9: return reads(p, "forwarded") ? FieldName::forwarded : FieldName::other;
    case 10:
      if (reads(p, "connection")) return FieldName::connection;
      if (reads(p, "tracestate")) return FieldName::tracestate;
      return reads(p, "keep-alive") ? FieldName::keep_alive : FieldName::other;
    case 11: return reads(p, "traceparent") ? FieldName::traceparent : FieldName::other;
    case 12: return reads(p, "x-request-id") ? FieldName::x_request_id : FieldName::other;
    case 14:
      if (reads(p, "content-length")) return FieldName::content_length;
      return reads(p, "http2-settings") ? FieldName::http2_settings : FieldName::other;
    case 15: return reads(p, "x-forwarded-for") ? FieldName::x_forwarded_for : FieldName::other;
    case 16:
      if (reads(p, "x-forwarded-host")) return FieldName::x_forwarded_host;
      return reads(p, "proxy-connection") ? FieldName::proxy_connection : FieldName::other;
    case 17:
      if (reads(p, "transfer-encoding")) return FieldName::transfer_encoding;
      return reads(p, "x-forwarded-proto") ? FieldName::x_forwarded_proto : FieldName::other;
    default: return FieldName::other;
  }
}

inline bool ends_at_proxy(FieldName id) {
  switch (id) {
    case FieldName::connection:
    case FieldName::keep_alive:
    case FieldName::proxy_connection:
    case FieldName::proxy:
    case FieldName::http2_settings:
    case FieldName::te:
    case FieldName::transfer_encoding:
    case FieldName::upgrade: return true;
    case FieldName::other:
    case FieldName::host:
    case FieldName::content_length:
    case FieldName::expect:
    case FieldName::trailer:
    case FieldName::traceparent:
    case FieldName::tracestate:
    case FieldName::forwarded:
    case FieldName::x_forwarded_for:
    case FieldName::x_forwarded_host:
    case FieldName::x_forwarded_proto:
    case FieldName::x_request_id: return false;
  }
  return false;
}

}  // namespace marea::net::http
