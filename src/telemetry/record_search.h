// Finds the record of one request by its id in the spool of records, a slice at a time, so that whoever has a loop to
// turn keeps turning it:
//
//   RecordSearch search(folder, id, around);
//   while (search.step() == RecordSearch::State::searching) …   // kSearchSlice bytes each
//
// It is bounded by the spool itself: kMostLogSegments segments of kLogSegmentBytes. With a time the segments are read
// in order of their distance from it, so that a record of it is found in the first; without one from the newest on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace marea::telemetry {

inline constexpr std::size_t kSearchSlice = 256U << 10;  // a few milliseconds

class RecordSearch {
 public:
  enum class State : std::uint8_t { searching, found, absent };

  RecordSearch(std::string folder, std::string_view id, std::optional<std::int64_t> around_unix_ns = {});

  State step();
  // The line, when it is found: the newest with that id in its segment, since callers may use one twice.
  const std::string& record() const { return record_; }
  // When what is absent can have been, for whoever must say why it is: the time of the oldest line that is kept, 0:
  // there is none; and how many lines are known to be missing in what was read.
  std::int64_t oldest_unix_ns() const { return oldest_unix_ns_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  void read_slice();

  std::string folder_;
  std::string mark_;
  std::deque<std::uint64_t> segments_;  // that are still to be read
  std::int64_t at_ = 0;                 // in the first of them
  std::string rest_;                    // of it: a line whose end is not read yet
  std::string record_;
  std::int64_t oldest_unix_ns_ = 0;
  std::uint64_t dropped_ = 0;
};

// Of a record's line; 0: it has none.
std::int64_t time_of_record(std::string_view line);

}  // namespace marea::telemetry
