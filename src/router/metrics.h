// Router's numbers, added up over the workers, for control to publish. They begin at zero with each router.
#pragma once

#include <memory>
#include <vector>

#include "model/metric.h"
#include "router/counts.h"
#include "router/revision.h"

namespace marea::router {

// Each revision that served something has some 40 lines at /metrics, most of them its histograms. Beyond so many such
// revisions the histograms are those of all together, without service and revision.
inline constexpr std::size_t kMostHistograms = 2000;

std::vector<model::MetricValue> metrics_of(const std::vector<std::shared_ptr<Revision>>& revisions,
                                           const std::vector<const WorkerCounts*>& workers, int connections);

}  // namespace marea::router
