// What an engine leaves to the next one, and how that goes on with it.
#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "engine/local/engine_process.h"

namespace marea::engine::local {

namespace msg = net::msg;
using base::Severity;

void EngineProcess::on_held(std::string key, std::vector<base::Fd> fds) {
  if (key != net::kLedgerKey) {
    held_.insert_or_assign(std::move(key), std::move(fds));
    return;
  }
  if (fds.size() != 1) return;
  base::Result<net::Ledger> ledger = net::Ledger::view(std::move(fds[0]));
  if (ledger) {
    ledger_ = std::move(*ledger);
  } else {
    world_.log(Severity::error, "requests are not metered", {{"why", ledger.error().line()}});
  }
}

void EngineProcess::on_held_done() {
  std::vector<InstanceRecord> records = world_.run.records();
  std::ranges::sort(records, {}, &InstanceRecord::created_unix_ns);
  for (InstanceRecord& record : records) adopt(std::move(record));
  std::map<base::InstanceId, int> adopted;
  for (const auto& [id, sandbox] : sandboxes_) adopted.emplace(id, fleet_.instances().at(id).slot);
  world_.host->remove_leftovers(adopted);
  for (const auto& [key, fds] : std::exchange(held_, {})) {
    world_.to_keeper(msg::Release{.owner = net::Role::engine, .key = key}, {});
  }
  if (const std::optional<model::Plan> plan = world_.run.plan()) {
    inbox_.restore(*plan);
    saved_plan_ = plan->revisions;
    fleet_.apply(*plan, moment());
  }
  for (const base::Error& error : world_.run.take_refused()) {
    world_.log(Severity::warning, "something that the last engine wrote down is not used", {{"why", error.line()}});
  }
  sync_reports();
  carry_out();
}

void EngineProcess::adopt(InstanceRecord record) {
  const base::InstanceId id = record.id;
  HeldDescriptors held(record.revision.spec.sidecars.size() + 1);
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (const auto found = held_.find(hold_key(id, i)); found != held_.end()) held[i] = std::move(found->second);
  }
  const bool abrupt = !record.end && held[0].empty();  // keeper died too, or the machine: nothing of it can be alive
  if (abrupt) {
    record.started_at.reset();  // on another boot's clock
    record.phase = Phase::stopping;
    record.reason = model::Reason::platform_stopping;
    record.end = SandboxEnd{.reason = {}, .detail = "marea or the machine ended abruptly", .exit = {}};
  }
  std::unique_ptr<Sandbox> sandbox;
  if (!record.end) {
    base::Result<std::unique_ptr<Sandbox>> made = world_.host->adopt(
        {.id = id, .slot = record.slot, .revision = record.revision}, record.past, std::move(held), events_of(id));
    if (!made) {
      world_.log(Severity::info, "an instance of the last engine is not adopted",
                 {{"instance", id.str()}, {"why", made.error().line()}});
      world_.run.forget(id);
      return;
    }
    sandbox = std::move(*made);
    for (std::size_t i = 0; i <= record.revision.spec.sidecars.size(); ++i) held_.erase(hold_key(id, i));
  }
  if (!fleet_.adopt(record, moment())) {
    world_.run.forget(id);
    return;
  }
  if (record.past.asked_to_stop) told_to_stop_.insert(id);
  if (!record.past.parting.containers.empty()) partings_.insert_or_assign(id, record.past.parting);
  if (sandbox) {
    sandbox->confine(false);  // the last engine may have said so
    if (record.was_ready) sandbox->app_ready();
    sandboxes_[id] = std::move(sandbox);
    const auto& instance = fleet_.instances().at(id);
    watch_cpu(id, instance.revision->spec, std::nullopt);  // it may have hardly any
    world_.log(Severity::info, "an instance of the last engine is adopted", {{"instance", id.str()}});
  } else {
    if (abrupt) record.end->usage = usage_of(fleet_.instances().at(id), {});
    fleet_.sandbox_ended(id, *record.end, moment());
  }
}

// Before the actions are carried out, so that what is written may be ahead of the world by a step and never behind it.
void EngineProcess::write_down(const std::vector<Action>& actions) {
  std::set<base::InstanceId> changed;
  for (const Action& action : actions) {
    if (const auto* start = std::get_if<act::Start>(&action)) changed.insert(start->id);
    if (const auto* stop = std::get_if<act::Stop>(&action)) changed.insert(stop->id);
    if (const auto* report = std::get_if<act::Report>(&action)) changed.insert(report->report.id);
  }
  for (const base::InstanceId& id : changed) write_down(id);
}

// Half-made ones are not written down: nobody has heard of them.
void EngineProcess::write_down(const base::InstanceId& id, std::optional<SandboxEnd> end) {
  const auto found = fleet_.instances().find(id);
  if (found == fleet_.instances().end() || !found->second.opened) return;
  InstanceRecord record = fleet_.record(id);
  record.past.asked_to_stop = told_to_stop_.contains(id);
  if (const auto parting = partings_.find(id); parting != partings_.end()) record.past.parting = parting->second;
  record.end = std::move(end);
  if (const base::Result<void> written = world_.run.write(record); !written) {
    world_.log(Severity::error, "an instance cannot be written down: the next engine would not know it",
               {{"instance", id.str()}, {"why", written.error().line()}});
  }
}

// What could not be kept stays in the record, and is tried again.
void EngineProcess::write_down_final(const model::InstanceReport& report) {
  const base::Result<void> kept = world_.run.keep(report);
  if (!kept) world_.log(Severity::error, "a final report cannot be kept", {{"why", kept.error().line()}});
  base::crash_point("engine.report.kept");
  if (kept) world_.run.forget(report.id);
  if (!sync_reports_.armed()) sync_reports_.arm_in(kReportSync);
}

void EngineProcess::sync_reports() {
  std::vector<std::string> names = world_.run.take_unsynced();
  if (!world_.run.all_written()) sync_reports_.arm_in(kReportSync);
  if (names.empty()) return;
  writer_.give([this, names = std::move(names)] {
    if (const base::Result<void> synced = world_.run.sync(names); !synced) {
      world_.log(Severity::warning, "a power cut would take final reports", {{"why", synced.error().line()}});
    }
  });
}

void EngineProcess::write_down_plan(const model::Plan& plan) {
  const bool again = plan_unsaved_.exchange(false);
  if (plan.revisions == saved_plan_ && !again) return;
  saved_plan_ = plan.revisions;
  writer_.give([this, copy = std::make_shared<const model::Plan>(plan)] {
    if (const base::Result<void> saved = world_.run.save(*copy); !saved) {
      plan_unsaved_ = true;
      world_.log(Severity::warning, "the plan cannot be kept for the next start", {{"why", saved.error().line()}});
    }
  });
}

}  // namespace marea::engine::local
