#include "decide/release_run.h"

#include <algorithm>
#include <array>

namespace marea::decide {

using model::InstanceFailureKind;
using model::JudgeOpinion;
using model::kWholeWeight;
using model::print_duration;
using model::print_weight;
using model::ReleaseActor;
using model::ReleaseArm;
using model::ReleaseVerdict;
using model::UnknownCause;
using model::Weight;

namespace {

constexpr std::uint8_t bit_of(ReleaseVerdict verdict) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(verdict));
}

model::ReleaseCause cause_of(InstanceFailureKind kind) {
  switch (kind) {
    case InstanceFailureKind::crashed: return model::ReleaseCause::crashing;
    case InstanceFailureKind::out_of_memory: return model::ReleaseCause::out_of_memory;
    case InstanceFailureKind::liveness_failed: return model::ReleaseCause::liveness_failed;
  }
  return model::ReleaseCause::crashing;
}

model::ReleaseCause cause_of(UnknownCause unknown) {
  switch (unknown) {
    case UnknownCause::too_little:
    case UnknownCause::mostly_failing:
    case UnknownCause::no_stable: return model::ReleaseCause::cannot_know;
    case UnknownCause::split_mistrusted: return model::ReleaseCause::split_mistrusted;
    case UnknownCause::platform_trouble: return model::ReleaseCause::platform_trouble;
  }
  return model::ReleaseCause::cannot_know;
}

// Of a hold: never goes on by time, since nobody vouches for what would follow.
bool needs_proof(model::ReleaseCause cause) {
  return cause == model::ReleaseCause::split_mistrusted || cause == model::ReleaseCause::platform_trouble ||
         cause == model::ReleaseCause::rollback_forbidden;
}

std::string with(std::string text, const std::string& detail) {
  return detail.empty() ? text : std::move(text) + ": " + detail;
}

}  // namespace

void ReleaseRun::begin() {
  enter(Phase::preparing, Cause::none, policy_.prepare);
  const std::string from = spec_.stable.empty() ? "nothing served before" : "from " + spec_.stable.str();
  audit(Event::created, {.why = spec_.canary.str() + " by " + std::string(to_string(policy_.strategy)) + ", " + from});
  notify(Notice::started, spec_.canary.str() + " is being released");
  if (policy_.rollback_until) {
    const std::string after =
        *policy_.rollback_until == kWholeWeight ? "the promotion" : print_weight(*policy_.rollback_until);
    audit(Event::warning, {.why = "the policy forbids a rollback after " + after});
  }
}

void ReleaseRun::take(const ReleaseInput& input) {
  std::visit([this](const auto& each) { on(each); }, input);
}

ReleaseResult ReleaseRun::finish() {
  if (state().weight != published_) out_.actions.insert(out_.actions.begin(), PublishWeight{state().weight});
  return std::move(out_);
}

void ReleaseRun::pass_time() {
  // A phase whose end begins one that has no time at all, such as a watch of 0 s, is followed at once.
  for (bool again = true; again && !is_over();) {
    const Phase phase = state().phase;
    const int step = state().step;
    switch (phase) {
      case Phase::preparing:
        if (due()) leave(Phase::failed, Cause::never_ready, {.why = "it was not ready within its time to prepare"});
        break;
      case Phase::stepping: judge_step(); break;
      case Phase::gated:
        if (!due()) break;
        if (policy_.gates.at(state().next_gate).at_timeout == model::WaitRule::advance) {
          pass_gate({.why = "nobody answered in time, and the policy goes on then"});
        } else {
          leave(Phase::failed, Cause::gate_timed_out,
                {.why = "the gate " + policy_.gates.at(state().next_gate).name + " had no answer in time"});
        }
        break;
      case Phase::holding:
        if (due()) end_hold();
        break;
      case Phase::paused:
        if (due()) resume({.why = "the pause ended"});
        break;
      case Phase::watching:
        if (due()) finish_watch();
        break;
      case Phase::comparing:
        if (due()) end_comparison();
        break;
      case Phase::done:
      case Phase::rolled_back:
      case Phase::aborted:
      case Phase::superseded:
      case Phase::failed: break;
    }
    again = state().phase != phase || state().step != step;
  }
}

