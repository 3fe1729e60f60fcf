// What router counts of an experiment, and how it recognises what it counts. Sums since router's memory of it began;
// each message has them all, so that a lost one costs nothing.
//
// The unit is the key, as in a release (release_counts.h): it enters its arm with its first request, and whatever
// happens to it counts once. A key that meets rules and the split in turn keeps the arm and the way of its first
// request; what it does in another arm is counted as crossed, for nobody.
//
// A conversion counts for a rate when it comes within the window after the key's first request, and the key counts for
// the rate when its window is over: then its outcome is known, and no arm is blamed for users who came just now.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace marea::model {

inline constexpr std::size_t kMostArms = 8;         // of an experiment
inline constexpr std::size_t kMostConversions = 8;  // a bit each in a key's memory
inline constexpr std::size_t kMostMeasures = 4;
inline constexpr std::size_t kMostSegments = 20;  // of an arm
inline constexpr std::size_t kMostOutcomePathBytes = 512;

// A request and the status of its answer.
struct OutcomeRoute {
  std::string method;
  // From "/", without query. A segment "*" stands for any one; a last segment "**" for one or more.
  std::string path;
  int least_status = 200;
  int most_status = 299;
  friend bool operator==(const OutcomeRoute&, const OutcomeRoute&) = default;
};
bool matches_path(std::string_view pattern, std::string_view path);

// Values of keys, one each, in whole units up to kMostValue: sums of them fit. Buckets as in LatencyShape, a value as
// so many milliseconds.
inline constexpr std::uint64_t kMostValue = 1'000'000;
struct ValueCounts {
  std::uint64_t n = 0;
  std::uint64_t sum = 0;
  std::uint64_t sum_of_squares = 0;
  std::vector<std::uint32_t> buckets;  // kLatencyBuckets, or none
  friend bool operator==(const ValueCounts&, const ValueCounts&) = default;
};

// Keys that came to an arm in one way.
struct ArmOutcomes {
  std::uint64_t keys = 0;
  std::uint64_t due = 0;                        // of them: whose window is over
  std::vector<std::uint64_t> converted;         // keys, by conversion: ever
  std::vector<std::uint64_t> converted_in_due;  // of `due`: within the window
  std::uint64_t failed = 0;                     // keys that met a failure of the app
  std::uint64_t timed = 0;                      // keys that had a request whose latency counts
  std::uint64_t slow = 0;                       // of them: one was slower than the objective
  ValueCounts latency;                          // of the first such request of each key
  std::vector<ValueCounts> measures;
  std::uint64_t requests = 0;
  std::array<std::uint64_t, 5> failures{};  // requests, by FailureCause; [0] is unused
  friend bool operator==(const ArmOutcomes&, const ArmOutcomes&) = default;
};

// Keys whom one segment led, of those in ExperimentCounts::led.
struct SegmentOutcomes {
  std::uint64_t keys = 0;
  std::uint64_t failed = 0;
  std::vector<std::uint64_t> converted;  // by conversion: ever
  friend bool operator==(const SegmentOutcomes&, const SegmentOutcomes&) = default;
};

struct ExperimentCounts {
  std::string experiment;          // its id
  std::uint64_t memory = 0;        // another one than before: router forgot all keys, sums begin anew
  std::vector<ArmOutcomes> split;  // by arm: those whom the split assigned
  std::vector<ArmOutcomes> led;    // by arm: those whom a rule led
  std::uint64_t untracked = 0;     // requests of keys that nothing is remembered of
  std::uint64_t crossed = 0;       // requests of keys that belong to another arm or way
  std::vector<std::vector<SegmentOutcomes>> segments;  // by arm, by its segments; whom customers led is in none
  friend bool operator==(const ExperimentCounts&, const ExperimentCounts&) = default;
};

}  // namespace marea::model
