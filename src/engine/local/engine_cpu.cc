// How much CPU instances get while they start and while they rest: only of revisions that ask for it, all others have
// no entry here and cost nothing.
#include <algorithm>
#include <utility>

#include "engine/local/engine_process.h"

namespace marea::engine::local {

namespace msg = net::msg;

namespace {

constexpr base::Duration kCpuRetry = std::chrono::seconds(1);

}  // namespace

void EngineProcess::operator()(const msg::InstanceBusy& message) {
  const auto found = cpu_.find(message.id);
  if (found == cpu_.end()) return;
  found->second.busy = message.busy;
  settle_cpu(message.id, found->second);
}

// `given` is what its group has already; nothing: unknown.
void EngineProcess::watch_cpu(const base::InstanceId& id, const model::Template& spec, std::optional<CpuGrant> given) {
  if (!spec.cpu_throttling && !spec.startup_cpu_boost) return;
  CpuState& state = cpu_[id] = {.busy = true, .given = given};
  if (!given || !spec.sidecars.empty()) settle_cpu(id, state);
}

// Nobody knows what is in flight until router has told anew.
void EngineProcess::take_all_for_busy() {
  for (auto& [id, state] : cpu_) {
    state.busy = true;
    settle_cpu(id, state);
  }
}

void EngineProcess::settle_cpu(const base::InstanceId& id, CpuState& state) {
  const auto instance = fleet_.instances().find(id);
  const auto sandbox = sandboxes_.find(id);
  if (instance == fleet_.instances().end() || sandbox == sandboxes_.end()) return;
  // It may have no group yet; one of several containers gives it to each as that is made.
  if (instance->second.phase == Phase::preparing && instance->second.revision->spec.sidecars.empty()) return;
  const base::Instant now = world_.loop.now();
  const CpuGrant grant = grant_of(instance->second, state.busy, now);
  base::Instant ends = grant_ends(instance->second, now);
  if (state.given != grant) {
    state.given.reset();
    if (sandbox->second->give_cpu(grant)) {
      state.given = grant;
      state.failed = false;
    } else {
      ends = std::min(ends, now + kCpuRetry);
      if (!std::exchange(state.failed, true)) {
        world_.log(base::Severity::warning, "cannot set the CPU of an instance, and tries again",
                   {{"instance", id.str()}});
      }
    }
  }
  if (ends != base::Instant::max() && (!cpu_timer_.armed() || ends < cpu_due_)) {
    cpu_due_ = ends;
    cpu_timer_.arm_at(ends);
  }
}

// An instance's phase changes with a report or a stop.
void EngineProcess::settle_cpu(const Action& done) {
  base::InstanceId id;
  if (const auto* report = std::get_if<act::Report>(&done)) id = report->report.id;
  if (const auto* stop = std::get_if<act::Stop>(&done)) id = stop->id;
  if (const auto found = cpu_.find(id); found != cpu_.end()) settle_cpu(id, found->second);
}

void EngineProcess::settle_all_cpu() {
  for (auto& [id, state] : cpu_) settle_cpu(id, state);
}

}  // namespace marea::engine::local