void ReleaseRun::on(const JudgeOpinion& opinion) {
  if (is_over()) {
    note(opinion, Event::late);
    return;
  }
  if (state().weight == 0) return;  // it cannot be about this attempt
  state().opinion = opinion;
  if (state().cause == Cause::rollback_forbidden) return;
  if (opinion.verdict == ReleaseVerdict::bad) {
    roll_back(Cause::judged_bad, {.actor = ReleaseActor::judge, .why = opinion.evidence});
    return;
  }
  switch (state().phase) {
    case Phase::stepping: judge_step(); break;
    case Phase::holding: judge_hold(); break;
    case Phase::watching:
      if (in_doubt() && can_roll_back()) {
        hold_doubted({.actor = ReleaseActor::judge, .why = opinion.evidence});
      }
      break;
    case Phase::gated:
    case Phase::paused: note(opinion, Event::verdict); break;
    case Phase::preparing:
    case Phase::comparing:
    case Phase::done:
    case Phase::rolled_back:
    case Phase::aborted:
    case Phase::superseded:
    case Phase::failed: break;
  }
}

void ReleaseRun::on(const CanaryUnavailable& input) {
  if (is_over()) return;
  state().ready = false;
  const Word word{.why = input.detail};
  if (state().weight == 0) {
    leave(Phase::failed, Cause::start_failed, word);
  } else {
    roll_back(Cause::unavailable, word);
  }
}

void ReleaseRun::on(const InstanceFailure& input) {
  if (is_over()) return;
  auto& failures = state().failures;
  std::erase_if(failures, [&](const auto& each) { return each.at + kFailureWindow <= now_.age; });
  if (failures.size() >= kMostFailuresKept) failures.erase(failures.begin());
  failures.push_back({.arm = input.arm, .kind = input.kind, .at = now_.age});
  if (input.arm == ReleaseArm::stable || !fails_alone()) return;
  if (state().weight == 0) {
    leave(Phase::failed, Cause::start_failed, {.why = input.detail});
  } else {
    roll_back(cause_of(input.kind), {.why = input.detail});
  }
}

// Failures are compared per share of the traffic, since who has more of it has more instances. Beside a small holdback
// a few say nothing; then the judge's counts of failed keys tell, and whether any instance can be started. Where stable
// has nothing at all nobody is judged, and a few are enough.
bool ReleaseRun::fails_alone() const {
  const auto count = [&](ReleaseArm arm) {
    return static_cast<std::int64_t>(std::ranges::count(state().failures, arm, &model::InstanceFailureRecord::arm));
  };
  const std::int64_t canary_share = state().weight;
  const std::int64_t stable_share = kWholeWeight - canary_share;
  const std::int64_t canary = count(ReleaseArm::canary);
  if (stable_share == 0) return canary >= kFailuresToRollBack && count(ReleaseArm::stable) == 0;
  return canary * stable_share >= kFailuresToRollBack * std::max(canary_share, stable_share) &&
         canary * stable_share > count(ReleaseArm::stable) * canary_share;
}

void ReleaseRun::on(const NewerDeploy& input) {
  if (is_over()) return;
  leave(Phase::superseded, Cause::newer_deploy,
        {.why = input.instead.empty() ? input.revision.str() + " was deployed" : input.instead});
}

void ReleaseRun::on(const GateAnswer& answer) {
  const std::string name = answer.gate < policy_.gates.size() ? policy_.gates[answer.gate].name : "";
  Word word{.actor = ReleaseActor::gate, .who = name, .why = answer.detail};
  if (!answer.who.empty()) {
    word = {.actor = ReleaseActor::person, .who = answer.who, .why = with("the gate " + name, answer.detail)};
  }
  if (!waits_for(answer.gate)) {
    audit(Event::late,
          {.actor = word.actor, .who = word.who, .why = with(answer.passed ? "it passed" : "it refused", word.why)});
  } else if (!answer.passed) {
    leave(Phase::failed, Cause::gate_refused, word);
  } else if (state().phase == Phase::paused) {
    audit(Event::gate_passed, word);
    state().gate_passed = true;
  } else {
    pass_gate(word);
  }
}

