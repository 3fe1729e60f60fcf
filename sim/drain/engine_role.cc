#include "sim/drain/engine_role.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

namespace marea::sim::drain {

namespace local = engine::local;
namespace msg = net::msg;

namespace {

constexpr int kStock = 8;  // of sockets, with an instance's opening

}  // namespace

// An engine that starts finds nothing that lives: it has cleaned up what its last life left.
EngineRole::EngineRole(Stage& stage)
    : Life(stage), fleet_({.memory_bytes = stage.machine.memory_bytes}, stage.dice.random()) {
  stage.machine.end_all();
  stage.machine.forget_maxima();
}

void EngineRole::die() {
  Life::die();
  router_.close();
  control_.close();
}

void EngineRole::carry_out() {
  if (carrying_ || dead()) return;
  carrying_ = true;
  for (std::vector<local::Action> actions = fleet_.take_actions(); !actions.empty(); actions = fleet_.take_actions()) {
    for (const local::Action& action : actions) {
      if (dead() || stage_.strikes(net::Role::engine)) return;
      std::visit(*this, action);
    }
  }
  carrying_ = false;
  arm();
}

void EngineRole::arm() {
  const base::Instant next = fleet_.next_deadline();
  if (next == base::Instant::max() || (armed_for_ <= next && armed_for_ > now())) return;
  armed_for_ = next;
  later(next - now(), [this] {
    if (armed_for_ > now()) return;
    armed_for_ = base::Instant::max();
    fleet_.tick(moment());
    carry_out();
    arm();
  });
}

// ---- links

void EngineRole::link_router(EngineRouterEnd link) {
  router_.close();
  router_ = std::move(link);
  router_.in->attach(
      [this](const net::RouterToEngine& message) {
        std::visit(*this, message);
        carry_out();
      },
      [this] {
        stage_.referee.note("engine sees router's end");
        fleet_.router_lost(moment());
        carry_out();
      });
  fleet_.router_linked(moment());
  carry_out();
  if (!dead()) router_.send({msg::InstancesDone{}});
}

void EngineRole::link_control(EngineControlEnd link) {
  inbox_.restart();
  control_.close();
  control_ = std::move(link);
  control_.in->attach(
      [this](const net::ControlToEngine& message) {
        std::visit(*this, message);
        carry_out();
      },
      [] {});
  control_.send(msg::EngineReady{"sim"});
  fleet_.control_linked();
  carry_out();
  if (!dead()) control_.send(msg::InstancesDone{});
}

// ---- control

void EngineRole::operator()(const msg::PlanRevision& message) {
  const std::string fault = inbox_.take(message);
  if (!fault.empty()) stage_.referee.wrong("engine refuses a plan: " + fault);
}

void EngineRole::operator()(const msg::PlanCommit& message) {
  std::optional<model::Plan> plan = inbox_.commit(message);
  if (!plan) return;
  stage_.machine.forget_maxima();
  for (model::RevisionPlan& each : plan->revisions) {
    stage_.machine.set_maximum(each.revision.name, each.max);
    if (stage_.referee.tracing()) {
      stage_.referee.note("plan " + each.revision.name.str() + " max " + std::to_string(each.max) + " wanted " +
                          std::to_string(each.wanted));
    }
    if (stage_.defect == Defect::ignores_maximum && each.max > 0) each.wanted = ++each.max;
  }
  fleet_.apply(*plan, moment());
}

void EngineRole::operator()(const msg::DeleteInstance& message) {
  fleet_.remove(message, moment());
}

void EngineRole::operator()(const msg::ReportKept& /*message*/) {}

// ---- router

void EngineRole::operator()(const msg::Demand& message) {
  if (stage_.referee.tracing()) {
    stage_.referee.note("router asks for " + std::to_string(message.wanted) + " of " + message.revision.str());
  }
  fleet_.demand(message, moment());
}

void EngineRole::operator()(const msg::InstanceReady& message) {
  fleet_.ready(message.id, moment());
}

void EngineRole::operator()(const msg::InstanceUnready& message) {
  fleet_.unready(message, {}, moment());
}

void EngineRole::operator()(const msg::Retire& message) {
  fleet_.retire(message, moment());
}

void EngineRole::operator()(const msg::Quiet& message) {
  fleet_.quiet(message, moment());
}

void EngineRole::operator()(const msg::SocketsWanted& message) {
  if (!fleet_.open(message.id) || message.count <= 0) return;
  router_.send({msg::Sockets{message.id}, message.count});
}

// ---- machine

void EngineRole::prepared(const base::InstanceId& id) {
  fleet_.sandbox_prepared(id, moment());
  carry_out();
}

void EngineRole::started(const base::InstanceId& id) {
  fleet_.sandbox_started(id, moment());
  carry_out();
}

void EngineRole::ended(const base::InstanceId& id, const local::SandboxEnd& end) {
  fleet_.sandbox_ended(id, end, moment());
  carry_out();
}

void EngineRole::operator()(const local::act::Create& action) {
  stage_.machine.create(action);
}

void EngineRole::operator()(const local::act::Start& action) {
  stage_.machine.start(action.id);
}

void EngineRole::operator()(const local::act::Look& action) {
  fleet_.looked(action.id, {}, moment());
}

void EngineRole::operator()(const local::act::Stop& action) {
  stage_.machine.stop(action.id, action.grace);
}

void EngineRole::operator()(const local::act::ToRouter& action) {
  trace(action.message);
  const bool opens = std::holds_alternative<msg::InstanceOpen>(action.message);
  router_.send({action.message, opens ? kStock : 0});
  const auto* drain = std::get_if<msg::InstanceDrain>(&action.message);
  if (drain == nullptr) return;
  stage_.referee.drains(drain->id);
  if (stage_.defect == Defect::kills_without_quiet) fleet_.quiet({drain->id, drain->epoch}, moment());
}

void EngineRole::operator()(const local::act::Report& action) {
  const model::InstanceReport& report = action.report;
  if (stage_.referee.tracing()) {
    stage_.referee.note(report.id.str() + " " + std::string(to_string(report.state)) + " " +
                        std::string(to_string(report.reason)) + " " + report.detail);
  }
  const bool healthy = !stage_.registry.troubled.contains(report.revision);
  if (healthy && report.state == model::InstanceState::failed && report.reason != model::Reason::machine_full) {
    stage_.referee.wrong(report.id.str() + " is called failed and was well: " + std::string(to_string(report.reason)));
  }
  control_.send(report);
}

void EngineRole::trace(const net::EngineToRouter& message) const {
  if (!stage_.referee.tracing()) return;
  if (const auto* open = std::get_if<msg::InstanceOpen>(&message)) {
    stage_.referee.note("engine opens " + open->id.str() + (open->ready ? " ready" : ""));
  } else if (const auto* drain = std::get_if<msg::InstanceDrain>(&message)) {
    stage_.referee.note("engine drains " + drain->id.str());
  } else if (const auto* closed = std::get_if<msg::InstanceClosed>(&message)) {
    stage_.referee.note("engine closes " + closed->id.str());
  } else if (const auto* refused = std::get_if<msg::DemandRefused>(&message)) {
    stage_.referee.note("engine grants " + std::to_string(refused->granted) + " of " + refused->revision.str() + ": " +
                        std::string(to_string(refused->reason)));
  } else if (const auto* failing = std::get_if<msg::StartsFailing>(&message)) {
    stage_.referee.note(failing->revision.str() + " starts failing: " + std::to_string(failing->failures));
  }
}

}  // namespace marea::sim::drain
