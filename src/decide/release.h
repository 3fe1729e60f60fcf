// What a release does next. One pure machine for every strategy: blue-green and all-at-once are ladders without steps.
//
//   auto [state, …] = begin_release(spec, now);
//   ReleaseResult r = step_release(spec, state, {opinion, command, …}, now);   // at events, and about once a second
//   store(r.state, r.audit); then carry out r.actions, in their order
//
// Inputs of one moment are taken in a fixed order, what protects first: the judge's `bad`, failures of the canary,
// commands of people, newer deploys, gates, other verdicts. One wins; what comes after it finds a release that is over
// and is recorded as such. So the order in which they arrived within the moment does not matter.
//
// Going forward. A step is left for the next by `proven good`, not before its minimum and warm-up; at its maximum as
// `unproven`, if a relative risk beyond the policy's limit is ruled out; as `cannot know`, if the policy says so; or by
// a person. Else it holds. `bad` rolls back in every phase, also while a person has paused. A mistrusted split holds at
// once, since no count can be trusted.
//
// While most of what was seen of the canary failed and stable's did not, though too little was seen to call it bad, no
// time leads on: at a step's maximum, and in the watch at once, it holds, with kDoubtedWeight at most. There the arms
// are compared soonest and the canary fails few. Requests that are served well lead on again; else it fails when the
// hold ends.
//
// It cannot get stuck: every phase that is no end has a deadline and an outcome at it (the sum of them bounds the whole
// release); the one exception is a pause that a person made endless, which is shown as such. Missing data is never
// taken for good or for bad: what it brings is labelled `cannot know`.
//
// Going back. One publication gives stable all requests, whatever the weight was. Where the policy forbids it after a
// step, this is told at the start and at that step; from then on a bad canary keeps its weight, somebody is warned, and
// abort is refused. One that fails there ends with the weight it has: the way on is a newer deploy, which then takes
// the canary for its stable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "model/release.h"

namespace marea::decide {

// A pause ends by itself after so long unless a person says otherwise.
inline constexpr base::Duration kDefaultPause = std::chrono::hours(24);
// As many rollbacks make a revision bad: it is not released again.
inline constexpr int kRollbacksToBeBad = 2;
// A canary whose instances fail so often within so long is rolled back at once; see fails_alone() for the comparison.
inline constexpr int kFailuresToRollBack = 3;
inline constexpr base::Duration kFailureWindow = std::chrono::minutes(10);
inline constexpr std::size_t kMostFailuresKept = 256;
// After a promotion without holdback: what stable gets, and for how long, when the service starts to fail.
inline constexpr model::Weight kComparedWeight = 500;
inline constexpr base::Duration kCompareTime = std::chrono::seconds(60);

// The canary's share while most of what was seen of it failed: of all weights a quarter needs the least time, among all
// requests, until first_requests.h finds it bad (five failing keys); a half needs as long and twice the users.
inline constexpr model::Weight kDoubtedWeight = 2500;

struct ReleaseMoment {
  base::Duration age{};      // of the release (model/release.h); never goes back
  std::int64_t unix_ns = 0;  // for people
};

enum class OperatorAct : std::uint8_t { pause, resume, advance, promote, abort, retry };
std::string_view to_string(OperatorAct act);

struct OperatorCommand {
  OperatorAct act = OperatorAct::pause;
  std::string who;
  std::string reason;
  base::Duration lasts = kDefaultPause;  // of a pause
  bool endless = false;                  // of a pause: until somebody resumes
  bool after_end = false;                // of an abort: also of one that is done, while its stable is there
};

struct GateAnswer {
  std::uint32_t gate = 0;  // of the policy's gates
  bool passed = false;
  std::string detail;
  std::string who = {};  // the person who answered; empty: the gate itself
};

// A gate's webhook gave no answer that can be used; it is asked again until the gate's timeout.
struct GateTrouble {
  std::uint32_t gate = 0;
  std::string detail;
};

// The canary can take requests. Comes again whenever it could not for a while.
struct CanaryReady {};

// No instance of the canary can be started.
struct CanaryUnavailable {
  std::string detail;
};

// An instance that was ready ended although nobody asked it to.
struct InstanceFailure {
  model::ReleaseArm arm = model::ReleaseArm::canary;
  model::InstanceFailureKind kind = model::InstanceFailureKind::crashed;
  std::string detail;
};

// The service burns its error budget too fast.
struct BurnRate {
  std::string detail;
};

struct NewerDeploy {
  base::RevisionName revision;
  std::string instead = {};  // what came where it is no revision
};

struct TimePassed {};

using ReleaseInput = std::variant<model::JudgeOpinion, CanaryUnavailable, InstanceFailure, OperatorCommand, NewerDeploy,
                                  GateAnswer, GateTrouble, BurnRate, CanaryReady, TimePassed>;

// The canary's share from now on; stable has the rest. At most one in a result.
struct PublishWeight {
  model::Weight weight = 0;
  friend bool operator==(const PublishWeight&, const PublishWeight&) = default;
};
struct OpenGate {
  std::uint32_t gate = 0;
  friend bool operator==(const OpenGate&, const OpenGate&) = default;
};
// Nobody waits for its answer any more.
struct CloseGate {
  std::uint32_t gate = 0;
  friend bool operator==(const CloseGate&, const CloseGate&) = default;
};
struct Notify {
  model::ReleaseNotice notice = model::ReleaseNotice::started;
  std::string text;
  friend bool operator==(const Notify&, const Notify&) = default;
};
// Frozen, for whoever wants to know why.
struct KeepCanary {
  friend bool operator==(const KeepCanary&, const KeepCanary&) = default;
};
struct MarkBad {
  friend bool operator==(const MarkBad&, const MarkBad&) = default;
};
// The canary passed its watch: it is the last known stable revision now.
struct MarkStable {
  friend bool operator==(const MarkStable&, const MarkStable&) = default;
};
// The state is final, until a person retries.
struct Finish {
  friend bool operator==(const Finish&, const Finish&) = default;
};
using ReleaseAction = std::variant<PublishWeight, OpenGate, CloseGate, Notify, KeepCanary, MarkBad, MarkStable, Finish>;

struct ReleaseResult {
  model::ReleaseState state;
  std::vector<ReleaseAction> actions;
  std::vector<model::ReleaseAudit> audit;
  std::string refused;  // why a command changed nothing; the last one where there are several
};

ReleaseResult begin_release(const model::ReleaseSpec& spec, ReleaseMoment now);

// `inputs` may be empty: then only time has passed.
ReleaseResult step_release(const model::ReleaseSpec& spec, const model::ReleaseState& state,
                           std::span<const ReleaseInput> inputs, ReleaseMoment now);

// The gate that waits for an answer.
std::optional<std::uint32_t> open_gate_of(const model::ReleaseState& state);

// The longest that a release with this policy can take without pauses and retries.
base::Duration longest_release(const model::ReleasePolicy& policy);

}  // namespace marea::decide
