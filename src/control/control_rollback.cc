// Going back by hand, and answers of people to gates.
#include <algorithm>
#include <ranges>
#include <utility>

#include "control/apply.h"
#include "control/control.h"
#include "control/rollback.h"

namespace marea::control {
namespace {

// Whether the rollback of the revision is forbidden by now.
bool forbids(const RevisionState& revision, const std::vector<ReleaseEntry>& releases) {
  for (const ReleaseEntry& each : releases | std::views::reverse) {
    const model::ReleaseSpec& spec = each.record().spec;
    if (spec.canary != revision.record.revision.name) continue;
    const auto last = model::last_step_with_rollback(spec.policy);
    return last && each.state().step > *last && each.state().weight > 0;
  }
  return revision.record.revision.spec.rollback_until.has_value();  // deployed all at once: beyond every step
}

std::unexpected<Refusal> not_newest(const std::string& what, const std::string& release, const std::string& newest) {
  return refuse(base::ErrorCode::conflict, "cannot " + what + " " + release,
                "release " + newest + " of the same service came after it", "Use that one");
}

}  // namespace

RollbackFacts Control::rollback_facts(const ServiceState& service) const {
  RollbackFacts out{.service = service.record.service.name};
  const auto share_of = [&](const base::RevisionName& name) {
    const auto found = std::ranges::find(service.shares, name, &model::RouteShare::revision);
    return found == service.shares.end() ? 0U : found->weight;
  };
  for (const RevisionState& one : service.revisions) {
    const base::RevisionName& name = one.record.revision.name;
    out.revisions.push_back({.name = name,
                             .ready = one.record.result == store::RevisionResult::ready,
                             .forbids = forbids(one, service.releases)});
    if (share_of(name) == 0) continue;
    out.serves_alone = out.serving.empty();
    out.serving = name;
  }
  for (const ReleaseEntry& each : service.releases) {
    const model::ReleaseSpec& spec = each.record().spec;
    out.releases.push_back({.id = spec.id, .stable = spec.stable, .canary = spec.canary, .phase = each.state().phase});
  }
  out.by_hand = std::ranges::any_of(service.record.service.traffic,
                                    [](const model::TrafficTarget& each) { return !each.latest && each.percent > 0; });
  return out;
}

base::RevisionName Control::last_known_stable(const base::ServiceName& service) const {
  const auto found = services_.find(service);
  return found == services_.end() ? base::RevisionName() : control::last_known_stable(rollback_facts(found->second));
}

std::expected<Outcome, Refusal> Control::run(const RollBack& command) {
  const std::string& name = command.service.str();
  ServiceState* service = find(command.service);
  if (service == nullptr) {
    return control::refuse(base::ErrorCode::not_found, "services.serving.knative.dev \"" + name + "\" not found");
  }
  if (service->record.deleting) {
    return control::refuse(base::ErrorCode::conflict, "cannot roll back " + name, "it is being deleted");
  }
  const auto plan = plan_rollback(rollback_facts(*service), command.revision);
  if (!plan) return std::unexpected(plan.error());
  const ExperimentEntry* experiment = running_experiment(command.service);
  if (experiment != nullptr && !end_experiment(experiments_.at(experiment->spec().name), model::ExperimentEnd::deploy,
                                               "a rollback came", command.who)) {
    return control::refuse(base::ErrorCode::io, "cannot roll back " + name, "the store did not take it",
                           "Try again in a moment");
  }
  RolledBack out{.service = command.service, .from = plan->from, .to = plan->to, .by_traffic = plan->by_traffic};
  if (!service->releases.empty()) out.release = service->releases.back().record().spec.id;
  if (plan->aborts || plan->undoes) {
    const MoveRelease move{.service = command.service,
                           .command = {.act = decide::OperatorAct::abort,
                                       .who = command.who,
                                       .reason = command.reason,
                                       .after_end = plan->undoes}};
    if (auto moved = run(move); !moved) return moved;
  }
  if (plan->by_traffic) {
    if (auto done = send_all_to(*service, command, *plan); !done) return std::unexpected(std::move(done.error()));
  }
  log_(base::Severity::warning, "a service was rolled back",
       {{"service", name}, {"from", out.from.str()}, {"to", out.to.str()}, {"who", command.who}});
  return out;
}

// Written as if somebody had set spec.traffic, with a line in the history of the newest release.
std::expected<void, Refusal> Control::send_all_to(ServiceState& service, const RollBack& command,
                                                  const RollbackPlan& plan) {
  model::Json document = model::Json::parse(service.record.document, nullptr, false);
  auto parsed = model::parse_service(with_traffic_to(document, plan.to));
  if (!parsed) {
    return std::unexpected(Refusal{
        .error = {.code = base::ErrorCode::internal, .what = "cannot roll back " + service.record.service.name.str()},
        .faults = std::move(parsed.error())});
  }
  ApplyDecision decision{.service = service.record, .changed = true};
  decision.service.service = std::move(parsed->service);
  decision.service.document = parsed->document.dump(-1, ' ', false, model::Json::error_handler_t::replace);
  ++decision.service.generation;
  std::vector<store::Change> changes{decision.service};
  std::optional<ReleaseEntry::Next> line;
  if (!service.releases.empty() &&
      release_history(service.releases.back().record().spec.id).size() < kMostReleaseLines) {
    const std::string what = "all requests to " + plan.to.str() + " by spec.traffic";
    line = service.releases.back().note({.actor = model::ReleaseActor::person,
                                         .who = command.who,
                                         .event = model::ReleaseEvent::rolled_back,
                                         .why = what + (command.reason.empty() ? "" : ": " + command.reason)},
                                        loop_.now(), loop_.clock().wall());
    changes.emplace_back(line->record);
    changes.insert(changes.end(), line->audit.begin(), line->audit.end());
  }
  history_.author = {.actor = model::ReleaseActor::person, .who = command.who, .why = command.reason};
  if (auto done = commit(changes); !done) {
    return std::unexpected(Refusal{.error = std::move(done.error()), .faults = {}});
  }
  decision.service.resource_version = store_.resource_version();
  adopt(std::move(decision), {});
  if (line) adopt_releases(command.service, {.running = std::move(line), .fresh = {}, .dropped = {}, .notice = {}});
  return {};
}

std::expected<Outcome, Refusal> Control::run(const AnswerGate& command) {
  ServiceState* service = find(command.service);
  if (service == nullptr || service->releases.empty()) {
    return control::refuse(base::ErrorCode::not_found, "service " + command.service.str() + " has no release");
  }
  const ReleaseEntry& entry = service->releases.back();
  const std::string& id = entry.record().spec.id;
  const std::string what = "answer the gate " + command.gate + " of release";
  if (command.release != id) return not_newest(what, command.release, id);
  const auto& gates = entry.record().spec.policy.gates;
  const auto gate = std::ranges::find(gates, command.gate, &model::ReleaseGate::name);
  if (gate == gates.end()) {
    return control::refuse(base::ErrorCode::not_found, "release " + id + " has no gate " + command.gate);
  }
  const model::ReleaseState& state = entry.state();
  const model::ReleasePhase phase = state.phase == model::ReleasePhase::paused ? state.paused_phase : state.phase;
  const auto index = static_cast<std::uint32_t>(gate - gates.begin());
  if (phase != model::ReleasePhase::gated || state.next_gate != index || state.gate_passed) {
    return control::refuse(base::ErrorCode::conflict, "cannot " + what + " " + id, "it is not open");
  }
  if (gate->kind != model::GateKind::manual) {
    return control::refuse(base::ErrorCode::conflict, "cannot " + what + " " + id, "its webhook answers it",
                           "Advance the release to pass it by hand");
  }
  if (release_history(id).size() >= kMostReleaseLines) {
    return control::refuse(base::ErrorCode::too_large, "cannot " + what + " " + id,
                           "its history has " + std::to_string(kMostReleaseLines) + " lines", "Deploy anew");
  }
  const decide::GateAnswer answer{
      .gate = index, .passed = command.passed, .detail = command.detail, .who = command.who};
  if (!move_release(*service, {answer})) {
    return control::refuse(base::ErrorCode::io, "cannot " + what + " " + id, "the store did not take it",
                           "Try again in a moment");
  }
  return ReleaseMoved{.id = id};
}

}  // namespace marea::control
