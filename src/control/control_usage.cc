// What instances used: from engine's accounts into the store, and then back to engine that it is kept.
#include <algorithm>
#include <utility>

#include "control/control.h"

namespace marea::control {

UsageBook::Moment Control::usage_moment() const {
  return {.now = loop_.now(), .unix_ns = loop_.clock().wall().unix_ns};
}

// One of the oldest of its revision, of which so many run in any case.
bool Control::kept_by_minimum(const base::InstanceId& id, const base::RevisionName& name) const {
  const RevisionState* state = revision(name);
  if (state == nullptr) return false;
  int left = state->record.revision.spec.min_scale;
  for (const InstanceEntry* entry : instances_.of(name)) {
    if (!is_live(entry->report.state)) continue;
    if (left-- <= 0) return false;
    if (entry->report.id == id) return true;
  }
  return false;
}

void Control::on_usage(const net::msg::InstanceUsage& account) {
  usage_.take({.instance = account.id,
               .revision = account.revision,
               .service = account.service,
               .usage = account.usage,
               .kept = kept_by_minimum(account.id, account.revision)},
              usage_moment());
  if (!usage_timer_.armed()) usage_timer_.arm_in(kUsageBatch);
}

void Control::note_usage(const model::InstanceReport& report) {
  if (is_live(report.state)) {
    usage_.named(report.id);
    return;
  }
  usage_.take({.instance = report.id,
               .revision = report.revision,
               .service = report.service,
               .usage = report.usage,
               .kept = kept_by_minimum(report.id, report.revision),
               .ended = true},
              usage_moment());
  if (!usage_timer_.armed()) usage_timer_.arm_in(kUsageBatch);
}

void Control::store_usage() {
  std::vector<store::Change> changes = usage_.changes(loop_.now());
  if (!changes.empty()) {
    if (const auto done = commit(changes); !done) {
      log_(base::Severity::error, "what instances used could not be stored", {{"error", done.error().line()}});
      usage_timer_.arm_in(kStoreRetry);
      return;
    }
  }
  for (const base::InstanceId& id : usage_.written()) engine_.kept(id);
}

}  // namespace marea::control
