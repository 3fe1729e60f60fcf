// The life of an instance up to its end, its links' coming and going, and time.
#include "engine/local/fleet.h"

#include <algorithm>

#include "engine/local/fleet_port.h"

namespace marea::engine::local {
namespace {

std::string seconds(base::Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

}  // namespace

FleetInstance* Fleet::find(const base::InstanceId& id) {
  const auto found = instances_.find(id);
  return found == instances_.end() ? nullptr : &found->second;
}

bool Fleet::open(const base::InstanceId& id) const {
  const auto found = instances_.find(id);
  return found != instances_.end() && found->second.opened && found->second.takes_requests();
}

void Fleet::report(FleetInstance& instance, Moment moment) {
  model::InstanceReport report = report_of(instance);
  if (!instance.reported || instance.reported->state != report.state) {
    report.since_unix_ns = instance.since_unix_ns = moment.wall.unix_ns;
  }
  if (instance.reported == report) return;
  instance.reported = report;
  actions_.emplace_back(act::Report{std::move(report)});
}

void Fleet::sandbox_prepared(const base::InstanceId& id, Moment moment) {
  FleetInstance* const instance = find(id);
  if (instance == nullptr || instance->phase != Phase::preparing) return;
  instance->phase = Phase::starting;
  instance->opened = true;
  instance->started_at = moment.now;
  instance->deadline = moment.now + start_deadline(instance->revision->spec.container) + kVerdictMargin;
  actions_.emplace_back(act::Start{id});
  // Before the app runs: router finds it ready as soon as it is.
  to_router(net::msg::InstanceOpen{
      .id = id, .revision = instance->revision->name, .epoch = epoch_, .ready = false, .slot = instance->slot});
  resume(moment);
}

void Fleet::sandbox_started(const base::InstanceId& id, Moment moment) {
  FleetInstance* const instance = find(id);
  if (instance == nullptr) return;
  instance->app_started = true;
  if (instance->phase == Phase::starting) instance->next_look = moment.now + kLookEvery;
}

void Fleet::ready(const base::InstanceId& id, Moment moment) {
  FleetInstance* const instance = find(id);
  if (instance == nullptr || instance->phase != Phase::starting) return;
  instance->phase = Phase::running;
  instance->was_ready = true;
  instance->ready_at = moment.now;
  instance->deadline = base::Instant::max();
  instance->next_look = base::Instant::max();
  instance->listening.clear();
  instance->hint.clear();
  report(*instance, moment);
  FleetRevision& revision = revision_of(*instance);
  revision.backoff.reset();
  revision.retry_at = {};
  if (std::exchange(revision.failures, 0) > 0) tell_failing(revision, moment);
  grow(revision, moment);
  resume(moment);
}

void Fleet::looked(const base::InstanceId& id, std::vector<model::ListeningSocket> listening, Moment moment) {
  FleetInstance* const instance = find(id);
  if (instance == nullptr || instance->phase != Phase::starting) return;
  const model::Container& container = instance->revision->spec.container;
  const bool elsewhere = judge_ports(expected_port(container), listening) == PortFinding::elsewhere;
  if (!elsewhere) {
    instance->elsewhere_since.reset();
    listening.clear();
  } else if (!instance->elsewhere_since) {
    instance->elsewhere_since = moment.now;
  }
  if (listening != instance->listening) {
    instance->hint = elsewhere ? describe_mismatch(container, listening) : std::string();
    instance->listening = std::move(listening);
    report(*instance, moment);
  }
  const bool settled = elsewhere && moment.now - *instance->elsewhere_since >= kMismatchTime;
  if (settled && !container.startup.declared) {
    fail(*instance, model::Reason::port_mismatch, instance->hint, moment);
  }
}

void Fleet::unready(const net::msg::InstanceUnready& message, std::vector<model::ListeningSocket> listening,
                    Moment moment) {
  FleetInstance* const instance = find(message.id);
  if (instance == nullptr || (instance->phase != Phase::starting && instance->phase != Phase::running)) return;
  const model::Container& container = instance->revision->spec.container;
  const bool never = !instance->was_ready;
  instance->listening = std::move(listening);
  if (never && judge_ports(expected_port(container), instance->listening) == PortFinding::elsewhere) {
    fail(*instance, model::Reason::port_mismatch, describe_mismatch(container, instance->listening), moment);
  } else {
    fail(*instance, message.reason, message.detail, moment);
  }
}

// ---- links

void Fleet::control_lost(Moment moment) {
  control_linked_ = false;
  granted_until_ = grant_end(moment);
}

void Fleet::control_linked() {
  control_linked_ = true;
  for (const auto& [id, instance] : instances_) actions_.emplace_back(act::Report{report_of(instance)});
}

void Fleet::router_linked(Moment moment) {
  router_linked_ = true;
  for (auto& [id, instance] : instances_) {
    if (instance.phase == Phase::starting || instance.phase == Phase::running) {
      to_router(net::msg::InstanceOpen{.id = id,
                                       .revision = instance.revision->name,
                                       .epoch = epoch_,
                                       .ready = instance.phase == Phase::running,
                                       .slot = instance.slot});
    }
    if (instance.phase == Phase::starting) {  // a new router counts from its own beginning
      instance.deadline = moment.now + start_deadline(instance.revision->spec.container) + kVerdictMargin;
    }
    if (instance.phase == Phase::draining) {
      instance.deadline = drain_deadline(instance, moment);
      to_router(net::msg::InstanceDrain{id, instance.epoch});
    }
  }
  for (const auto& [name, revision] : revisions_) {
    if (moment.now < revision.retry_at) tell_failing(revision, moment);
  }
}

void Fleet::router_lost(Moment moment) {
  router_linked_ = false;
  router_lost_at_ = moment.now;
  for (auto& [id, instance] : instances_) {
    if (instance.phase == Phase::draining) {
      instance.deadline = std::min(instance.deadline, drain_deadline(instance, moment));
    }
  }
}

// ---- time

base::Instant Fleet::next_deadline() const {
  base::Instant next = base::Instant::max();
  for (const auto& [id, instance] : instances_) next = std::min({next, instance.deadline, instance.next_look});
  for (const base::RevisionName& name : hungry_) {
    const FleetRevision& revision = revisions_.at(name);
    if (count(revision, &FleetInstance::serving) >= revision.own_wish()) continue;
    // Of the two, the later one opens the way; when both are past, something else is missing.
    const base::Instant start = std::max(revision.retry_at, revision.rest_until);
    if (start > revision.settled_at) next = std::min(next, start);
  }
  return next;
}

void Fleet::tick(Moment moment) {
  std::vector<base::InstanceId> due;
  for (auto& [id, instance] : instances_) {
    if (instance.deadline <= moment.now || instance.next_look <= moment.now) due.push_back(id);
  }
  for (const base::InstanceId& id : due) {
    FleetInstance& instance = instances_.at(id);
    if (instance.deadline <= moment.now) {
      expire(instance, moment);
    } else {
      instance.next_look = moment.now + kLookEvery;
      actions_.emplace_back(act::Look{id});
    }
  }
  for (const base::RevisionName& name : std::set<base::RevisionName>(hungry_)) {
    FleetRevision& revision = revisions_.at(name);
    const bool waits = revision.retry_at > revision.settled_at || revision.rest_until > revision.settled_at;
    if (waits) grow(revision, moment);
  }
}

void Fleet::expire(FleetInstance& instance, Moment moment) {
  switch (instance.phase) {
    case Phase::preparing:
      fail(instance, model::Reason::sandbox_failed,
           "the sandbox was not prepared within " +
               seconds(kPrepareTime + model::sidecar_startup_time(instance.revision->spec)),
           moment);
      return;
    case Phase::starting: {
      const model::Container& container = instance.revision->spec.container;
      if (!router_linked_) {  // nobody looked: it may well be ready
        instance.deadline = moment.now + start_deadline(container) + kVerdictMargin;
      } else {
        fail(instance, model::Reason::never_listened,
             "port " + std::to_string(expected_port(container)) + " did not answer within " +
                 seconds(container.startup.deadline()),
             moment);
      }
      return;
    }
    case Phase::running: instance.deadline = base::Instant::max(); return;
    case Phase::draining:
      stop(instance, term_grace_, moment);
      settle(revision_of(instance), moment);
      return;
    case Phase::stopping:
      instance.deadline = moment.now + kKillAgain;
      actions_.emplace_back(act::Stop{.id = instance.id, .grace = base::Duration{0}});
      return;
  }
}

}  // namespace marea::engine::local
