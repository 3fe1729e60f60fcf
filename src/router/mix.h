// Two numbers into one of which every bit depends on every bit of both: both halves of their product, folded (the step
// of wyhash). For tables whose keys come from callers, with a secret; not for what must stay secret.
#pragma once

#include <cstdint>

namespace marea::router {

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a ^ 0x2D358DCCAA6C78A5U) * (b ^ 0x8BB84B93962EACC9U);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

}  // namespace marea::router
