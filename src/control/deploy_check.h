// Does a new revision start? The verdict from the accounts of its instances, and the words for a person when it does
// not: what happened, where, what mends it, and the last lines that the app wrote. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/instance.h"
#include "model/revision.h"

namespace marea::control {

// A failure that is the app's own (it exited, listens elsewhere, …) repeats: one is enough. One of the machine's may
// pass: the second is.
inline constexpr int kMachineFailures = 2;
inline constexpr std::size_t kShownLogLines = 20;

struct Verdict {
  bool ready = false;
  const model::InstanceReport* failure = nullptr;  // one of `reports`, when not ready
};

// Nothing while the question is open. `reports` are in the order in which they came. `wanted` (≥ 1) instances that run
// outweigh every failure; one does when the machine has no room for the others.
std::optional<Verdict> judge_start(std::span<const model::InstanceReport> reports, int wanted);

// Nothing that the revision could help.
bool is_machines_own(model::Reason reason);

// Up and able to serve: running, idle or frozen.
bool is_up(model::InstanceState state);
// Neither failed nor stopped.
bool is_live(model::InstanceState state);

struct Failure {
  model::Reason reason = model::Reason::none;
  base::ErrorCode code = base::ErrorCode::internal;
  std::string message;
};

Failure describe_failure(const model::Revision& revision, const model::InstanceReport& report,
                         const std::vector<std::string>& log_lines);

// The image of a revision cannot be had.
Failure describe_missing_image(const model::Revision& revision, const base::Error& cause);

// No instance came up or failed within `waited`.
Failure describe_silence(const model::Revision& revision, base::Duration waited);

}  // namespace marea::control
