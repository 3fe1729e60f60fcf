#include "control/instance_counts.h"

#include <string>
#include <utility>

#include "control/deploy_check.h"

namespace marea::control {

using model::Metric;

void InstanceCounts::report(const model::InstanceReport& report, base::Instant now) {
  Counts& counts = counts_[report.revision];
  counts.service = report.service;
  const bool live = is_live(report.state);
  const auto found = lives_.find(report.id);
  if (found == lives_.end()) {
    if (!live) return;  // told again, or it came and went unseen
    const bool starts = report.state == model::InstanceState::starting;
    lives_[report.id] = {.begun = now, .seen_start = starts, .served = is_up(report.state)};
    if (starts) ++counts.starts;
    return;
  }
  Life& life = found->second;
  if (is_up(report.state) && !std::exchange(life.served, true) && life.seen_start) {
    const base::Duration took = now - life.begun;
    ++counts.start_time.at(model::time_bucket(took));
    counts.start_time_sum += static_cast<std::uint64_t>(took.count());
  }
  if (live) return;
  ++(life.served ? counts.ends : counts.failures)[report.reason];
  lives_.erase(found);
}

void InstanceCounts::collect(std::vector<model::MetricValue>& out,
                             const std::function<bool(const base::RevisionName&)>& known) {
  std::erase_if(counts_, [&](const auto& each) { return !known(each.first); });
  for (const auto& [name, counts] : counts_) {
    const std::string& service = counts.service.str();
    const std::string& revision = name.str();
    out.push_back({Metric::instance_starts, {service, revision}, {counts.starts}});
    const auto by_reason = [&](Metric metric, const std::map<model::Reason, std::uint64_t>& each) {
      for (const auto& [reason, count] : each) {
        out.push_back({metric, {service, revision, std::string(to_string(reason))}, {count}});
      }
    };
    by_reason(Metric::instance_start_failures, counts.failures);
    by_reason(Metric::instance_ends, counts.ends);
    std::vector<std::uint64_t> times(counts.start_time.begin(), counts.start_time.end());
    times.push_back(counts.start_time_sum);
    out.push_back({Metric::instance_start_time, {service, revision}, std::move(times)});
  }
}

}  // namespace marea::control
