// What is said of services and revisions now.
#include <algorithm>
#include <ranges>

#include "control/control.h"

namespace marea::control {
namespace {

// An app that dies after it served is started again by the next request and says nothing about its revision, except
// that its memory limit is too small: a new start does not mend that.
bool speaks_of_revision(const InstanceEntry& entry) {
  return entry.failure && (!entry.was_up || entry.failure->reason == model::Reason::out_of_memory);
}

}  // namespace

RevisionStatus Control::status(const ServiceState& service, const RevisionState& revision) const {
  const base::RevisionName& name = revision.record.revision.name;
  RevisionStatusFacts facts{.record = &revision.record, .checking = revision.checking};
  facts.routed = std::ranges::find(service.shares, name, &model::RouteShare::revision) != service.shares.end();
  live_instances(name, &facts.up);
  if (const model::RevisionPlan* plan = engine_.plan_of(service.record.service.name, name)) facts.wanted = plan->wanted;
  if (facts.up == 0) {
    base::Instant newest{};
    for (const InstanceEntry* entry : instances_.of(name)) {
      if (!speaks_of_revision(*entry) || entry->ended < newest) continue;
      newest = entry->ended;
      facts.failing = &*entry->failure;
      facts.failing_since_unix_ns = entry->report.since_unix_ns;
    }
  }
  return revision_status(facts);
}

ServiceStatus Control::status(const ServiceState& service) const {
  ServiceStatusFacts facts{.record = &service.record, .shares = service.shares, .unmet = service.unmet};
  if (!service.revisions.empty()) {
    facts.newest = &service.revisions.back().record;
    facts.newest_status = status(service, service.revisions.back());
  }
  for (const RevisionState& one : service.revisions | std::views::reverse) {
    if (one.record.result != store::RevisionResult::ready) continue;
    facts.latest_ready = one.record.revision.name.str();
    break;
  }
  facts.routes_applied = service.routes_version != 0 && router_.applied() >= service.routes_version;
  return service_status(facts);
}

}  // namespace marea::control
