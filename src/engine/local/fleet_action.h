// What the fleet decides and somebody else does (engine_process.cc): a closed list. Whoever executes answers with
// events: sandbox_prepared, sandbox_started, sandbox_ended, looked (engine/local/fleet.h).
#pragma once

#include <memory>
#include <variant>

#include "base/clock.h"
#include "base/strong_id.h"
#include "model/instance.h"
#include "model/revision.h"
#include "net/messages.h"

namespace marea::engine::local {

namespace act {

struct Create {  // make and prepare a sandbox; a refusal is answered with sandbox_ended
  base::InstanceId id;
  int slot = 0;
  std::shared_ptr<const model::Revision> revision;
};
struct Start {
  base::InstanceId id;
};
struct Look {  // where does it listen? Answer with looked() at once.
  base::InstanceId id;
};
struct Stop {  // SIGTERM, and SIGKILL after `grace`; a repetition may shorten the grace
  base::InstanceId id;
  base::Duration grace{};
};
struct ToRouter {  // an InstanceOpen gets its stock of sockets from the executor
  net::EngineToRouter message;
};
struct Report {  // to control
  model::InstanceReport report;
};

}  // namespace act

using Action = std::variant<act::Create, act::Start, act::Look, act::Stop, act::ToRouter, act::Report>;

// Now, on both clocks: decisions use the first, people read the second.
struct Moment {
  base::Instant now;
  base::WallTime wall;
};

}  // namespace marea::engine::local
