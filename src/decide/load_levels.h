// How many instances the requests of the recent past needed, each request having one vote: the level that only a given
// share of them exceeded. Votes fade with time, but only when new ones come, so that a silence says nothing about the
// load before it (that is for IdleGaps to judge).
#pragma once

#include <array>
#include <cstddef>

#include "base/clock.h"

namespace marea::decide {

// A vote fades to 37 % in this time. Longer forgets a peak too late, shorter takes noise for a change.
inline constexpr base::Duration kVoteLife = std::chrono::seconds(10);

class LoadLevels {
 public:
  // `requests` came since the last call, while `instances` were needed.
  void add(int instances, double requests, base::Instant now);
  // The least number of instances that sufficed for `share` of the votes; 0 without votes.
  int level(double share) const;

 private:
  // Exact up to 16 instances, then eight steps to an octave, up to 1024; a step counts as its upper end.
  static constexpr int kExact = 16;
  static constexpr int kPerOctave = 8;
  static constexpr std::size_t kBuckets = kExact + 6 * kPerOctave;
  static std::size_t bucket_of(int instances);
  static int end_of(std::size_t bucket);

  std::array<float, kBuckets> votes_{};
  base::Instant at_{};
};

}  // namespace marea::decide
