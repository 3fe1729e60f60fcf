// How often instances were begun, ended and failed, and how long starts took: counted from engine's reports since
// control started. By revision; those that are deleted are forgotten.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "base/clock.h"
#include "model/instance.h"
#include "model/metric.h"

namespace marea::control {

class InstanceCounts {
 public:
  void report(const model::InstanceReport& report, base::Instant now);
  // Adds what it counted, of the revisions that are `known`, and forgets the others.
  void collect(std::vector<model::MetricValue>& out, const std::function<bool(const base::RevisionName&)>& known);

 private:
  struct Counts {
    base::ServiceName service;
    std::uint64_t starts = 0;
    std::map<model::Reason, std::uint64_t> failures;
    std::map<model::Reason, std::uint64_t> ends;
    std::array<std::uint64_t, model::kTimeBuckets> start_time{};
    std::uint64_t start_time_sum = 0;
  };
  struct Life {
    base::Instant begun{};
    bool seen_start = false;  // else it was there before control
    bool served = false;
  };
  std::map<base::RevisionName, Counts> counts_;
  std::map<base::InstanceId, Life> lives_;
};

}  // namespace marea::control
