// What the workers count, each for itself; the main loop adds it up when it is asked (metrics.h).
#pragma once

#include <array>
#include <cstddef>

#include "model/reason.h"
#include "telemetry/counters.h"

namespace marea::router {

// Of one revision by one worker.
struct RevisionCounts {
  std::array<telemetry::Counter, 6> codes;  // by the status's first digit; 0: the caller got no answer
  telemetry::TimeHistogram time;
  telemetry::TimeHistogram queue_time;
  telemetry::Counter request_bytes;
  telemetry::Counter response_bytes;
};

// Of one worker, about all revisions.
struct WorkerCounts {
  static constexpr std::size_t kReasons = 64;  // above the last model::Reason
  static constexpr std::size_t kStatuses = 600;
  std::array<telemetry::Counter, kReasons> refused_for;  // answers of our own that have a reason
  std::array<telemetry::Counter, kStatuses> refused_as;  // …and those that only have a status
  telemetry::Counter connections;
  telemetry::Counter records_dropped;

  void refused(int status, model::Reason reason) {
    const auto index = static_cast<std::size_t>(reason);
    if (reason != model::Reason::none && index < kReasons) {
      refused_for[index].add();
    } else if (status >= 0 && static_cast<std::size_t>(status) < kStatuses) {
      refused_as[static_cast<std::size_t>(status)].add();
    }
  }
};

}  // namespace marea::router
