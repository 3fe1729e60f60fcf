// Character classes of HTTP's grammar (RFC 9110 §5.6) and the scans built on them. Internal to net/http.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace marea::net::http::text {

inline constexpr std::uint8_t kToken = 1;  // tchar
inline constexpr std::uint8_t kHost = 2;   // of a name or IPv4 address: no '%', no ','
inline constexpr std::uint8_t kDigit = 4;
inline constexpr std::uint8_t kHex = 8;
inline constexpr std::uint8_t kTarget = 16;  // visible ASCII without '#'
inline constexpr std::uint8_t kPlain = 64;   // of a token: letters, digits and '-'
inline constexpr std::uint8_t kText = 32;    // field-content, obs-text and HTAB included

inline constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool digit = c >= '0' && c <= '9';
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool hex = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    const bool visible = c > 0x20 && c < 0x7F;
    const auto in = [c](std::string_view set) { return c < 0x80 && set.find(static_cast<char>(c)) != set.npos; };
    unsigned bits = 0;
    if (digit || alpha || in("!#$%&'*+-.^_`|~")) bits |= kToken;
    if (digit || alpha || in("-._~")) bits |= kHost;
    if (digit || alpha || c == '-') bits |= kPlain;
    if (digit) bits |= kDigit;
    if (hex) bits |= kHex;
    if (visible && c != '#') bits |= kTarget;
    if (c == '\t' || (c >= 0x20 && c != 0x7F)) bits |= kText;
    table[c] = static_cast<std::uint8_t>(bits);
  }
  return table;
}();

inline bool is(char c, std::uint8_t of) {
  return (kClasses[static_cast<unsigned char>(c)] & of) != 0;
}

inline bool all(std::string_view text, std::uint8_t of) {
  for (const char c : text) {
    if (!is(c, of)) return false;
  }
  return true;
}

// The first character that is not of the class, or `end`.
inline const char* skip(const char* p, const char* end, std::uint8_t of) {
  while (p != end && is(*p, of)) ++p;
  return p;
}

// skip(…, kText), 16 bytes at a time.
inline const char* skip_text(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i space = _mm_set1_epi8(0x20);
  const __m128i del = _mm_set1_epi8(0x7F);
  const __m128i tab = _mm_set1_epi8('\t');
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i printable = _mm_cmpeq_epi8(_mm_max_epu8(bytes, space), bytes);
    const __m128i allowed =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, del), printable), _mm_cmpeq_epi8(bytes, tab));
    const unsigned stops = ~static_cast<unsigned>(_mm_movemask_epi8(allowed)) & 0xFFFFU;
    if (stops != 0) return p + __builtin_ctz(stops);
    p += 16;
  }
#endif
  return skip(p, end, kText);
}

// skip(…, kTarget), 16 bytes at a time.
inline const char* skip_target(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i space = _mm_set1_epi8(0x20);
  const __m128i del = _mm_set1_epi8(0x7F);
  const __m128i hash = _mm_set1_epi8('#');
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Signed comparison: bytes from 0x80 are negative and thereby refused.
    const __m128i visible = _mm_and_si128(_mm_cmpgt_epi8(bytes, space), _mm_cmplt_epi8(bytes, del));
    const __m128i allowed = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, hash), visible);
    const unsigned stops = ~static_cast<unsigned>(_mm_movemask_epi8(allowed)) & 0xFFFFU;
    if (stops != 0) return p + __builtin_ctz(stops);
    p += 16;
  }
#endif
  return skip(p, end, kTarget);
}

inline bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

inline std::string_view trim(std::string_view value) {
  while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  return value;
}

// Calls `each` with every non-empty element of a comma-separated list (RFC 9110 §5.6.1).
template <class F>
void for_each_element(std::string_view list, F&& each) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view element = trim(list.substr(0, comma));
    if (!element.empty()) each(element);
    if (comma == list.npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace marea::net::http::text
