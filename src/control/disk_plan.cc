#include "control/disk_plan.h"

#include <algorithm>

namespace marea::control {

RemovalPlan plan_removal(const RemovableParts& parts, std::int64_t bytes) {
  RemovalPlan out;
  if (bytes <= 0) return out;
  std::map<std::string, int> users;
  for (const UnusedImage& image : parts.images) {
    for (const std::string& blob : image.blobs) ++users[blob];
  }
  const auto take = [&](const std::string& digest) {
    const auto blob = parts.blobs.find(digest);
    if (blob == parts.blobs.end()) return;
    out.blobs.push_back(digest);
    out.bytes += blob->second;
  };
  for (const auto& [digest, size] : parts.blobs) {
    if (!users.contains(digest)) take(digest);
  }
  std::vector<const UnusedImage*> oldest;
  oldest.reserve(parts.images.size());
  for (const UnusedImage& image : parts.images) oldest.push_back(&image);
  std::ranges::stable_sort(oldest, {}, &UnusedImage::used_unix_ns);
  for (const UnusedImage* image : oldest) {
    if (out.bytes >= bytes) break;
    out.images.push_back(image->digest);
    out.bytes += image->bytes;
    for (const std::string& blob : image->blobs) {
      if (--users[blob] == 0) take(blob);
    }
  }
  if (out.bytes < bytes && parts.builds > 0) {
    out.builds = true;
    out.bytes += parts.builds;
  }
  return out;
}

}  // namespace marea::control
