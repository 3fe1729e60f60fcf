#include "sim/scale/tally.h"

#include <algorithm>
#include <cmath>

namespace marea::sim::scale {

void Tally::add(const Account& account) {
  figures_[0] += static_cast<double>(account.slowdowns.size());
  figures_[1] += account.cold;
  figures_[2] += account.starts;
  figures_[3] += account.idle_gb_seconds;
  figures_[4] += account.spare_gb_seconds;
  figures_[5] += account.gb_seconds;
  for (const double slowdown : account.slowdowns) {
    const auto bucket = static_cast<std::size_t>(std::max(0.0, std::log2(slowdown) * kPerOctave));
    figures_[std::min(kFigures - 1, kFirstBucket + bucket)] += 1;
  }
}

void Tally::append_to(std::vector<double>& figures) const {
  figures.insert(figures.end(), figures_.begin(), figures_.end());
}

Tally Tally::read(std::span<const double> figures) {
  Tally out;
  std::ranges::copy(figures.first(kFigures), out.figures_.begin());
  return out;
}

double Tally::slowdown(double share) const {
  double sum = 0;
  for (std::size_t bucket = kFirstBucket; bucket < kFigures; ++bucket) {
    sum += figures_[bucket];
    if (sum >= share * requests()) return std::exp2(static_cast<double>(bucket - kFirstBucket) / kPerOctave);
  }
  return 0;
}

}  // namespace marea::sim::scale