void ReleaseRun::on(const GateTrouble& trouble) {
  if (!waits_for(trouble.gate)) return;
  audit(Event::warning,
        {.actor = ReleaseActor::gate, .who = policy_.gates.at(trouble.gate).name, .why = trouble.detail});
}

void ReleaseRun::on(const BurnRate& input) {
  if (state().phase != Phase::watching) return;
  const Word word{.why = input.detail};
  if (state().weight < kWholeWeight || !can_roll_back()) {
    audit(Event::warning, word);
    notify(Notice::warning, with("the service fails too often", input.detail));
    return;
  }
  state().weight = kWholeWeight - kComparedWeight;
  state().opinion.reset();
  enter(Phase::comparing, Cause::none, kCompareTime);
  audit(Event::compared, word);
  notify(Notice::warning, with("the service fails too often; " + spec_.stable.str() + " gets " +
                                   print_weight(kComparedWeight) + " to compare",
                               input.detail));
}

void ReleaseRun::on(CanaryReady /*input*/) {
  state().ready = true;
  if (state().phase == Phase::preparing) enter_next({.why = "it is ready"});
}

void ReleaseRun::judge_step() {
  const model::LadderStep& step = policy_.ladder.at(static_cast<std::size_t>(state().step));
  const JudgeOpinion opinion = state().opinion.value_or(JudgeOpinion{.evidence = "no verdict came"});
  const base::Duration age = now_.age - state().step_since;
  const Word word{.actor = ReleaseActor::judge, .why = opinion.evidence};
  const bool unknown = opinion.verdict == ReleaseVerdict::cannot_know;
  if (unknown && opinion.unknown == UnknownCause::split_mistrusted) {
    hold(Cause::split_mistrusted, word);
  } else if (opinion.verdict == ReleaseVerdict::proven_good && age >= std::max(step.minimum, step.warm_up)) {
    go_on(Proof::proven_good, word);
  } else if (!due() || opinion.verdict == ReleaseVerdict::bad || advance_unproven()) {
    return;
  } else if (!unknown) {
    hold(Cause::unproven, word);
  } else if (in_doubt()) {
    hold_doubted(word);
  } else if (opinion.unknown == UnknownCause::platform_trouble || policy_.unknown != model::UnknownRule::advance) {
    hold(cause_of(opinion.unknown), word);
  } else {
    go_on(Proof::cannot_know, word);
  }
}

void ReleaseRun::judge_hold() {
  if (state().opinion->verdict == ReleaseVerdict::proven_good) {
    go_on(Proof::proven_good, {.actor = ReleaseActor::judge, .why = state().opinion->evidence});
    return;
  }
  if (advance_unproven() || state().cause != Cause::cannot_know || in_doubt()) return;
  // Doubted no more: the step's time is over, and a promoted one is watched on.
  const JudgeOpinion& opinion = *state().opinion;
  const bool unknown = opinion.verdict == ReleaseVerdict::cannot_know;
  if (unknown && needs_proof(cause_of(opinion.unknown))) return;
  if (is_promoted() || (unknown && policy_.unknown == model::UnknownRule::advance)) {
    go_on(Proof::cannot_know, {.actor = ReleaseActor::judge, .why = opinion.evidence});
  }
}

// Also a verdict of `proven good` within the minimum rules the risk out, but its minimum is below the maximum.
bool ReleaseRun::advance_unproven() {
  const auto& opinion = state().opinion;
  if (!opinion || opinion->verdict != ReleaseVerdict::not_yet) return false;
  if (!opinion->risk_bound || *opinion->risk_bound > policy_.unproven_limit) return false;
  go_on(Proof::unproven, {.actor = ReleaseActor::judge, .why = opinion->evidence});
  return true;
}

