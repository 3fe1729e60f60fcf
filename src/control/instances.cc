#include "control/instances.h"

#include <algorithm>

namespace marea::control {

using model::InstanceState;

Instances::Entries::iterator Instances::erase(Entries::iterator entry) {
  const auto list = by_revision_.find(entry->second.report.revision);
  std::erase(list->second, entry->first);
  if (list->second.empty()) by_revision_.erase(list);
  return entries_.erase(entry);
}

void Instances::forget_failed(const base::RevisionName& revision, std::size_t keep) {
  std::vector<base::InstanceId> failed;
  for (const InstanceEntry* entry : of(revision)) {
    if (entry->report.state == InstanceState::failed) failed.push_back(entry->report.id);
  }
  for (std::size_t i = 0; i + keep < failed.size(); ++i) erase(entries_.find(failed[i]));
}

void Instances::report(const model::InstanceReport& report, base::Instant now) {
  const auto found = entries_.find(report.id);
  if (report.state == InstanceState::stopped) {
    if (found != entries_.end()) erase(found);
    return;
  }
  if (found == entries_.end()) {
    entries_.emplace(report.id, InstanceEntry{.report = report});
    by_revision_[report.revision].push_back(report.id);
    if (is_live(report.state)) apply_early(entries_.at(report.id));
  } else {
    if (found->second.report.state == InstanceState::failed) found->second.failure.reset();
    found->second.report = report;
    found->second.stale = false;
    if (!is_live(report.state)) {
      found->second.in_flight = 0;
      found->second.unready.reset();
    }
  }
  if (is_up(report.state)) {
    entries_.at(report.id).was_up = true;
    forget_failed(report.revision, 0);
  }
  if (!is_live(report.state)) entries_.at(report.id).ended = now;
  if (report.state == InstanceState::failed) forget_failed(report.revision, kMostEndedPerRevision);
}

void Instances::set_failure(const base::InstanceId& id, Failure failure) {
  const auto found = entries_.find(id);
  if (found != entries_.end()) found->second.failure = std::move(failure);
}

std::string_view state_of(const InstanceEntry& entry) {
  const model::InstanceState state = entry.report.state;
  if (state != model::InstanceState::running && state != model::InstanceState::idle) return to_string(state);
  if (entry.unready) return "unready";
  return to_string(entry.in_flight > 0 ? model::InstanceState::running : model::InstanceState::idle);
}

// A load is told once, when it changes, and the links of router and engine do not wait for each other. Those of
// instances which ended are pushed out by others.
void Instances::keep_early(const net::msg::InstanceLoad& load) {
  std::erase_if(early_, [&](const net::msg::InstanceLoad& each) { return each.id == load.id; });
  if (early_.size() >= kMostEarlyLoads) early_.pop_front();
  early_.push_back(load);
}

void Instances::apply_early(InstanceEntry& entry) {
  const auto found = std::ranges::find(early_, entry.report.id, &net::msg::InstanceLoad::id);
  if (found == early_.end()) return;
  entry.in_flight = found->in_flight;
  if (!found->available) entry.unready = found->detail;
  early_.erase(found);
}

bool Instances::set_load(const net::msg::InstanceLoad& load, std::int64_t now_unix_ns) {
  const auto found = entries_.find(load.id);
  if (found == entries_.end()) {
    keep_early(load);
    return false;
  }
  found->second.in_flight = load.in_flight;
  const std::optional<std::string> unready = load.available ? std::nullopt : std::optional(load.detail);
  if (found->second.unready.has_value() != unready.has_value()) found->second.readiness_changed_unix_ns = now_unix_ns;
  return std::exchange(found->second.unready, unready) != unready;
}

void Instances::begin_listing() {
  for (auto& [id, entry] : entries_) entry.stale = is_live(entry.report.state);
}

std::vector<base::RevisionName> Instances::finish_listing() {
  std::vector<base::RevisionName> lost;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (!entry->second.stale) {
      ++entry;
      continue;
    }
    lost.push_back(entry->second.report.revision);
    entry = erase(entry);
  }
  return lost;
}

void Instances::clear_loads() {
  early_.clear();
  for (auto& [id, entry] : entries_) {
    entry.in_flight = 0;
    entry.unready.reset();
  }
}

std::vector<base::RevisionName> Instances::expire(base::Instant now,
                                                  const std::function<bool(const base::RevisionName&)>& inspected) {
  std::vector<base::RevisionName> changed;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const model::InstanceReport& report = entry->second.report;
    const base::Duration ago = now - entry->second.ended;
    if (is_live(report.state) || ago < kEndedShown || (ago < kInspected && inspected(report.revision))) {
      ++entry;
      continue;
    }
    changed.push_back(report.revision);
    entry = erase(entry);
  }
  return changed;
}

const InstanceEntry* Instances::find(const base::InstanceId& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<const InstanceEntry*> Instances::of(const base::RevisionName& revision) const {
  std::vector<const InstanceEntry*> out;
  const auto list = by_revision_.find(revision);
  if (list == by_revision_.end()) return out;
  for (const base::InstanceId& id : list->second) out.push_back(&entries_.at(id));
  return out;
}

}  // namespace marea::control
