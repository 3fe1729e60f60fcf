// What one engine writes down and the next one goes on with.
#include <algorithm>

#include "engine/local/fleet.h"

namespace marea::engine::local {

namespace {

std::optional<base::Duration> since_boot(std::optional<base::Instant> at) {
  return at.transform([](base::Instant each) { return each.time_since_epoch(); });
}

std::optional<base::Instant> instant(std::optional<base::Duration> since_boot) {
  return since_boot.transform([](base::Duration each) { return base::Instant(each); });
}

}  // namespace

InstanceRecord Fleet::record(const base::InstanceId& id) const {
  const FleetInstance& instance = instances_.at(id);
  return {.id = id,
          .slot = instance.slot,
          .revision = *instance.revision,
          .phase = instance.phase,
          .epoch = instance.epoch,
          .created_unix_ns = instance.created_unix_ns,
          .since_unix_ns = instance.since_unix_ns,
          .deadline = instance.deadline.time_since_epoch(),
          .ready_at = instance.ready_at.time_since_epoch(),
          .was_ready = instance.was_ready,
          .started_at = since_boot(instance.started_at),
          .stopped_at = since_boot(instance.stopped_at),
          .reason = instance.reason,
          .detail = instance.detail,
          .failed = instance.failed,
          .past = {.app_started = instance.app_started, .asked_to_stop = false, .parting = {}},
          .end = {},
          .container = instance.container};
}

bool Fleet::adopt(const InstanceRecord& record, Moment moment) {
  const bool known_phase = record.phase >= Phase::starting && record.phase <= Phase::stopping;
  const bool free =
      record.slot >= 0 && record.slot < limits_.slots && !slots_.at(static_cast<std::size_t>(record.slot));
  if (!known_phase || !free || instances_.contains(record.id)) return false;
  slots_.at(static_cast<std::size_t>(record.slot)) = true;
  epoch_ = std::max(epoch_, record.epoch);
  if (!router_linked_) router_lost_at_ = moment.now;

  FleetRevision& revision = revisions_[record.revision.name];
  if (!revision.revision) revision.revision = std::make_shared<const model::Revision>(record.revision);
  revision.members.push_back(record.id);
  // Until the plan says: they stay, and no more come.
  revision.max = std::max(revision.max, static_cast<int>(revision.members.size()));

  FleetInstance& instance = instances_[record.id];
  instance = {.id = record.id, .slot = record.slot, .phase = record.phase};
  instance.revision = *revision.revision == record.revision ? revision.revision
                                                            : std::make_shared<const model::Revision>(record.revision);
  instance.created_unix_ns = record.created_unix_ns;
  instance.since_unix_ns = record.since_unix_ns;
  instance.deadline = base::Instant(record.deadline);
  instance.opened = true;
  instance.app_started = record.past.app_started;
  instance.was_ready = record.was_ready;
  instance.ready_at = base::Instant(record.ready_at);
  instance.started_at = instant(record.started_at);
  instance.stopped_at = instant(record.stopped_at);
  instance.epoch = record.epoch;
  if (instance.phase == Phase::starting) instance.next_look = moment.now + kLookEvery;
  instance.reason = record.reason;
  instance.detail = record.detail;
  instance.container = record.container;
  instance.failed = record.failed;
  instance.reported = report_of(instance);
  if (instance.phase == Phase::stopping) {
    const base::Duration left = instance.deadline - kKillAgain - moment.now;
    actions_.emplace_back(act::Stop{.id = record.id, .grace = std::max(base::Duration{0}, left)});
  }
  return true;
}

}  // namespace marea::engine::local
