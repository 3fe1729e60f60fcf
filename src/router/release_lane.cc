#include "router/release_lane.h"

#include <algorithm>
#include <cstring>

#include "router/mix.h"

namespace marea::router {

std::uint64_t ReleaseLanes::fingerprint(std::string_view key) const {
  std::uint64_t out = mix(secret_, key.size());
  while (!key.empty()) {
    std::uint64_t word = 0;
    const std::size_t bytes = std::min(key.size(), sizeof word);
    std::memcpy(&word, key.data(), bytes);
    key.remove_prefix(bytes);
    out = mix(out ^ word, secret_);
  }
  return out == 0 ? 1 : out;
}

}  // namespace marea::router
