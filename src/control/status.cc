#include "control/status.h"

#include <algorithm>
#include <utility>

namespace marea::control {
namespace {

using model::Reason;

std::string text(Reason reason) {
  return std::string(to_string(reason));
}

// The worst of several: False beats Unknown beats True; the first of equals speaks.
Condition ready_of(const std::vector<Condition>& parts) {
  const Condition* worst = &parts.front();
  const auto badness = [](const Condition& one) {
    return one.status == Truth::no ? 2 : (one.status == Truth::unknown ? 1 : 0);
  };
  std::int64_t since = 0;
  for (const Condition& part : parts) {
    if (badness(part) > badness(*worst)) worst = &part;
    since = std::max(since, part.since_unix_ns);
  }
  Condition ready = *worst;
  ready.type = "Ready";
  if (ready.status == Truth::yes) ready.since_unix_ns = since;
  return ready;
}

bool is_resource_failure(Reason reason) {
  return reason == Reason::sandbox_failed || reason == Reason::machine_full || reason == Reason::secret_missing ||
         reason == Reason::config_missing;
}

void set(Condition& condition, Truth status, Reason reason, std::string message) {
  condition.status = status;
  condition.reason = text(reason);
  condition.message = std::move(message);
}

Condition active_of(const RevisionStatusFacts& facts) {
  Condition active{.type = "Active", .since_unix_ns = facts.record->decided_unix_ns};
  if (facts.up > 0) {
    active.status = Truth::yes;
  } else {
    active.status = facts.checking ? Truth::unknown : Truth::no;
    active.reason = facts.checking ? text(Reason::deploying) : "NoTraffic";
    active.message = facts.checking ? "It is being started." : "No instance runs: no one asks for it.";
  }
  return active;
}

// Of the revisions that traffic names and cannot have, the first that is not just being deployed.
std::vector<std::string>::const_iterator first_missing(const ServiceStatusFacts& facts) {
  const bool pending = facts.newest != nullptr && facts.newest->result == store::RevisionResult::pending;
  return std::ranges::find_if(
      facts.unmet, [&](const std::string& name) { return !pending || name != facts.newest->revision.name.str(); });
}

}  // namespace

std::string_view to_string(Truth truth) {
  switch (truth) {
    case Truth::yes: return "True";
    case Truth::no: return "False";
    case Truth::unknown: return "Unknown";
  }
  return "Unknown";
}

RevisionStatus revision_status(const RevisionStatusFacts& facts) {
  const store::RevisionRecord& record = *facts.record;
  const std::int64_t since = record.decided_unix_ns != 0 ? record.decided_unix_ns : record.revision.created_unix_ns;
  Condition healthy{.type = "ContainerHealthy", .since_unix_ns = since};
  Condition resources{.type = "ResourcesAvailable", .since_unix_ns = since};
  RevisionStatus out{.actual_replicas = facts.up, .desired_replicas = facts.wanted};
  switch (record.result) {
    case store::RevisionResult::pending: {
      const Reason reason = facts.checking ? Reason::deploying : Reason::resolving_image;
      set(healthy, Truth::unknown, reason,
          facts.checking ? "An instance is being started to prove that it serves." : "The image is being prepared.");
      set(resources, Truth::unknown, reason, {});
      break;
    }
    case store::RevisionResult::failed:
      out.error_code = base::to_string(record.code);
      set(is_resource_failure(record.reason) ? resources : healthy, Truth::no, record.reason, record.message);
      if (is_resource_failure(record.reason)) set(healthy, Truth::unknown, record.reason, {});
      break;
    case store::RevisionResult::ready:
      set(healthy, Truth::yes, Reason::none, {});
      set(resources, Truth::yes, Reason::none, {});
      if (facts.failing == nullptr) break;
      out.error_code = base::to_string(facts.failing->code);
      set(is_resource_failure(facts.failing->reason) ? resources : healthy, Truth::no, facts.failing->reason,
          facts.failing->message);
      healthy.since_unix_ns = resources.since_unix_ns = facts.failing_since_unix_ns;
      break;
  }
  out.conditions = {ready_of({healthy, resources}), healthy, resources, active_of(facts)};
  return out;
}

ServiceStatus service_status(const ServiceStatusFacts& facts) {
  const store::ServiceRecord& record = *facts.record;
  ServiceStatus out{.observed_generation = record.generation,
                    .latest_ready = facts.latest_ready,
                    .shares = facts.shares,
                    .error_code = facts.newest_status.error_code};
  Condition configurations{.type = "ConfigurationsReady", .since_unix_ns = record.created_unix_ns};
  Condition routes{.type = "RoutesReady", .since_unix_ns = record.created_unix_ns};
  if (facts.newest != nullptr) {
    out.latest_created = facts.newest->revision.name.str();
    configurations = condition(facts.newest_status.conditions, "Ready");
    configurations.type = "ConfigurationsReady";
    routes.since_unix_ns = configurations.since_unix_ns;
  }
  if (record.deleting) {
    set(routes, Truth::unknown, Reason::deleted, "The service is being deleted.");
  } else if (const auto missing = first_missing(facts); missing != facts.unmet.end()) {
    set(routes, Truth::no, Reason::revision_missing,
        "Traffic names revision " + *missing + ", which is absent or not ready; its share goes to the others.");
    if (out.error_code.empty()) out.error_code = base::to_string(base::ErrorCode::not_found);
  } else if (!facts.unmet.empty()) {
    set(routes, Truth::unknown, Reason::deploying,
        "Traffic names revision " + out.latest_created + ", which is not ready yet.");
  } else if (facts.shares.empty()) {
    routes.status = configurations.status == Truth::no ? Truth::no : Truth::unknown;
    routes.reason = configurations.reason;
    routes.message = "No revision is ready to take traffic.";
  } else if (!facts.routes_applied) {
    set(routes, Truth::unknown, Reason::deploying, "The router has not confirmed the new routes yet.");
  } else {
    routes.status = Truth::yes;
  }
  out.conditions = {ready_of({configurations, routes}), configurations, routes};
  return out;
}

const Condition& condition(const std::vector<Condition>& conditions, std::string_view type) {
  return *std::ranges::find(conditions, type, &Condition::type);
}

}  // namespace marea::control
