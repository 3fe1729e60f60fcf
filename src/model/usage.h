// What one instance has used since its beginning. Every number only grows, so that the newest account contains all
// before it: it may come late, twice or not at all, and nothing is counted twice or lost.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace marea::model {

struct Usage {
  std::uint64_t requests = 0;  // that it was given and that ended
  base::Duration alive{};      // from the start of its app
  base::Duration busy{};       // in which at least one request was in it
  base::Duration billed{};     // its start and its busy time in steps (net/ledger.h)
  base::Duration unready{};    // the whole life of an app that never became ready
  base::Duration stopping{};   // from SIGTERM to its end
  base::Duration cpu{};        // of all its processes
  std::int64_t peak_memory_bytes = 0;
  // On what terms; these never change.
  std::int64_t memory_limit_bytes = 0;
  int milli_cpu = 0;
  bool whole_life = false;  // billed from start to end: run.googleapis.com/cpu-throttling is "false"
  friend bool operator==(const Usage&, const Usage&) = default;
};

// What is known of one instance.
struct UsageAccount {
  Usage usage;
  base::Duration kept_idle{};  // of its idle time what the minimum kept it for
  friend bool operator==(const UsageAccount&, const UsageAccount&) = default;
};

// Sums over instances.
struct Bill {
  std::uint64_t instances = 0;
  std::uint64_t requests = 0;
  base::Duration billable{};
  base::Duration kept_idle{};
  base::Duration busy{};
  base::Duration alive{};
  base::Duration cpu{};                // that was used
  std::int64_t milli_cpu_ms = 0;       // the CPU limit × billable time: 1000 × 1000 is a vCPU-second
  std::int64_t mebibyte_ms = 0;        // the memory limit × billable time: 1024 × 1000 is a GiB-second
  std::int64_t peak_memory_bytes = 0;  // the highest of all
  friend bool operator==(const Bill&, const Bill&) = default;
};

}  // namespace marea::model
