// What of the disk goes when room is needed. Pure.
//
// First blobs that belong to no image: what interrupted uploads and pulls have left. Then images that nothing uses, the
// least recently used first; a blob that several consist of goes with the last of them. Then the cache of builds, which
// costs most to make again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace marea::control {

struct UnusedImage {
  std::string digest;
  std::int64_t used_unix_ns = 0;   // when it began or ended to be of use
  std::int64_t bytes = 0;          // unpacked
  std::vector<std::string> blobs;  // that it consists of, removable or not
};

struct RemovableParts {
  std::vector<UnusedImage> images;
  std::map<std::string, std::int64_t> blobs;  // digest → bytes, of all that no image in use consists of
  std::int64_t builds = 0;                    // bytes of the cache; 0: it is empty, or must stay
};

struct RemovalPlan {
  std::vector<std::string> images;
  std::vector<std::string> blobs;
  bool builds = false;
  std::int64_t bytes = 0;
};

// As little as frees `bytes`, or all of it.
RemovalPlan plan_removal(const RemovableParts& parts, std::int64_t bytes);

}  // namespace marea::control