void ReleaseRun::go_on(Proof proof, const Word& word) {
  close_step(proof, word.why);
  if (is_promoted()) {
    back_to_watch(word);
  } else {
    enter_next({.actor = word.actor, .who = word.who, .why = with(std::string(to_string(proof)), word.why)});
  }
}

void ReleaseRun::enter_next(const Word& word) {
  const auto next = static_cast<std::size_t>(state().step) + 1;  // from -1 on
  const Weight weight = next < policy_.ladder.size() ? policy_.ladder[next].weight : kWholeWeight;
  for (std::uint32_t gate = state().next_gate; gate < policy_.gates.size(); ++gate) {
    if (policy_.gates[gate].before != weight) continue;
    open_gate(gate, word);
    return;
  }
  begin_step(static_cast<int>(next), word);
}

void ReleaseRun::open_gate(std::uint32_t gate, const Word& word) {
  state().next_gate = gate;
  state().gate_passed = false;
  const model::ReleaseGate& opened = policy_.gates[gate];
  enter(Phase::gated, Cause::none, opened.timeout);
  out_.actions.emplace_back(OpenGate{gate});
  const std::string what = opened.name + " before " + position();
  audit(Event::gate_opened, {.actor = word.actor, .who = word.who, .why = with(what, word.why)});
  if (opened.kind == model::GateKind::manual) {
    notify(Notice::waiting, "the gate " + opened.name + " waits for a person before " + position());
  }
}

void ReleaseRun::pass_gate(const Word& word) {
  close_gate();
  audit(Event::gate_passed, word);
  ++state().next_gate;
  enter_next(word);
}

void ReleaseRun::begin_step(int step, const Word& word) {
  const bool could_go_back = can_roll_back();
  state().step = step;
  state().step_since = now_.age;
  state().next_gate = 0;
  state().opinion.reset();
  const bool promoted = is_promoted();
  const Weight weight =
      promoted ? kWholeWeight - policy_.holdback : policy_.ladder[static_cast<std::size_t>(step)].weight;
  state().weight = weight;
  // A doubt was accepted while there was a way back. That it is bad, and that there is none, is for a person to hear.
  if (could_go_back && !can_roll_back()) state().accepted = false;
  state().steps.push_back({.weight = weight, .began = now_.age});
  if (promoted) {
    state().watch_until = now_.age + policy_.watch;
    enter(Phase::watching, Cause::none, policy_.watch);
    audit(Event::promoted, word);
    notify(Notice::promoted, spec_.canary.str() + " has " + print_weight(weight) + " of the requests");
  } else {
    enter(Phase::stepping, Cause::none, policy_.ladder[static_cast<std::size_t>(step)].maximum);
    audit(Event::advanced, word);
    notify(Notice::advanced, spec_.canary.str() + " has " + print_weight(weight) + " of the requests");
  }
  const auto last = last_step_with_rollback(policy_);
  if (!last || (step != *last && step != *last + 1)) return;
  const std::string text =
      step == *last ? "from the next step on a rollback is forbidden" : "a rollback is forbidden from here on";
  audit(Event::warning, {.why = text});
  notify(Notice::warning, spec_.canary.str() + " has " + print_weight(weight) + ": " + text);
}

void ReleaseRun::back_to_watch(const Word& word) {
  state().weight = kWholeWeight - policy_.holdback;
  enter(Phase::watching, Cause::none, std::max(base::Duration{0}, state().watch_until - now_.age));
  audit(Event::resumed, word);
}

