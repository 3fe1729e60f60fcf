// What one scaler did with one load, as figures that add up over services and runs.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sim/scale/plant.h"

namespace marea::sim::scale {

class Tally {
 public:
  void add(const Account& account);
  // As numbers and back; two tallies add up element by element.
  static constexpr std::size_t kFigures = 6 + 256;
  void append_to(std::vector<double>& figures) const;
  static Tally read(std::span<const double> figures);

  double requests() const { return figures_[0]; }
  double cold_ratio() const { return ratio(figures_[1]); }
  double starts_per_request() const { return ratio(figures_[2]); }
  double wasted() const { return figures_[3]; }  // GB-s without a request
  double spare() const { return figures_[4]; }   // GB-s of slots without a request
  double total() const { return figures_[5]; }   // GB-s
  // The slowdown that a share of the requests stayed below, within 3 %.
  double slowdown(double share) const;

 private:
  static constexpr std::size_t kFirstBucket = 6;
  static constexpr double kPerOctave = 24;
  double ratio(double part) const { return requests() > 0 ? part / requests() : 0; }

  std::vector<double> figures_ = std::vector<double>(kFigures);
};

}  // namespace marea::sim::scale
