// Numbers that one thread adds to and any thread reads. Adding costs a load and a store: no lock, no bus-locked
// instruction, nothing shared with another writer. Whoever reads adds up what the writers have.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "model/metric.h"

namespace marea::telemetry {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.store(value() + n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Of times, in the buckets of model::kTimeBounds.
class TimeHistogram {
 public:
  void add(base::Duration time) {
    buckets_[model::time_bucket(time)].add();
    sum_.add(static_cast<std::uint64_t>(time.count()));
  }
  // As model::MetricValue::values has them.
  std::vector<std::uint64_t> values() const {
    std::vector<std::uint64_t> out;
    out.reserve(model::kTimeBuckets + 1);
    for (const Counter& bucket : buckets_) out.push_back(bucket.value());
    out.push_back(sum_.value());
    return out;
  }
  bool empty() const {
    for (const Counter& bucket : buckets_) {
      if (bucket.value() > 0) return false;
    }
    return true;
  }

 private:
  std::array<Counter, model::kTimeBuckets> buckets_;
  Counter sum_;
};

}  // namespace marea::telemetry
