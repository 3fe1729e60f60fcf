// The annotations of a template that bound and shape its scaling, in Knative's spellings and bounds
// (knative/serving pkg/apis/autoscaling/register.go); Cloud Run has minScale and maxScale only.
#pragma once

#include <optional>

#include "model/findings.h"
#include "model/service.h"

namespace marea::model {

inline constexpr Duration kMostScaleDownDelay = std::chrono::hours(1);

// What the annotations say; absent where they say nothing.
struct ScaleSettings {
  std::optional<int> min;
  std::optional<int> max;
  std::optional<int> initial;
  std::optional<double> target;              // requests of one instance
  std::optional<double> target_utilization;  // percent of it, or of the concurrency
  std::optional<Duration> scale_down_delay;
};

ScaleSettings read_scale(Findings& findings, const Node& annotations);

// Puts them into the template, whose concurrency is known; faults where they contradict each other.
void apply_scale(Findings& findings, const Node& annotations, const ScaleSettings& settings, Template& out);

}  // namespace marea::model
