// What a release's verdict stands on, as people are shown it: counts of both arms, the judge's tests and what would
// change them. It is all that is kept of a judge whose release is over. Pure. Counts are since the attempt began;
// latencies are of the step in force, one observation a key, and there once router has told something to this control.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "decide/judge.h"
#include "decide/would_change.h"
#include "model/release_counts.h"

namespace marea::control {

// What router told last of an attempt: for people; the judge keeps what it needs. Shapes are of the step in force.
struct ReleaseTraffic {
  model::ArmTotals stable;
  model::ArmTotals canary;
  model::LatencyShape stable_shape;
  model::LatencyShape canary_shape;
};

struct ArmLatency {
  std::uint64_t observations = 0;
  base::Duration p50{};
  base::Duration p95{};
  base::Duration p99{};
  friend bool operator==(const ArmLatency&, const ArmLatency&) = default;
};

struct ArmEvidence {
  std::uint64_t requests = 0;
  std::uint64_t platform = 0;  // of the requests: platform failed them
  std::uint64_t keys = 0;      // units that entered
  std::uint64_t failed = 0;    // of them, in ticks that were judged
  std::uint64_t slow = 0;      // the same
  std::optional<ArmLatency> latency;
  friend bool operator==(const ArmEvidence&, const ArmEvidence&) = default;
};

struct ReleaseEvidence {
  ArmEvidence stable;
  ArmEvidence canary;
  decide::Verdict verdict;
  std::string doubt;  // why nothing can be known; empty: something is
  std::string would_change;
  std::vector<decide::MetricDistance> distances;  // the same in numbers; none of a verdict that is final or mistrusted
  friend bool operator==(const ReleaseEvidence&, const ReleaseEvidence&) = default;
};

ReleaseEvidence evidence_of(const decide::Judge& judge, const std::optional<ReleaseTraffic>& traffic);

}  // namespace marea::control
