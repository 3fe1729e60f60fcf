// What instances use now, read when control asks for metrics: at most once in kMeasureEvery whoever asks, and a few
// instances in each turn of the loop, since starts and requests for sockets must not wait behind it.
#include <algorithm>
#include <iterator>

#include "engine/local/engine_process.h"

namespace marea::engine::local {

namespace msg = net::msg;

namespace {

constexpr base::Duration kMeasureEvery = std::chrono::milliseconds(500);
constexpr int kMeasuredInTurn = 8;  // three small files each

}  // namespace

void EngineProcess::operator()(const msg::MetricsWanted& message) {
  metrics_wanted_ = message.number;
  if (measure_more_.armed()) return;  // answered when all is read
  const base::Instant now = world_.loop.now();
  if (measured_at_ && now - *measured_at_ < kMeasureEvery) {
    tell_metrics();
    return;
  }
  measured_at_ = now;
  measuring_.clear();
  last_measured_ = {};
  measure();
}

void EngineProcess::measure() {
  auto next = sandboxes_.upper_bound(last_measured_);
  for (int i = 0; i < kMeasuredInTurn && next != sandboxes_.end(); ++i, ++next) {
    const auto& [id, sandbox] = *next;
    last_measured_ = id;
    const auto instance = fleet_.instances().find(id);
    if (instance == fleet_.instances().end()) continue;
    const model::Revision& revision = *instance->second.revision;
    const std::vector<std::string> whose = {revision.service.str(), revision.name.str(), id.str()};
    measuring_.push_back(
        {model::Metric::instance_cpu, whose, {static_cast<std::uint64_t>(sandbox->use().cpu.count())}});
    const std::int64_t memory = std::max<std::int64_t>(sandbox->memory_bytes(), 0);
    measuring_.push_back({model::Metric::instance_memory_now, whose, {static_cast<std::uint64_t>(memory)}});
  }
  if (next != sandboxes_.end()) {
    measure_more_.arm_in(base::Duration{0});
    return;
  }
  measured_ = std::move(measuring_);
  tell_metrics();
}

void EngineProcess::tell_metrics() {
  const auto hits = [](model::Limit limit, std::uint64_t count) {
    return model::MetricValue{model::Metric::limit_hits, {std::string(row_of(limit).name)}, {count}};
  };
  std::vector<model::MetricValue> values = {hits(model::Limit::memory_reserve, fleet_.hits().memory),
                                            hits(model::Limit::starts_per_cpu, fleet_.hits().starts)};
  std::ranges::copy(measured_, std::back_inserter(values));
  for (std::size_t from = 0; from < values.size(); from += net::kMostMetricValues) {
    const std::size_t until = std::min(values.size(), from + net::kMostMetricValues);
    control_->send(msg::Metrics{.number = metrics_wanted_,
                                .values = {values.begin() + static_cast<std::ptrdiff_t>(from),
                                           values.begin() + static_cast<std::ptrdiff_t>(until)},
                                .last = until == values.size()});
  }
}

}  // namespace marea::engine::local
