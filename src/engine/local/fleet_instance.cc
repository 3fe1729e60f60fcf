#include "engine/local/fleet_instance.h"

namespace marea::engine::local {
namespace {

model::InstanceState state_of(Phase phase) {
  switch (phase) {
    case Phase::preparing:
    case Phase::starting: return model::InstanceState::starting;
    case Phase::running: return model::InstanceState::running;
    case Phase::draining:
    case Phase::stopping: return model::InstanceState::draining;
  }
  return model::InstanceState::failed;
}

}  // namespace

model::InstanceReport report_of(const FleetInstance& instance) {
  return {.id = instance.id,
          .revision = instance.revision->name,
          .service = instance.revision->service,
          .state = state_of(instance.phase),
          .reason = instance.reason,
          .detail = instance.detail.empty() ? instance.hint : instance.detail,
          .since_unix_ns = instance.since_unix_ns,
          .created_unix_ns = instance.created_unix_ns,
          .exit = {},
          .listening = instance.listening,
          .peak_memory_bytes = 0,
          .usage = {},
          .container = instance.container};
}

}  // namespace marea::engine::local
