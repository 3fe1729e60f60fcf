// How long a revision's pauses are: the gaps between the end of its last request and the next one, as a histogram of
// the recent past. From it follows how long its last instance is kept: as long as keeping costs less than the start
// that it saves, for these gaps. After "Serverless in the Wild" (Shahrad et al., USENIX ATC 2020), whose policy keeps
// an application until the 99th percentile of its gaps; here the end is where the expected cost is least, which drops
// at once what comes back after hours, and holds what comes back after minutes.
#pragma once

#include <array>
#include <cstddef>

#include "base/clock.h"

namespace marea::decide {

// Keeping longer is a choice that only a person makes (minScale, marea.dev/idle-timeout).
inline constexpr base::Duration kMostKeep = std::chrono::minutes(10);
// Before four gaps are known nothing can be said of them; then it is what Knative's stable window gives.
inline constexpr base::Duration kUnknownKeep = std::chrono::seconds(60);
inline constexpr float kFewGaps = 4;
inline constexpr float kManyGaps = 64;  // of so many the older half is forgotten, so that new habits are learned

class IdleGaps {
 public:
  void add(base::Duration gap);
  // `start_worth`: how long an instance may idle for what one start less is worth.
  base::Duration keep(base::Duration start_worth) const;

 private:
  // Four buckets to an octave, from 62.5 ms up; the last one holds all that is longer than kMostKeep.
  static constexpr std::size_t kBuckets = 56;
  static std::size_t bucket_of(base::Duration gap);
  static base::Duration end_of(std::size_t bucket);

  std::array<float, kBuckets> counts_{};
  std::array<float, kBuckets> seconds_{};  // the sum of the gaps in each
  float total_ = 0;
};

}  // namespace marea::decide
