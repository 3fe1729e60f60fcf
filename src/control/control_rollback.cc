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
    const auto found = std::ranges::find(service.by_traffic, name, &model::RouteShare::revision);
    return found == service.by_traffic.end() ? 0U : found->weight;
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
  if (const ExperimentEntry* experiment = running_experiment(out.service)) {
    const auto [control, tried] = experiment->main_arms();
    out.control = control;
    out.tried = tried;
  }
  out.by_hand = std::ranges::any_of(service.record.service.traffic,
                                    [](const model::TrafficTarget& each) { return !each.latest && each.weight > 0; });
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
  RolledBack out{.service = command.service, .from = plan->from, .to = plan->to, .by_traffic = plan->by_traffic};
  if (!service->releases.empty()) out.release = service->releases.back().record().spec.id;
  if (auto done = carry_out(*service, command, *plan); !done) return std::unexpected(std::move(done.error()));
  log_(base::Severity::warning, "a service was rolled back",
       {{"service", name}, {"from", out.from.str()}, {"to", out.to.str()}, {"who", command.who}});
  return out;
}

std::expected<void, Refusal> Control::carry_out(ServiceState& service, const RollBack& command,
                                                const RollbackPlan& plan) {
  if (plan.aborts || plan.undoes) {
    const MoveRelease move{
        .service = command.service,
        .command = {
            .act = decide::OperatorAct::abort, .who = command.who, .reason = command.reason, .after_end = plan.undoes}};
    if (auto moved = run(move); !moved) return std::unexpected(std::move(moved.error()));
  }
  const ExperimentEntry* experiment = running_experiment(command.service);
  std::optional<store::ExperimentRecord> ends;
  if (experiment != nullptr) {
    ends = experiment->ended(model::ExperimentEnd::person,
                             "rolled back to " + plan.to.str() + (command.reason.empty() ? "" : ": " + command.reason),
                             command.who, loop_.clock().wall());
  }
  const std::string what = "cannot roll back " + command.service.str();
  if (plan.by_traffic) {
    return send_all_to(service, {.to = plan.to,
                                 .what = what,
                                 .author = {.actor = model::ReleaseActor::person,
                                            .who = command.who,
                                            .why = command.reason,
                                            .undoes = plan.from},
                                 .line = rollback_line(service, command, plan),
                                 .ends = std::move(ends)});
  }
  if (!ends) return {};
  std::vector<store::Change> changes{*ends};
  if (auto done = commit(changes); !done) {
    return std::unexpected(Refusal{.error = std::move(done.error()), .faults = {}});
  }
  adopt_experiment(*std::move(ends));
  return {};
}

// In the history of the newest release, which somebody may read to learn why its revision has no requests.
std::optional<ReleaseEntry::Next> Control::rollback_line(const ServiceState& service, const RollBack& command,
                                                         const RollbackPlan& plan) {
  const bool room =
      !service.releases.empty() && release_history(service.releases.back().record().spec.id).size() < kMostReleaseLines;
  if (!room) return std::nullopt;
  const std::string what = "all requests to " + plan.to.str() + " by spec.traffic";
  return service.releases.back().note({.actor = model::ReleaseActor::person,
                                       .who = command.who,
                                       .event = model::ReleaseEvent::rolled_back,
                                       .why = what + (command.reason.empty() ? "" : ": " + command.reason)},
                                      loop_.now(), loop_.clock().wall());
}

std::expected<void, Refusal> Control::send_all_to(ServiceState& service, TrafficPin pin) {
  model::Json document = model::Json::parse(service.record.document, nullptr, false);
  auto parsed = model::parse_service(with_traffic_to(document, pin.to));
  if (!parsed) {
    return std::unexpected(Refusal{.error = {.code = base::ErrorCode::internal, .what = std::move(pin.what)},
                                   .faults = std::move(parsed.error())});
  }
  ApplyDecision decision{.service = service.record, .changed = true};
  decision.service.service = std::move(parsed->service);
  decision.service.document = parsed->document.dump(-1, ' ', false, model::Json::error_handler_t::replace);
  ++decision.service.generation;
  std::vector<store::Change> changes{decision.service};
  if (pin.line) {
    changes.emplace_back(pin.line->record);
    changes.insert(changes.end(), pin.line->audit.begin(), pin.line->audit.end());
  }
  if (pin.ends) changes.emplace_back(*pin.ends);
  history_.author = std::move(pin.author);
  if (auto done = commit(changes); !done) {
    return std::unexpected(Refusal{.error = std::move(done.error()), .faults = {}});
  }
  decision.service.resource_version = store_.resource_version();
  const base::ServiceName name = service.record.service.name;
  adopt(std::move(decision), {});
  if (pin.line) adopt_releases(name, {.running = std::move(pin.line), .fresh = {}, .dropped = {}, .notices = {}});
  if (pin.ends) adopt_experiment(*std::move(pin.ends));
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
    std::string there;
    for (const model::ReleaseGate& each : gates) there += (there.empty() ? "" : ", ") + each.name;
    return control::refuse(base::ErrorCode::not_found, "release " + id + " has no gate " + command.gate,
                           there.empty() ? "its policy has none" : "its gates are " + there);
  }
  const model::ReleaseState& state = entry.state();
  const model::ReleasePhase phase = state.phase == model::ReleasePhase::paused ? state.paused_phase : state.phase;
  const auto index = static_cast<std::uint32_t>(gate - gates.begin());
  if (phase != model::ReleasePhase::gated || state.next_gate != index || state.gate_passed) {
    return control::refuse(base::ErrorCode::conflict, "cannot " + what + " " + id,
                           "it is not open: the release is " + std::string(to_string(state.phase)) +
                               (phase == model::ReleasePhase::gated && !state.gate_passed
                                    ? ", and its open gate is " + gates.at(state.next_gate).name
                                    : ""));
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
