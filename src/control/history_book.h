// What control remembers of histories beside what is stored of them. Value type; control_history.cc works with it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "control/timeline.h"

namespace marea::control {

inline constexpr base::Duration kHistoryDelay = std::chrono::seconds(1);  // until a confirmation is stored
inline constexpr base::Duration kDiskLook = std::chrono::seconds(15);     // at how full the disk is
inline constexpr std::size_t kMostWaitingLines = 100;                     // while the disk takes none

struct HistoryBook {
  std::map<base::ServiceName, std::optional<model::TimelineLine>> last;  // as stored; nothing: there is none
  std::vector<store::Change> waiting;                                    // what is not stored yet, oldest first
  Author author;                                                         // of the next commit
  bool hurried = false;                                                  // what waits is stored in a moment
  bool disk_was_full = false;
  base::Instant disk_seen{};
};

}  // namespace marea::control
