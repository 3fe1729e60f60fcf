// A release: the way of one new revision (canary) from no traffic to all of it, beside the one that served before
// (stable). What it is to do (ReleaseSpec) never changes while it runs; where it stands (ReleaseState) is made by
// decide/release.h alone, stored by store, shown by the API. Value types.
//
// Time in a release is its age: how long control has had it under its eyes since it was created. It stands still while
// control or the machine is down, since nothing can be observed then, and no jump of the wall clock moves it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"
#include "model/release_policy.h"

namespace marea::model {

struct ReleaseSpec {
  std::string id;
  base::ServiceName service;
  base::RevisionName stable;  // what served before; empty: nothing did
  base::RevisionName canary;
  ReleasePolicy policy;      // as it was when the release began
  int rollbacks_before = 0;  // of the canary, in earlier releases
  friend bool operator==(const ReleaseSpec&, const ReleaseSpec&) = default;
};

enum class ReleasePhase : std::uint8_t {
  preparing,  // waits until the canary can take requests
  stepping,   // a step of the ladder is in force and judged
  gated,      // a gate before the next step is open
  holding,    // the step's time is over and going on is not allowed yet: waits for evidence or a person
  paused,     // a person stopped the clock; what is bad is rolled back all the same
  watching,   // promoted; the holdback is still compared
  comparing,  // promoted without holdback, and failing: stable gets a small share for a minute, to tell whose fault it
              // is
  // The ends.
  done,
  rolled_back,  // found bad
  aborted,      // by a person
  superseded,   // by a newer deploy
  failed        // a wait ran out or a gate refused; nothing was found bad
};
inline constexpr std::size_t kReleasePhases = 12;

constexpr bool is_over(ReleasePhase phase) {
  return phase >= ReleasePhase::done;
}

// Why it holds, or why it ended.
enum class ReleaseCause : std::uint8_t {
  none,
  // holding
  unproven,            // a relative risk beyond the policy's limit cannot be ruled out
  cannot_know,         // too little is seen
  split_mistrusted,    // the shares are not those that the split should give: no count can be trusted
  platform_trouble,    // too many failures are the platform's
  rollback_forbidden,  // it is bad, and a rollback is forbidden by now
  // the ends
  passed_watch,
  judged_bad,
  crashing,         // its instances exit
  out_of_memory,    // they are killed for their memory limit
  liveness_failed,  // they fail their liveness probe
  unavailable,      // none can be started any more
  by_person,
  newer_deploy,
  never_ready,   // the time to prepare ran out
  start_failed,  // it proved that it does not start
  gate_refused,
  gate_timed_out,
  hold_ran_out,
};
inline constexpr std::size_t kReleaseCauses = 19;

enum class ReleaseVerdict : std::uint8_t { bad, proven_good, not_yet, cannot_know };
inline constexpr std::size_t kReleaseVerdicts = 4;

// Of `cannot_know`.
enum class UnknownCause : std::uint8_t {
  too_little,
  split_mistrusted,
  platform_trouble,
  no_stable,
  mostly_failing  // too little, and most of what was seen of the canary failed
};
inline constexpr std::size_t kUnknownCauses = 5;

// What the judge says at one moment about the step in force.
struct JudgeOpinion {
  ReleaseVerdict verdict = ReleaseVerdict::cannot_know;
  UnknownCause unknown = UnknownCause::too_little;
  std::optional<double> risk_bound;  // anytime-valid upper bound of the relative risk; absent: nothing is ruled out
  std::string evidence;              // counts and E-values, in words
  friend bool operator==(const JudgeOpinion&, const JudgeOpinion&) = default;
};

// On what an advance stands.
enum class ReleaseProof : std::uint8_t { none, proven_good, unproven, cannot_know, person, unjudged };
inline constexpr std::size_t kReleaseProofs = 6;

struct ReleaseStepRecord {
  Weight weight = 0;
  base::Duration began{};
  std::optional<base::Duration> ended;
  ReleaseProof proof = ReleaseProof::none;  // of leaving it for the next
  std::string evidence;
  friend bool operator==(const ReleaseStepRecord&, const ReleaseStepRecord&) = default;
};

enum class ReleaseArm : std::uint8_t { stable, canary };

enum class InstanceFailureKind : std::uint8_t { crashed, out_of_memory, liveness_failed };
inline constexpr std::size_t kInstanceFailureKinds = 3;

struct InstanceFailureRecord {
  ReleaseArm arm = ReleaseArm::canary;
  InstanceFailureKind kind = InstanceFailureKind::crashed;
  base::Duration at{};
  friend bool operator==(const InstanceFailureRecord&, const InstanceFailureRecord&) = default;
};

struct ReleaseState {
  ReleasePhase phase = ReleasePhase::preparing;
  ReleaseCause cause = ReleaseCause::none;
  std::string detail;                      // the cause in words, with its evidence
  int attempt = 1;                         // grows with each retry; keys and counts begin anew
  int step = -1;                           // of the ladder, in force; -1: none yet; the ladder's size: promoted
  Weight weight = 0;                       // the canary's, in force
  base::Duration since{};                  // when the phase began
  base::Duration step_since{};             // when the step began, later by the time that it was paused
  std::optional<base::Duration> deadline;  // of the phase; absent at the ends and in a pause without end
  base::Duration watch_until{};            // of watching and comparing
  bool ready = false;                      // the canary can take requests
  std::uint32_t next_gate = 0;             // of the policy's gates: those before it are passed or of other steps
  bool gate_passed = false;                // the open one, while paused
  ReleasePhase paused_phase = ReleasePhase::preparing;  // what goes on after the pause,
  ReleaseCause paused_cause = ReleaseCause::none;       // for this cause,
  base::Duration paused_left{};                         // with so much time left
  std::optional<JudgeOpinion> opinion;                  // the last one about the step in force
  std::vector<ReleaseStepRecord> steps;                 // of this attempt, those that were in force
  std::vector<InstanceFailureRecord> failures;          // the newest, oldest first
  int rollbacks = 0;                                    // of the canary, with those of earlier releases
  bool bad = false;                                     // it was rolled back too often to be tried again
  // A person wants it so: bad beyond the point of no return, or mostly failing where it can still go back.
  bool accepted = false;
  std::uint8_t told = 0;  // verdicts that the audit has of this phase, a bit each
  friend bool operator==(const ReleaseState&, const ReleaseState&) = default;
};

enum class ReleaseActor : std::uint8_t { platform, judge, person, gate };
inline constexpr std::size_t kReleaseActors = 4;

enum class ReleaseEvent : std::uint8_t {
  created,
  advanced,
  gate_opened,
  gate_passed,
  holding,
  paused,
  resumed,
  promoted,
  compared,
  common_cause,  // both arms fail alike: not the canary's fault
  rolled_back,
  aborted,
  superseded,
  failed,
  done,
  retried,
  verdict,  // the judge's, where it changed nothing
  refused,  // a person's command that changed nothing
  late,     // came when it had no meaning any more
  warning,
};
inline constexpr std::size_t kReleaseEvents = 20;

// One line of a release's history. Never changed once written.
struct ReleaseAudit {
  base::Duration at{};
  std::int64_t unix_ns = 0;
  ReleaseActor actor = ReleaseActor::platform;
  std::string who;  // of a person or a gate: its name
  ReleaseEvent event = ReleaseEvent::created;
  Weight weight = 0;  // the canary's, after it
  std::string why;
  friend bool operator==(const ReleaseAudit&, const ReleaseAudit&) = default;
};

std::string_view to_string(ReleasePhase value);
std::string_view to_string(ReleaseCause value);
std::string_view to_string(ReleaseVerdict value);
std::string_view to_string(UnknownCause value);
std::string_view to_string(ReleaseProof value);
std::string_view to_string(ReleaseArm value);
std::string_view to_string(InstanceFailureKind value);
std::string_view to_string(ReleaseActor value);
std::string_view to_string(ReleaseEvent value);

// The weakest of the proofs on which the release went on; unjudged where there was no step.
ReleaseProof weakest_proof(const ReleaseState& state);

// Where in the ladder the policy's last step that can be rolled back is: its index, or nothing where all can.
std::optional<int> last_step_with_rollback(const ReleasePolicy& policy);

// A Release (marea.dev/v1): one that a person asks for, or one that is printed. `status` is not read.
std::expected<ReleaseSpec, Faults> parse_release(Json document);
std::expected<ReleaseSpec, Faults> parse_release_text(std::string_view text);
Json release_document(const ReleaseSpec& spec, const ReleaseState& state);

}  // namespace marea::model
