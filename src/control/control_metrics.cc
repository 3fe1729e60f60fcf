// What is published at /metrics: the other roles' numbers, and what control knows by itself.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "control/control.h"

namespace marea::control {

using model::Metric;
using model::MetricValue;

namespace {

// What engine reads for each answer. It may know instances that control does not, of a service that was deleted.
bool is_measured(const MetricValue& value) {
  return value.metric == Metric::instance_cpu || value.metric == Metric::instance_memory_now;
}

}  // namespace

void Control::collect_metrics(std::function<void(std::vector<MetricValue>)> done) {
  scrape_.begin([this, done = std::move(done)](Scrape::Result result) {
    std::vector<MetricValue> values = std::move(result.values);
    for (const Scrape::Source& source : scrape_.sources()) {
      const bool missing = std::ranges::find(result.missing, source.role) != result.missing.end();
      values.push_back({Metric::scrape_missing, {source.role}, {missing ? 1U : 0U}});
    }
    add_role_metrics(values);
    std::erase_if(values, [this](const MetricValue& value) {
      return is_measured(value) && (value.labels.size() != 3 || !owners_.contains(base::RevisionName(value.labels[1])));
    });
    add_instance_metrics(values);
    instance_counts_.collect(values, [this](const base::RevisionName& name) { return owners_.contains(name); });
    done(std::move(values));
  });
}

void Control::add_role_metrics(std::vector<MetricValue>& out) const {
  for (const auto& [limit, hits] : limit_hits_) {
    out.push_back({Metric::limit_hits, {std::string(row_of(limit).name)}, {hits}});
  }
  out.push_back({Metric::role_up, {"control"}, {1U}});
  // keeper makes a link when the role starts, and one to each when control does.
  const auto add = [&](const char* role, bool up, std::uint64_t links) {
    out.push_back({Metric::role_up, {role}, {up ? 1U : 0U}});
    out.push_back({Metric::role_restarts, {role}, {links > 0 ? links - 1 : 0}});
  };
  add("engine", engine_connected(), engine_links_);
  add("router", router_connected(), router_links_);
  add("logs", logs_connected(), logs_links_);
}

void Control::add_instance_metrics(std::vector<MetricValue>& out) const {
  std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t> by_state;
  for (const auto& [id, entry] : instances_.all()) {
    const model::InstanceReport& report = entry.report;
    const std::string& service = report.service.str();
    const std::string& revision = report.revision.str();
    ++by_state[{service, revision,
                entry.unready ? std::string(state_of(entry)) : std::string(to_string(report.state))}];
    if (!is_live(report.state)) continue;
    out.push_back(
        {Metric::instance_in_flight, {service, revision, id.str()}, {static_cast<std::uint64_t>(entry.in_flight)}});
  }
  for (const auto& [key, count] : by_state) {
    const auto& [service, revision, state] = key;
    out.push_back({Metric::instances, {service, revision, state}, {count}});
  }
  std::set<std::string> measured;  // by engine, for this answer: what it told before is older
  for (const MetricValue& value : out) {
    if (value.metric == Metric::instance_cpu) measured.insert(value.labels[2]);
  }
  for (const store::UsageRecord* record : usage_.living()) {
    const std::vector<std::string> whose = {record->service.str(), record->revision.str(), record->instance.str()};
    const model::Usage& usage = record->account.usage;
    out.push_back({Metric::instance_requests, whose, {usage.requests}});
    if (!measured.contains(record->instance.str())) {
      out.push_back({Metric::instance_cpu, whose, {static_cast<std::uint64_t>(usage.cpu.count())}});
    }
    out.push_back({Metric::instance_memory, whose, {static_cast<std::uint64_t>(usage.peak_memory_bytes)}});
  }
  for (const auto& [name, service] : services_) {
    for (const RevisionState& one : service.revisions) {
      const base::RevisionName& revision = one.record.revision.name;
      const model::RevisionPlan* plan = engine_.plan_of(name, revision);
      if (plan == nullptr || plan->wanted <= 0) continue;
      out.push_back(
          {Metric::instances_wanted, {name.str(), revision.str()}, {static_cast<std::uint64_t>(plan->wanted)}});
    }
  }
}

}  // namespace marea::control
