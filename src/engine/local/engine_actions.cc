// What the fleet wants done, done; and what the sandboxes answer.
#include <utility>

#include "base/crash_point.h"
#include "engine/local/engine_process.h"
#include "engine/local/instance_usage.h"

namespace marea::engine::local {

namespace msg = net::msg;
using base::Severity;

Sandbox::Events EngineProcess::events_of(const base::InstanceId& id) {
  return {.on_prepared =
              [this, id] {
                fleet_.sandbox_prepared(id, moment());
                carry_out();
              },
          .on_started =
              [this, id] {
                base::crash_point("engine.instance.started");
                fleet_.sandbox_started(id, moment());
                write_down(id);
                carry_out();
              },
          .on_dying =
              [this, id](SandboxEnd end) {
                add_usage(id, end);
                write_down(id, std::move(end));
              },
          .on_parting =
              [this, id](const SandboxParting& parting) {
                partings_.insert_or_assign(id, parting);
                write_down(id);
              },
          .on_failing =
              [this, id](const SandboxEnd& end) {
                fleet_.sidecar_failed(id, end, moment());
                carry_out();
              },
          .on_ended = [this, id](const SandboxEnd& end) { on_sandbox_ended(id, end); }};
}

void EngineProcess::operator()(const act::Create& action) {
  const base::InstanceId id = action.id;
  base::Result<std::unique_ptr<Sandbox>> made =
      world_.host->create({.id = id, .slot = action.slot, .revision = *action.revision}, events_of(id));
  if (!made) {
    on_sandbox_ended(id, {.reason = model::Reason::sandbox_failed, .detail = made.error().line(), .exit = {}});
  } else if (fleet_.instances().contains(id)) {
    sandboxes_[id] = std::move(*made);
    watch_cpu(id, action.revision->spec, CpuGrant::usual);
  } else {
    ended_.push_back(std::move(*made));  // it ended while it was made
    sweep_.arm_in(base::Duration{0});
  }
}

void EngineProcess::add_usage(const base::InstanceId& id, SandboxEnd& end) const {
  const auto found = fleet_.instances().find(id);
  if (found == fleet_.instances().end()) return;
  end.usage = usage_of(found->second, {.cpu = end.cpu, .peak_memory_bytes = end.peak_memory_bytes});
}

void EngineProcess::on_sandbox_ended(const base::InstanceId& id, SandboxEnd end) {
  add_usage(id, end);
  if (const auto found = sandboxes_.find(id); found != sandboxes_.end()) {
    ended_.push_back(std::move(found->second));
    sandboxes_.erase(found);
    confinement_.forget(id);
    cpu_.erase(id);
    sweep_.arm_in(base::Duration{0});
  }
  owed_.erase(id);
  partings_.erase(id);
  told_to_stop_.erase(id);
  fleet_.sandbox_ended(id, end, moment());
  carry_out();
}

void EngineProcess::operator()(const act::Start& action) {
  if (const auto state = cpu_.find(action.id); state != cpu_.end()) settle_cpu(action.id, state->second);
  if (const auto found = sandboxes_.find(action.id); found != sandboxes_.end()) found->second->start();
}

void EngineProcess::operator()(const act::Look& action) {
  fleet_.looked(action.id, listening_of(action.id), moment());
}

void EngineProcess::operator()(const act::Stop& action) {
  const auto found = sandboxes_.find(action.id);
  if (found == sandboxes_.end()) return;
  found->second->stop(action.grace);
  base::crash_point("engine.instance.stopped");
  if (action.grace > base::Duration{0} && told_to_stop_.insert(action.id).second) write_down(action.id);
}

void EngineProcess::operator()(const act::ToRouter& action) {
  if (!router_ || !router_->open()) return;  // the next one hears of all
  const auto* open = std::get_if<msg::InstanceOpen>(&action.message);
  router_->send(action.message, open != nullptr ? sockets_of(open->id, kSocketStock) : std::vector<base::Fd>());
}

void EngineProcess::operator()(const act::Report& action) {
  const model::InstanceReport& report = action.report;
  const bool failed = report.state == model::InstanceState::failed;
  world_.log(failed ? Severity::warning : Severity::info, "instance " + std::string(to_string(report.state)),
             {{"instance", report.id.str()},
              {"revision", report.revision.str()},
              {"reason", std::string(to_string(report.reason))},
              {"detail", report.detail}});
  if (failed || report.state == model::InstanceState::stopped) write_down_final(report);
  if (control_) control_->send(report);
}

model::Usage EngineProcess::usage_of(const FleetInstance& instance, const SandboxUse& use) const {
  const base::Instant now = world_.loop.now();
  const net::LedgerSlot* slot = ledger_ ? ledger_->slot(instance.slot) : nullptr;
  return local::usage_of(
      instance, slot == nullptr ? net::LedgerReading{} : net::read(*slot, net::mark_of(instance.id), now), use, now);
}

void EngineProcess::report_usage() {
  for (const auto& [id, sandbox] : sandboxes_) {
    const auto found = fleet_.instances().find(id);
    if (!control_ || found == fleet_.instances().end() || !found->second.started_at) continue;
    control_->send(msg::InstanceUsage{.id = id,
                                      .revision = found->second.revision->name,
                                      .service = found->second.revision->service,
                                      .usage = usage_of(found->second, sandbox->use())});
  }
  if (!fleet_.instances().empty()) usage_.arm_in(kUsageEvery);
}

std::vector<model::ListeningSocket> EngineProcess::listening_of(const base::InstanceId& id) const {
  const auto found = sandboxes_.find(id);
  return found == sandboxes_.end() ? std::vector<model::ListeningSocket>() : found->second->listening();
}

}  // namespace marea::engine::local