void ReleaseRun::hold(Cause cause, const Word& word) {
  close_gate();
  enter(Phase::holding, cause, policy_.hold.maximum);
  state().detail = word.why;
  audit(Event::holding, {.actor = word.actor, .who = word.who, .why = with(std::string(to_string(cause)), word.why)});
  const bool person =
      cause == Cause::rollback_forbidden || (cause == Cause::cannot_know && policy_.unknown == model::UnknownRule::ask);
  notify(cause == Cause::rollback_forbidden ? Notice::warning : Notice::waiting,
         spec_.canary.str() + (person ? " waits for a person" : " holds") + ": " +
             with(std::string(to_string(cause)), word.why));
}

bool ReleaseRun::mostly_failing() const {
  const auto& opinion = state().opinion;
  return opinion && opinion->verdict == ReleaseVerdict::cannot_know && opinion->unknown == UnknownCause::mostly_failing;
}

// Also in a pause. A promoted one is held as such for nothing else, whatever the judge has said meanwhile.
bool ReleaseRun::is_held_doubted() const {
  const bool paused = state().phase == Phase::paused;
  const Phase phase = paused ? state().paused_phase : state().phase;
  const Cause cause = paused ? state().paused_cause : state().cause;
  return phase == Phase::holding && cause == Cause::cannot_know && (is_promoted() || mostly_failing());
}

// Else the judge, who repeats himself, would undo within a second what a person did. Where there is no way back it
// would be taken for the wish to keep a bad one, too.
void ReleaseRun::accept_doubt() {
  if (can_roll_back()) state().accepted = true;
}

// Where it cannot go back it keeps what it has.
void ReleaseRun::hold_doubted(const Word& word) {
  if (can_roll_back()) state().weight = std::min(state().weight, kDoubtedWeight);
  hold(Cause::cannot_know, word);
}

void ReleaseRun::end_hold() {
  const Cause cause = state().cause;
  const std::string why = "it held for " + print_duration(policy_.hold.maximum) + ": " + std::string(to_string(cause));
  if (needs_proof(cause) || in_doubt() || policy_.hold.then == model::WaitRule::fail) {
    leave(Phase::failed, Cause::hold_ran_out, {.why = with(why, state().detail)});
  } else {
    go_on(cause == Cause::unproven ? Proof::unproven : Proof::cannot_know, {.why = why});
  }
}

void ReleaseRun::end_comparison() {
  state().weight = kWholeWeight - policy_.holdback;
  const std::string evidence = state().opinion ? state().opinion->evidence : "no verdict came";
  state().opinion.reset();
  enter(Phase::watching, Cause::none, std::max(base::Duration{0}, state().watch_until - now_.age));
  audit(Event::common_cause, {.actor = ReleaseActor::judge, .why = evidence});
  notify(Notice::warning, "the service fails too often, and " + spec_.stable.str() + " does so too: common cause");
}

bool ReleaseRun::can_roll_back() const {
  if (state().weight == 0) return true;
  const auto last = last_step_with_rollback(policy_);
  return !spec_.stable.empty() && (!last || state().step <= *last);
}

void ReleaseRun::roll_back(Cause cause, const Word& word) {
  if (!can_roll_back()) {
    if (state().cause == Cause::rollback_forbidden) return;
    if (state().accepted) {
      // A person knows, and wants it so.
      if (cause == Cause::judged_bad) note(*state().opinion, Event::verdict);
      return;
    }
    const std::string none = spec_.stable.empty() ? " (there is no revision to go back to)" : "";
    hold(Cause::rollback_forbidden,
         {.actor = word.actor, .who = word.who, .why = with(std::string(to_string(cause)) + none, word.why)});
    return;
  }
  ++state().rollbacks;
  const bool bad = state().rollbacks >= kRollbacksToBeBad;
  if (bad && !state().bad) out_.actions.emplace_back(MarkBad{});
  state().bad |= bad;
  leave(Phase::rolled_back, cause, word);
}

