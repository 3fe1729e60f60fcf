#include "router/metrics.h"

#include <algorithm>
#include <string>

#include "net/http/codec.h"

namespace marea::router {
namespace {

using model::Metric;
using model::MetricValue;

class Collection {
 public:
  void add(Metric metric, std::vector<std::string> labels, std::uint64_t value) {
    if (value > 0) values_.push_back({metric, std::move(labels), {value}});
  }
  // Told at zero too: a gauge that vanishes keeps its last value for whoever looks at it.
  void gauge(Metric metric, std::vector<std::string> labels, std::uint64_t value) {
    values_.push_back({metric, std::move(labels), {value}});
  }
  void add(Metric metric, std::vector<std::string> labels, const telemetry::TimeHistogram& histogram) {
    if (!histogram.empty()) values_.push_back({metric, std::move(labels), histogram.values()});
  }
  std::vector<MetricValue> take() { return std::move(values_); }

 private:
  std::vector<MetricValue> values_;
};

void add_counts(Collection& out, const std::string& service, const std::string& revision, const RevisionCounts& counts,
                bool apart) {
  static constexpr std::array<const char*, 6> kClasses = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    out.add(Metric::requests, {service, revision, kClasses.at(i)}, counts.codes.at(i).value());
  }
  out.add(Metric::request_bytes, {service, revision}, counts.request_bytes.value());
  out.add(Metric::response_bytes, {service, revision}, counts.response_bytes.value());
  const std::vector<std::string> whose =
      apart ? std::vector<std::string>{service, revision} : std::vector<std::string>{"", ""};
  out.add(Metric::request_time, whose, counts.time);
  out.add(Metric::queue_time, whose, counts.queue_time);
}

void add_worker(Collection& out, const WorkerCounts& counts) {
  for (std::size_t i = 0; i < WorkerCounts::kReasons; ++i) {
    out.add(Metric::refused, {std::string(to_string(static_cast<model::Reason>(i)))}, counts.refused_for.at(i).value());
  }
  for (std::size_t i = 0; i < WorkerCounts::kStatuses; ++i) {
    const std::uint64_t value = counts.refused_as.at(i).value();
    if (value > 0) {
      out.add(Metric::refused, {std::string(net::http::reason_phrase(static_cast<int>(i)))}, value);
    }
  }
}

}  // namespace

std::vector<MetricValue> metrics_of(const std::vector<std::shared_ptr<Revision>>& revisions,
                                    const std::vector<const WorkerCounts*>& workers, int connections) {
  Collection out;
  const auto active = std::ranges::count_if(revisions, [](const auto& each) { return !each->all_counts().empty(); });
  for (const std::shared_ptr<Revision>& revision : revisions) {
    const std::string& service = revision->service().str();
    const std::string& name = revision->name().str();
    for (const RevisionCounts* counts : revision->all_counts()) {
      add_counts(out, service, name, *counts, std::cmp_less_equal(active, kMostHistograms));
    }
    if (revision->all_counts().empty()) continue;
    int in_flight = 0;
    for (const std::shared_ptr<Instance>& instance : revision->instances()) in_flight += instance->in_flight();
    out.gauge(Metric::in_flight, {service, name}, static_cast<std::uint64_t>(in_flight));
    out.gauge(Metric::queue_length, {service, name}, static_cast<std::uint64_t>(std::max(0, revision->waiting())));
    out.gauge(Metric::queue_bytes, {service, name}, static_cast<std::uint64_t>(revision->waiting_bytes()));
  }
  std::uint64_t accepted = 0;
  std::uint64_t dropped = 0;
  for (const WorkerCounts* worker : workers) {
    add_worker(out, *worker);
    accepted += worker->connections.value();
    dropped += worker->records_dropped.value();
  }
  std::vector<MetricValue> values = out.take();
  values.push_back({Metric::connections, {}, {static_cast<std::uint64_t>(std::max(0, connections))}});
  values.push_back({Metric::connections_accepted, {}, {accepted}});
  values.push_back({Metric::records_dropped, {}, {dropped}});
  return values;
}

}  // namespace marea::router
