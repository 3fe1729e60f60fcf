#include "decide/load_levels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace marea::decide {

std::size_t LoadLevels::bucket_of(int instances) {
  if (instances <= kExact) return static_cast<std::size_t>(std::max(1, instances) - 1);
  const double steps = std::ceil(std::log2(static_cast<double>(instances) / kExact) * kPerOctave - 1e-9);
  return std::min(kBuckets - 1, static_cast<std::size_t>(kExact - 1 + static_cast<int>(steps)));
}

int LoadLevels::end_of(std::size_t bucket) {
  const int steps = static_cast<int>(bucket) - (kExact - 1);
  if (steps <= 0) return static_cast<int>(bucket) + 1;
  return static_cast<int>(std::floor(kExact * std::exp2(static_cast<double>(steps) / kPerOctave) + 1e-9));
}

void LoadLevels::add(int instances, double requests, base::Instant now) {
  const double lives = std::chrono::duration<double>(now - at_) / std::chrono::duration<double>(kVoteLife);
  const auto faded = static_cast<float>(std::exp(-lives));
  for (float& votes : votes_) votes *= faded;
  votes_.at(bucket_of(instances)) += static_cast<float>(requests);
  at_ = now;
}

int LoadLevels::level(double share) const {
  const float total = std::accumulate(votes_.begin(), votes_.end(), 0.0F);
  if (total <= 0) return 0;
  const auto enough = static_cast<float>(share) * total;
  float sum = 0;
  for (std::size_t bucket = 0; bucket + 1 < kBuckets; ++bucket) {
    sum += votes_.at(bucket);
    if (sum >= enough) return end_of(bucket);
  }
  return end_of(kBuckets - 1);
}

}  // namespace marea::decide
