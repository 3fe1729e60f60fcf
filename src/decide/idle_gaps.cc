#include "decide/idle_gaps.h"

#include <algorithm>
#include <cmath>

namespace marea::decide {
namespace {

constexpr double kFirstSeconds = 0.0625;
constexpr double kPerOctave = 4;

double in_seconds(base::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::size_t IdleGaps::bucket_of(base::Duration gap) {
  const double octaves = std::log2(std::max(in_seconds(gap), kFirstSeconds) / kFirstSeconds);
  return std::min(kBuckets - 1, static_cast<std::size_t>(octaves * kPerOctave));
}

base::Duration IdleGaps::end_of(std::size_t bucket) {
  const double end = kFirstSeconds * std::exp2(static_cast<double>(bucket + 1) / kPerOctave);
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(end));
}

void IdleGaps::add(base::Duration gap) {
  const std::size_t bucket = bucket_of(gap);
  counts_.at(bucket) += 1;
  seconds_.at(bucket) += static_cast<float>(in_seconds(gap));
  total_ += 1;
  if (total_ < kManyGaps) return;
  for (float& count : counts_) count /= 2;
  for (float& sum : seconds_) sum /= 2;
  total_ /= 2;
}

base::Duration IdleGaps::keep(base::Duration start_worth) const {
  if (total_ < kFewGaps) return std::min(start_worth, kUnknownKeep);
  // What a gap costs on average when the instance is kept for `end`: its idle time, and the start where it was longer.
  const double worth = in_seconds(start_worth);
  base::Duration best{};
  double least = worth;
  double idle = 0;
  float longer = total_;
  for (std::size_t bucket = 0; bucket + 1 < kBuckets; ++bucket) {
    idle += seconds_.at(bucket);
    longer -= counts_.at(bucket);
    const base::Duration end = end_of(bucket);
    if (end > kMostKeep) break;
    if (counts_.at(bucket) == 0) continue;
    const double cost = (idle + longer * (in_seconds(end) + worth)) / total_;
    if (cost >= least) continue;
    least = cost;
    best = end;
  }
  return best;
}

}  // namespace marea::decide
