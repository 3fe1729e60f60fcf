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

EngineRole::EngineRole(Stage& stage)
    : Life(stage), fleet_({.memory_bytes = stage.machine.memory_bytes}, stage.dice.random()) {}

// As engine/local/engine_adopt.cc.
void EngineRole::adopt_all() {
  std::vector<local::InstanceRecord> records;
  for (const auto& [id, record] : stage_.run.records) records.push_back(record);
  std::ranges::sort(records, {}, &local::InstanceRecord::created_unix_ns);
  std::set<base::InstanceId> adopted;
  for (const local::InstanceRecord& record : records) {
    if (!stage_.machine.adoptable(record.id)) {  // its app was not started yet
      stage_.run.records.erase(record.id);
      continue;
    }
    if (!fleet_.adopt(record, moment())) {
      stage_.referee.wrong("the record of " + record.id.str() + " is not believed");
      return;
    }
    adopted.insert(record.id);
    if (record.past.asked_to_stop) told_to_stop_.insert(record.id);
  }
  stage_.machine.adopt(adopted);
  if (stage_.run.plan) {
    stage_.machine.forget_maxima();  // the last plan may not have been saved yet; control sends it again
    for (const model::RevisionPlan& each : stage_.run.plan->revisions) {
      stage_.machine.set_maximum(each.revision.name, each.max);
    }
    inbox_.restore(*stage_.run.plan);
    fleet_.apply(*stage_.run.plan, moment());
  }
  carry_out();
}

void EngineRole::write_down(const std::vector<local::Action>& actions) {
  std::set<base::InstanceId> changed;
  for (const local::Action& action : actions) {
    if (const auto* start = std::get_if<local::act::Start>(&action)) changed.insert(start->id);
    if (const auto* stop = std::get_if<local::act::Stop>(&action)) changed.insert(stop->id);
    if (const auto* report = std::get_if<local::act::Report>(&action)) changed.insert(report->report.id);
  }
  for (const base::InstanceId& id : changed) write_down(id);
}

void EngineRole::write_down(const base::InstanceId& id) {
  const auto found = fleet_.instances().find(id);
  if (found == fleet_.instances().end() || !found->second.opened) return;
  local::InstanceRecord record = fleet_.record(id);
  record.past.asked_to_stop = told_to_stop_.contains(id);
  stage_.run.records.insert_or_assign(id, std::move(record));
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
    write_down(actions);
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
      [this] { fleet_.control_lost(moment()); });
  control_.send(msg::EngineReady{"sim"});
  fleet_.control_linked();
  carry_out();
  if (dead()) return;
  for (const auto& [id, report] : stage_.run.kept) control_.send(report);
  control_.send(msg::InstancesDone{});
}

// ---- control

void EngineRole::operator()(const msg::PlanRevision& message) {
  const std::string fault = inbox_.take(message);
  if (!fault.empty()) stage_.referee.wrong("engine refuses a plan: " + fault);
}

void EngineRole::operator()(const msg::PlanCommit& message) {
  std::optional<model::Plan> plan = inbox_.commit(message);
  if (!plan) return;
  later(draw(stage_.dice, kSocket), [this, saved = *plan] { stage_.run.plan = saved; });
  if (stage_.strikes(net::Role::engine)) return;
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

void EngineRole::operator()(const msg::ReportKept& message) {
  stage_.run.kept.erase(message.id);
}

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
  write_down(id);
  carry_out();
}

void EngineRole::ended(const base::InstanceId& id, const local::SandboxEnd& end) {
  told_to_stop_.erase(id);
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
  if (action.grace > base::Duration{0} && told_to_stop_.insert(action.id).second) write_down(action.id);
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
  const bool final = report.state == model::InstanceState::failed || report.state == model::InstanceState::stopped;
  if (final) {
    stage_.run.kept[report.id] = report;
    if (stage_.strikes(net::Role::engine)) return;
    stage_.run.records.erase(report.id);
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
