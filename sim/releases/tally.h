// What one rule did with one scenario, as figures that add up over runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/releases/course.h"

namespace marea::sim::releases {

class Tally {
 public:
  void add(const CourseEnd& end);
  // As numbers and back; two tallies add up element by element.
  static constexpr std::size_t kTimes = 21 * 48;  // from kShortest on, forty-eight an octave, up to 58 hours
  static constexpr std::size_t kCounts = 256;     // 0, 1 … 254, more
  static constexpr std::size_t kSums = 9;
  static constexpr std::size_t kFigures = kSums + 2 * kTimes + kCounts;
  void append_to(std::vector<double>& figures) const;
  static Tally read(std::span<const double> figures);

  std::uint64_t runs() const { return count(0); }
  std::uint64_t rolled_back() const { return count(1); }
  std::uint64_t promoted() const { return count(2); }    // also those that were rolled back later
  std::uint64_t proven() const { return count(3); }      // was called proven good at some time
  std::uint64_t late() const { return count(4); }        // more keys failed than were unavoidable
  std::uint64_t given_back() const { return count(5); }  // ended without being found bad, and without a promotion
  // Of the promoted: the weakest of their proofs.
  std::uint64_t proven_good() const { return count(6); }
  std::uint64_t unproven() const { return count(7); }
  std::uint64_t unknown() const { return count(8); }

  // Seconds within which a share of the runs was rolled back, or promoted, to 0.7 %. None: it never was so many.
  std::optional<double> rollback_time(double share) const { return time(kSums, share); }
  std::optional<double> promotion_time(double share) const { return time(kSums + kTimes, share); }
  // Promoted within so many seconds.
  std::uint64_t promoted_within(double seconds) const;
  // Users whom the canary failed, at most, in a share of the runs; kCounts - 1 stands for more.
  std::uint64_t failed_keys(double share) const;

 private:
  std::uint64_t count(std::size_t figure) const { return static_cast<std::uint64_t>(figures_[figure]); }
  std::optional<double> time(std::size_t first, double share) const;

  std::vector<double> figures_ = std::vector<double>(kFigures);
};

}  // namespace marea::sim::releases
