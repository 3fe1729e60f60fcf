// How an instance ends: drained, told to stop, failed, crashed; and what its end means for the next start.
#include <algorithm>

#include "engine/local/fleet.h"

namespace marea::engine::local {

void Fleet::remove(const net::msg::DeleteInstance& message, Moment moment) {
  FleetInstance* const instance = find(message.id);
  if (instance == nullptr || !instance->serving()) return;
  drain(*instance, message.reason, moment);
  settle(revision_of(*instance), moment);
}

void Fleet::retire(const net::msg::Retire& message, Moment moment) {
  FleetInstance* const instance = find(message.id);
  if (instance == nullptr || instance->phase != Phase::running) return;
  const FleetRevision& revision = revision_of(*instance);
  const int needed = std::max(revision.own_wish(), moment.now < revision.demand_until ? revision.demand : 0);
  if (count(revision, &FleetInstance::serving) <= needed) return;
  drain(*instance, message.reason, moment);
}

void Fleet::quiet(const net::msg::Quiet& message, Moment moment) {
  FleetInstance* const instance = find(message.id);
  if (instance == nullptr || instance->phase != Phase::draining || instance->epoch != message.epoch) return;
  stop(*instance, term_grace_, moment);
  settle(revision_of(*instance), moment);
}

base::Instant Fleet::drain_deadline(const FleetInstance& instance, Moment moment) const {
  base::Instant by = moment.now + instance.revision->spec.timeout + kVerdictMargin;
  if (!router_linked_) by = std::min(by, router_lost_at_ + kRouterGrace);
  if (quiet_by_) by = std::min(by, router_linked_ ? *quiet_by_ : moment.now);
  return by;
}

void Fleet::drain(FleetInstance& instance, model::Reason reason, Moment moment, std::string detail) {
  instance.reason = reason;
  instance.detail = std::move(detail);
  if (instance.phase == Phase::preparing) {
    // With sidecars some containers may run already.
    stop(instance, instance.revision->spec.sidecars.empty() ? base::Duration{0} : kUnusedGrace, moment);
    return;
  }
  instance.phase = Phase::draining;
  instance.epoch = ++epoch_;
  instance.next_look = base::Instant::max();
  instance.deadline = drain_deadline(instance, moment);
  report(instance, moment);
  to_router(net::msg::InstanceDrain{instance.id, instance.epoch});
}

void Fleet::stop(FleetInstance& instance, base::Duration grace, Moment moment) {
  instance.phase = Phase::stopping;
  if (!instance.stopped_at) instance.stopped_at = moment.now;
  instance.next_look = base::Instant::max();
  instance.deadline = moment.now + grace + kKillAgain;
  report(instance, moment);
  actions_.emplace_back(act::Stop{.id = instance.id, .grace = grace});
}

// It is no good: without waiting for requests, since it answers none.
void Fleet::fail(FleetInstance& instance, model::Reason reason, std::string detail, Moment moment) {
  instance.failed = true;
  instance.reason = reason;
  instance.detail = std::move(detail);
  FleetRevision& revision = revision_of(instance);
  if (instance.was_ready) {
    count_crash(revision, instance, moment);
  } else {
    count_failed_start(revision, instance, moment);
  }
  instance.epoch = ++epoch_;
  if (instance.opened) to_router(net::msg::InstanceDrain{instance.id, instance.epoch});
  stop(instance, instance.was_ready ? term_grace_ : kUnusedGrace, moment);
  settle(revision, moment);
}

void Fleet::sidecar_failed(const base::InstanceId& id, const SandboxEnd& end, Moment moment) {
  FleetInstance* const instance = find(id);
  if (instance == nullptr || (instance->phase != Phase::starting && instance->phase != Phase::running)) return;
  instance->container = end.container;
  if (!instance->was_ready) {
    fail(*instance, end.reason, end.detail, moment);
    return;
  }
  // The app may still answer what is in it.
  instance->failed = true;
  FleetRevision& revision = revision_of(*instance);
  count_crash(revision, *instance, moment);
  drain(*instance, end.reason, moment, end.detail);
  settle(revision, moment);
}

void Fleet::count_failed_start(FleetRevision& revision, const FleetInstance& instance, Moment moment) {
  ++revision.failures;
  revision.failure = instance.reason;
  revision.failure_detail = instance.detail;
  revision.demand = 0;
  // Starts that fail side by side are one failure for the wait.
  if (moment.now >= revision.retry_at) revision.retry_at = moment.now + revision.backoff.next();
  tell_failing(revision, moment);
}

void Fleet::count_crash(FleetRevision& revision, const FleetInstance& instance, Moment moment) {
  if (moment.now - instance.ready_at >= kStableTime) {
    revision.rest.reset();
  } else {
    revision.rest_until = moment.now + revision.rest.next();
  }
}

void Fleet::tell_failing(const FleetRevision& revision, Moment moment) {
  to_router(net::msg::StartsFailing{.revision = revision.revision->name,
                                    .failures = revision.failures,
                                    .retry_after = std::max(base::Duration{0}, revision.retry_at - moment.now),
                                    .reason = revision.failure,
                                    .detail = revision.failure_detail});
}

void Fleet::sandbox_ended(const base::InstanceId& id, const SandboxEnd& end, Moment moment) {
  const auto found = instances_.find(id);
  if (found == instances_.end()) return;
  FleetInstance instance = std::move(found->second);
  FleetRevision& revision = revision_of(instance);
  instances_.erase(found);
  std::erase(revision.members, id);
  slots_.at(static_cast<std::size_t>(instance.slot)) = false;

  const bool by_itself = instance.phase != Phase::stopping && !instance.failed;
  if (by_itself) {
    instance.failed = instance.phase != Phase::draining || end.reason != model::Reason::none;
    if (instance.failed) {
      instance.reason = end.reason == model::Reason::none ? model::Reason::sandbox_failed : end.reason;
      instance.detail = end.detail;
      instance.container = end.container;
    }
  }
  instance.since_unix_ns = moment.wall.unix_ns;
  model::InstanceReport report = report_of(instance);
  report.state = instance.failed ? model::InstanceState::failed : model::InstanceState::stopped;
  if (report.detail.empty()) report.detail = end.detail;
  report.exit = end.exit;
  report.container = end.container;
  report.peak_memory_bytes = end.peak_memory_bytes;
  report.usage = end.usage;
  actions_.emplace_back(act::Report{std::move(report)});
  if (by_itself && instance.serving()) {
    if (instance.was_ready) {
      count_crash(revision, instance, moment);
    } else {
      count_failed_start(revision, instance, moment);
    }
  }
  if (instance.opened) to_router(net::msg::InstanceClosed{id, instance.revision->name});

  settle(revision, moment);
  forget_unplanned(instance.revision->name);
  // Its memory may be what others wait for.
  for (const base::RevisionName& name : std::set<base::RevisionName>(hungry_)) {
    FleetRevision& other = revisions_.at(name);
    if (!other.short_of_room && other.held_back == HeldBack::no) continue;
    other.rest_until = std::min(other.rest_until, moment.now);
    grow(other, moment);
  }
}

void Fleet::stop_all(base::Duration grace, Moment moment) {
  if (quiet_by_) return;
  term_grace_ = std::min(kTermGrace, grace * 2 / 3);
  quiet_by_ = moment.now + (grace - term_grace_) / 2;
  for (auto& [name, revision] : revisions_) revision.min = revision.max = revision.wanted = revision.demand = 0;
  for (auto& [id, instance] : instances_) {
    if (instance.serving()) {
      drain(instance, model::Reason::platform_stopping, moment);
    } else if (instance.phase == Phase::draining) {
      instance.deadline = std::min(instance.deadline, drain_deadline(instance, moment));
    }
  }
  tick(moment);
}

}  // namespace marea::engine::local
