// "What changed since this began": the lines of a service's history and the platform's own events as one list, for
// whoever looks for the cause of a problem. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/timeline.h"

namespace marea::control {

inline constexpr std::size_t kMostReportLines = 20;
inline constexpr std::size_t kMostReportBytes = 240;  // of a line

enum class ChangeKind : std::uint8_t { deploy, release, split, configuration, platform };
std::string_view to_string(ChangeKind kind);

struct ShownChange {
  std::int64_t unix_ns = 0;
  ChangeKind kind = ChangeKind::deploy;
  std::string what;  // in words
  std::string who;   // empty: marea by itself
  std::string why;
  std::vector<std::string> changed;  // fields of the template or the service
  std::string split;                 // from then on; empty: as before
  base::RevisionName revision;       // that it is about; empty: none
  friend bool operator==(const ShownChange&, const ShownChange&) = default;
};

// By time, oldest first; what has the same time stays in its order, the platform's events first.
std::vector<ShownChange> changes_of(std::span<const model::TimelineLine> lines,
                                    std::span<const model::PlatformEvent> events);

// A line each: "2026-11-26T13:00:00.000Z deploy: hola-00002-abc asked for by ana; image name: a → b". Of more than
// `most` the newest stay, after a line that says how many are left out.
std::vector<std::string> report_of(std::span<const ShownChange> changes, std::size_t most = kMostReportLines);

}  // namespace marea::control
