// The exact interval of a share, of which `hits` of `all` were seen: Clopper and Pearson (Biometrika 26, 1934). It
// contains the true share with the confidence or more, whatever it is.
#pragma once

#include <cstdint>
#include <string_view>

namespace marea::sim::releases {

inline constexpr double kConfidence = 0.99;

struct Interval {
  double low = 0;
  double high = 1;
};

Interval interval_of(std::uint64_t hits, std::uint64_t all, double confidence = kConfidence);

// What so many runs say of a share that must not exceed a limit: it holds when the whole interval is below; it is
// broken when none of it is, or when a part is above although there were enough runs to tell.
enum class Finding : std::uint8_t { holds, broken, too_few };
inline constexpr std::uint64_t kEnoughRuns = 3000;
Finding judge_share(std::uint64_t hits, std::uint64_t all, double limit);
std::string_view to_string(Finding finding);

}  // namespace marea::sim::releases
