// Commands of people to a release.

#include "decide/release_run.h"

namespace marea::decide {

using model::print_duration;
using model::ReleaseActor;

void ReleaseRun::on(const OperatorCommand& command) {
  auto refusal = obey(command);
  if (!refusal) return;
  const std::string what(to_string(command.act));
  audit(Event::refused, {.actor = ReleaseActor::person,
                         .who = command.who,
                         .why = what + (command.reason.empty() ? "" : " (" + command.reason + ")") + ": " + *refusal});
  out_.refused = *std::move(refusal);
}

std::optional<std::string> ReleaseRun::obey(const OperatorCommand& command) {
  const Word word{.actor = ReleaseActor::person, .who = command.who, .why = command.reason};
  const bool takes_back =
      command.act == OperatorAct::abort && command.after_end && state().phase == Phase::done && !spec_.stable.empty();
  if (is_over() && command.act != OperatorAct::retry && !takes_back) {
    const std::string why(to_string(state().cause));
    return "the release is over: " + std::string(to_string(state().phase)) + ", " + why;
  }
  switch (command.act) {
    case OperatorAct::pause: return pause(command, word);
    case OperatorAct::resume:
      if (state().phase != Phase::paused) return "it is not paused";
      resume(word);
      return std::nullopt;
    case OperatorAct::advance: return advance(word);
    case OperatorAct::promote: return promote(word);
    case OperatorAct::abort: return abort(word);
    case OperatorAct::retry: return retry(word);
  }
  return "it is no command";
}

std::optional<std::string> ReleaseRun::pause(const OperatorCommand& command, const Word& word) {
  if (state().phase == Phase::comparing) return "it is being compared, which ends within a minute";
  if (!command.endless && (command.lasts <= base::Duration{0} || command.lasts > model::kMostReleaseWait)) {
    return "a pause lasts more than nothing and at most " + print_duration(model::kMostReleaseWait);
  }
  if (state().phase != Phase::paused) {
    state().paused_phase = state().phase;
    state().paused_cause = state().cause;
    state().paused_left = *state().deadline - now_.age;
    const std::string detail = state().detail;
    enter(Phase::paused, state().cause, std::nullopt);
    state().detail = detail;
  }
  // A pause in a pause gives it another end.
  state().deadline = command.endless ? std::nullopt : std::optional(now_.age + command.lasts);
  audit(Event::paused, {.actor = word.actor,
                        .who = word.who,
                        .why = (command.endless ? "until somebody resumes" : "for " + print_duration(command.lasts)) +
                               (word.why.empty() ? "" : ": " + word.why)});
  return std::nullopt;
}

void ReleaseRun::resume(const Word& word) {
  const base::Duration stood = now_.age - state().since;
  const std::string detail = state().detail;
  enter(state().paused_phase, state().paused_cause, state().paused_left);
  state().detail = detail;
  state().step_since += stood;
  state().watch_until += stood;
  audit(Event::resumed, word);
  if (state().phase == Phase::preparing && state().ready) {
    enter_next({.why = "it is ready"});
  } else if (state().phase == Phase::gated && state().gate_passed) {
    pass_gate({.why = "while it was paused"});
  }
}

std::optional<std::string> ReleaseRun::advance(const Word& word) {
  const Phase phase = state().phase == Phase::paused ? state().paused_phase : state().phase;
  const bool forbidden = state().cause == Cause::rollback_forbidden;
  const bool failing = mostly_failing();  // asked now: a new step begins without an opinion
  const bool doubted = is_held_doubted();
  if (phase == Phase::preparing) return state().ready ? "it is paused; resume it first" : "the canary is not ready yet";
  if (phase == Phase::comparing || (is_promoted() && phase != Phase::holding)) return "it is promoted already";
  const int step = state().step;
  if (state().phase == Phase::paused) resume(word);
  if (state().step == step) {  // else a gate that passed meanwhile led on
    if (forbidden) state().accepted = true;
    if (state().phase == Phase::gated) {
      pass_gate(word);
    } else {
      go_on(Proof::person, word);
    }
  }
  if (doubted || (failing && is_promoted())) accept_doubt();
  return std::nullopt;
}

std::optional<std::string> ReleaseRun::promote(const Word& word) {
  const Phase phase = state().phase == Phase::paused ? state().paused_phase : state().phase;
  if (phase == Phase::preparing) return state().ready ? "it is paused; resume it first" : "the canary is not ready yet";
  if (is_promoted()) {
    if (phase != Phase::holding) return "it is promoted already";
    return advance(word);
  }
  if (state().cause == Cause::rollback_forbidden) state().accepted = true;
  const bool failing = mostly_failing();
  close_gate();
  close_step(Proof::person, word.why);
  begin_step(static_cast<int>(policy_.ladder.size()), word);
  if (failing) accept_doubt();
  return std::nullopt;
}

std::optional<std::string> ReleaseRun::abort(const Word& word) {
  if (!can_roll_back()) {
    return spec_.stable.empty() ? "there is no revision to go back to" : "the policy forbids a rollback by now";
  }
  leave(Phase::aborted, Cause::by_person, word);
  return std::nullopt;
}

std::optional<std::string> ReleaseRun::retry(const Word& word) {
  switch (state().phase) {
    case Phase::rolled_back:
    case Phase::aborted:
    case Phase::failed: break;
    case Phase::done:
    case Phase::superseded:
    case Phase::preparing:
    case Phase::stepping:
    case Phase::gated:
    case Phase::holding:
    case Phase::paused:
    case Phase::watching:
    case Phase::comparing: return "only a release that was rolled back, was aborted or failed can be tried again";
  }
  if (state().bad) {
    return "the revision was rolled back " + std::to_string(state().rollbacks) +
           " times and counts as bad; deploy another";
  }
  if (state().weight != 0) return "the canary still has requests, and the policy forbids to take them; deploy another";
  model::ReleaseState fresh;
  fresh.attempt = state().attempt + 1;
  fresh.rollbacks = state().rollbacks;
  state() = std::move(fresh);
  audit(Event::retried, word);
  begin();
  return std::nullopt;
}

}  // namespace marea::decide
