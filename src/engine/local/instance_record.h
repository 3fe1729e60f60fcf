// What is written down of an instance for the next engine (engine/local/run_folder.h): the fleet's book of it, and what
// its sandbox cannot tell again. Moments are of the monotonic clock, which all engines of one boot share; nothing of
// an instance outlives a boot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/strong_id.h"
#include "engine/local/fleet_instance.h"
#include "engine/local/sandbox.h"
#include "model/reason.h"
#include "model/revision.h"
#include "net/wire_model.h"

namespace marea::engine::local {

// Records of other builds hold the numbers of reasons: none may move (model/reason.h).
static_assert(static_cast<int>(model::Reason::liveness_failed) == 12);
static_assert(static_cast<int>(model::Reason::superseded) == 24);
static_assert(static_cast<int>(model::Reason::scaled_in) == 25);

struct InstanceRecord {
  base::InstanceId id;
  int slot = 0;
  model::Revision revision;
  Phase phase = Phase::preparing;
  std::uint64_t epoch = 0;
  std::int64_t created_unix_ns = 0;
  std::int64_t since_unix_ns = 0;
  base::Duration deadline{};
  base::Duration ready_at{};
  bool was_ready = false;
  std::optional<base::Duration> started_at;
  std::optional<base::Duration> stopped_at;
  model::Reason reason = model::Reason::none;
  std::string detail;
  bool failed = false;

  SandboxPast past;
  std::optional<SandboxEnd> end;  // known, but not yet told
  std::string container;
};

template <class A, net::Is<SandboxPast> T>
void visit(A& a, T& v) {
  a(v.app_started, v.asked_to_stop);  // parting: with the record, whose later builds have it at the end
}
template <class A, net::Is<SandboxEnd> T>
void visit(A& a, T& v) {
  a(v.reason, v.detail, v.exit, v.peak_memory_bytes, v.cpu, v.usage, v.container);
}
template <class A, net::Is<SandboxParting> T>
void visit(A& a, T& v) {
  a(v.cause, v.containers);
}
template <class A, net::Is<InstanceRecord> T>
void visit(A& a, T& v) {
  a(v.id, v.slot, v.revision, v.phase, v.epoch, v.created_unix_ns, v.since_unix_ns, v.deadline, v.ready_at, v.was_ready,
    v.started_at, v.stopped_at, v.reason, v.detail, v.failed, v.past, v.end, v.container, v.past.parting);
}

}  // namespace marea::engine::local