void ReleaseRun::leave(Phase phase, Cause cause, const Word& word) {
  close_gate();
  close_step(Proof::none, word.why);
  const bool forward = is_promoted() && phase != Phase::rolled_back && phase != Phase::aborted;
  // A newer deploy may be the mend of one that mostly fails: it is not held against that one, nor begins with it.
  const bool keeps = forward && phase == Phase::superseded && !is_held_doubted();
  if (can_roll_back() && !keeps) {
    state().weight = 0;
  } else if (forward || phase == Phase::superseded) {
    state().weight = kWholeWeight;
  }
  const bool served = state().step >= 0;
  enter(phase, cause, std::nullopt);
  state().detail = word.why;
  if (served && (phase == Phase::rolled_back || phase == Phase::failed)) out_.actions.emplace_back(KeepCanary{});
  const Event event = phase == Phase::rolled_back  ? Event::rolled_back
                      : phase == Phase::aborted    ? Event::aborted
                      : phase == Phase::superseded ? Event::superseded
                                                   : Event::failed;
  const std::string why = with(std::string(to_string(cause)), word.why);
  audit(event, {.actor = word.actor, .who = word.who, .why = why});
  notify(phase == Phase::rolled_back ? Notice::rolled_back : Notice::ended,
         spec_.canary.str() + " " + std::string(to_string(phase)) + ": " + why);
  out_.actions.emplace_back(Finish{});
}

void ReleaseRun::finish_watch() {
  const std::string proof(to_string(weakest_proof(state())));
  close_step(Proof::none, "");
  state().weight = kWholeWeight;
  enter(Phase::done, Cause::passed_watch, std::nullopt);
  state().detail = "promoted as " + proof;
  out_.actions.emplace_back(MarkStable{});
  audit(Event::done, {.why = "it passed its watch of " + print_duration(policy_.watch) + "; " + state().detail});
  notify(Notice::ended, spec_.canary.str() + " is the last known stable revision; it was " + state().detail);
  out_.actions.emplace_back(Finish{});
}

void ReleaseRun::enter(Phase phase, Cause cause, std::optional<base::Duration> lasts) {
  state().phase = phase;
  state().cause = cause;
  state().detail.clear();
  state().since = now_.age;
  state().deadline = lasts ? std::optional(now_.age + *lasts) : std::nullopt;
  state().told = 0;
}

void ReleaseRun::close_step(Proof proof, const std::string& evidence) {
  if (state().steps.empty() || state().steps.back().ended) return;
  model::ReleaseStepRecord& step = state().steps.back();
  step.proof = proof;
  step.evidence = evidence;
  step.ended = now_.age;
}

void ReleaseRun::close_gate() {
  const bool open =
      state().phase == Phase::gated || (state().phase == Phase::paused && state().paused_phase == Phase::gated);
  if (open) out_.actions.emplace_back(CloseGate{state().next_gate});
}

bool ReleaseRun::waits_for(std::uint32_t gate) const {
  return open_gate_of(state()) == gate;
}

// Once a phase and verdict: the judge repeats itself, the history does not.
void ReleaseRun::note(const JudgeOpinion& opinion, Event event) {
  if (opinion.verdict != ReleaseVerdict::bad && opinion.verdict != ReleaseVerdict::proven_good) return;
  if ((state().told & bit_of(opinion.verdict)) != 0) return;
  state().told |= bit_of(opinion.verdict);
  audit(event, {.actor = ReleaseActor::judge, .why = with(std::string(to_string(opinion.verdict)), opinion.evidence)});
}

void ReleaseRun::audit(Event event, const Word& word) {
  out_.audit.push_back({.at = now_.age,
                        .unix_ns = now_.unix_ns,
                        .actor = word.actor,
                        .who = word.who,
                        .event = event,
                        .weight = state().weight,
                        .why = word.why});
}

void ReleaseRun::notify(Notice notice, const std::string& text) {
  out_.actions.emplace_back(Notify{notice, spec_.service.str() + ": " + text});
}

// What comes after the open gate.
std::string ReleaseRun::position() const {
  const Weight before = policy_.gates.at(state().next_gate).before;
  return before == kWholeWeight ? "the promotion" : print_weight(before);
}

}  // namespace marea::decide
