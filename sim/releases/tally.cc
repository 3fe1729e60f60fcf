#include "sim/releases/tally.h"

#include <algorithm>
#include <cmath>

namespace marea::sim::releases {
namespace {

constexpr double kShortest = 0.1;  // seconds
constexpr double kPerOctave = 48;

std::size_t bucket_of(double seconds) {
  const double place = std::log2(std::max(seconds, kShortest) / kShortest) * kPerOctave;
  return std::min(Tally::kTimes - 1, static_cast<std::size_t>(place));
}

double seconds_of(base::Duration time) {
  return static_cast<double>(time.count()) * 1e-9;
}

}  // namespace

void Tally::add(const CourseEnd& end) {
  const Standing& standing = end.standing;
  const auto tick = [this](std::size_t figure, bool yes) { figures_[figure] += yes ? 1 : 0; };
  tick(0, true);
  tick(1, standing.way == Way::rolled_back);
  tick(2, standing.promoted.has_value());
  tick(3, standing.proven.has_value());
  tick(4, end.late_keys > 0);
  tick(5, standing.way == Way::over);
  const bool promoted = standing.promoted.has_value();
  tick(6, promoted && standing.proof == model::ReleaseProof::proven_good);
  tick(7, promoted && standing.proof == model::ReleaseProof::unproven);
  tick(8, promoted && standing.proof == model::ReleaseProof::cannot_know);
  if (standing.way == Way::rolled_back) figures_[kSums + bucket_of(seconds_of(standing.since))] += 1;
  if (promoted) figures_[kSums + kTimes + bucket_of(seconds_of(*standing.promoted))] += 1;
  figures_[kSums + 2 * kTimes + std::min<std::size_t>(kCounts - 1, end.failed_keys)] += 1;
}

void Tally::append_to(std::vector<double>& figures) const {
  figures.insert(figures.end(), figures_.begin(), figures_.end());
}

Tally Tally::read(std::span<const double> figures) {
  Tally out;
  std::ranges::copy(figures.first(kFigures), out.figures_.begin());
  return out;
}

std::optional<double> Tally::time(std::size_t first, double share) const {
  double sum = 0;
  for (std::size_t bucket = 0; bucket < kTimes; ++bucket) {
    sum += figures_[first + bucket];
    if (sum > 0 && sum >= share * static_cast<double>(runs())) {
      return kShortest * std::exp2((static_cast<double>(bucket) + 0.5) / kPerOctave);
    }
  }
  return std::nullopt;
}

std::uint64_t Tally::promoted_within(double seconds) const {
  double sum = 0;
  for (std::size_t bucket = 0; bucket <= bucket_of(seconds); ++bucket) sum += figures_[kSums + kTimes + bucket];
  return static_cast<std::uint64_t>(sum);
}

std::uint64_t Tally::failed_keys(double share) const {
  double sum = 0;
  for (std::size_t keys = 0; keys < kCounts; ++keys) {
    sum += figures_[kSums + 2 * kTimes + keys];
    if (sum >= share * static_cast<double>(runs())) return keys;
  }
  return kCounts - 1;
}

}  // namespace marea::sim::releases
