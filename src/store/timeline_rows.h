// The timelines of services and the platform's own events, as rows. They are not loaded at a start: who asks for an
// instant reads a few of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "model/timeline.h"
#include "store/database.h"
#include "store/records.h"

namespace marea::store {

// Beyond it a service's oldest line goes: what served before the first that is left is not known any more. A release of
// the default ladder takes about ten lines, so that these are a hundred and fifty deploys.
inline constexpr std::int64_t kMostTimelineLines = 2000;
// Services that are gone keep theirs, so that what ran is known; beyond it the one whose last line is oldest goes.
inline constexpr int kMostGoneTimelines = 100;
inline constexpr std::int64_t kMostPlatformEvents = 1000;

struct TimelineQuery {
  base::ServiceName service;
  std::int64_t from_unix_ns = 0;
  std::int64_t until_unix_ns = std::numeric_limits<std::int64_t>::max();
  std::optional<model::TimelineCause> cause = {};  // only those
  std::size_t most = kMostTimelineLines;           // the newest
};

struct Timeline {
  std::vector<model::TimelineLine> lines;  // oldest first
  std::int64_t first = 0;                  // number of the service's oldest line that is kept; 0: there is none
};

base::Result<void> write_timeline(Database& db, const TimelineRecord& record);
base::Result<void> write_timeline(Database& db, const TimelineConfirmed& record);
base::Result<void> write_timeline(Database& db, const PlatformEventRecord& record);
// The service goes, and its lines stay.
base::Result<void> leave_timeline(Database& db, const base::ServiceName& service);

base::Result<Timeline> read_timeline(Database& db, const TimelineQuery& query);
// Oldest first.
base::Result<std::vector<model::PlatformEvent>> read_events(Database& db, std::int64_t from_unix_ns,
                                                            std::int64_t until_unix_ns);
// All of both, for repair().
base::Result<void> load_timelines(Database& db, Contents& out);

}  // namespace marea::store
