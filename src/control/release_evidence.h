// What a release's verdict stands on, as people are shown it: counts of both arms, the judge's tests and what would
// change them. Pure. Counts are since the attempt began; latencies are of the step in force, one observation a key, and
// there once router has told something to this control.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/release_entry.h"

namespace marea::control {

struct ArmLatency {
  std::uint64_t observations = 0;
  base::Duration p50{};
  base::Duration p95{};
  base::Duration p99{};
};

struct ArmEvidence {
  std::uint64_t requests = 0;
  std::uint64_t platform = 0;  // of the requests: platform failed them
  std::uint64_t keys = 0;      // units that entered
  std::uint64_t failed = 0;    // of them, in ticks that were judged
  std::uint64_t slow = 0;      // the same
  std::optional<ArmLatency> latency;
};

struct ReleaseEvidence {
  ArmEvidence stable;
  ArmEvidence canary;
  decide::Verdict verdict;
  std::string would_change;
};

ReleaseEvidence release_evidence(const ReleaseEntry& entry);

}  // namespace marea::control
