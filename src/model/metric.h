// The numbers that marea publishes at /metrics: what each is (metric_table.h), and one value of it as it travels
// between roles. telemetry/exposition.h prints them.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/metric_table.h"

namespace marea::model {

enum class Metric : std::uint16_t {
#define X(id, name, type, unit, labels, help) id,
  MAREA_METRICS(X)
#undef X
};

enum class MetricType : std::uint8_t { counter, gauge, histogram };
enum class MetricUnit : std::uint8_t { one, nanoseconds };

struct MetricKind {
  std::string_view name;
  MetricType type;
  MetricUnit unit;
  std::string_view labels;  // names, separated by commas; may be empty
  std::string_view help;
};

inline constexpr auto kMetrics = std::to_array<MetricKind>({
#define X(id, name, type, unit, labels, help) {name, MetricType::type, MetricUnit::unit, labels, help},
    MAREA_METRICS(X)
#undef X
});

// Upper bounds of a histogram's buckets: from an app that answers from memory to the longest request timeouts that are
// usual. One list for all, so that histograms can be added up.
inline constexpr std::array<std::chrono::nanoseconds, 14> kTimeBounds = {
    std::chrono::microseconds(500), std::chrono::milliseconds(1),   std::chrono::microseconds(2500),
    std::chrono::milliseconds(5),   std::chrono::milliseconds(10),  std::chrono::milliseconds(25),
    std::chrono::milliseconds(50),  std::chrono::milliseconds(100), std::chrono::milliseconds(250),
    std::chrono::milliseconds(500), std::chrono::seconds(1),        std::chrono::milliseconds(2500),
    std::chrono::seconds(10),       std::chrono::seconds(60)};
inline constexpr std::size_t kTimeBuckets = kTimeBounds.size() + 1;  // the last one has no bound

constexpr std::size_t time_bucket(std::chrono::nanoseconds time) {
  return static_cast<std::size_t>(std::ranges::lower_bound(kTimeBounds, time) - kTimeBounds.begin());
}

struct MetricValue {
  Metric metric = Metric::requests;
  std::vector<std::string> labels;  // as many as the kind names
  // One; of a histogram the count of each bucket alone, and then the sum of all values.
  std::vector<std::uint64_t> values;
  friend bool operator==(const MetricValue&, const MetricValue&) = default;
};

}  // namespace marea::model
