#include "router/release_lane.h"

namespace marea::router {

std::uint64_t ReleaseLanes::fingerprint(std::string_view key) const {
  return key_fingerprint(secret_, key);
}

}  // namespace marea::router
