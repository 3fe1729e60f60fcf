// Metrics as text, the way Prometheus reads them. Pure: values in, text out.
//
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/metric.h"

namespace marea::telemetry {

inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

// Sorted by metric and labels. Values of the same metric with the same labels are added up: they come from several
// threads or roles. One that does not fit its kind (labels, number of values) is left out: it came from a role, which
// may be wrong.
std::string expose(std::vector<model::MetricValue> values);

}  // namespace marea::telemetry
