// One call of step_release(): the state on its way from one moment to the next. Internal to release*.cc.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "decide/release.h"

namespace marea::decide {

// On whose word something happens, for the audit.
struct Word {
  model::ReleaseActor actor = model::ReleaseActor::platform;
  std::string who;
  std::string why;
};

class ReleaseRun {
 public:
  ReleaseRun(const model::ReleaseSpec& spec, model::ReleaseState state, ReleaseMoment now)
      : spec_(spec), policy_(spec.policy), now_(now), published_(state.weight) {
    out_.state = std::move(state);
  }

  void begin();
  void take(const ReleaseInput& input);
  // Everything whose time has come.
  void pass_time();
  ReleaseResult finish();

 private:
  using Phase = model::ReleasePhase;
  using Cause = model::ReleaseCause;
  using Event = model::ReleaseEvent;
  using Notice = model::ReleaseNotice;
  using Proof = model::ReleaseProof;

  // Inputs.
  void on(const model::JudgeOpinion& opinion);
  void on(const CanaryUnavailable& input);
  void on(const InstanceFailure& input);
  void on(const OperatorCommand& command);
  void on(const NewerDeploy& input);
  void on(const GateAnswer& answer);
  void on(const GateTrouble& trouble);
  void on(const BurnRate& input);
  void on(CanaryReady input);
  void on(TimePassed /*input*/) {}

  // Commands of people; each answers why not, or with nothing.
  std::optional<std::string> obey(const OperatorCommand& command);
  std::optional<std::string> pause(const OperatorCommand& command, const Word& word);
  std::optional<std::string> advance(const Word& word);
  std::optional<std::string> promote(const Word& word);
  std::optional<std::string> abort(const Word& word);
  std::optional<std::string> retry(const Word& word);
  void resume(const Word& word);

  // Forward.
  void judge_step();
  void judge_hold();
  bool advance_unproven();
  void go_on(Proof proof, const Word& word);
  void enter_next(const Word& word);
  void open_gate(std::uint32_t gate, const Word& word);
  void pass_gate(const Word& word);
  void begin_step(int step, const Word& word);
  void back_to_watch(const Word& word);
  void hold(Cause cause, const Word& word);
  void hold_doubted(const Word& word);
  bool mostly_failing() const;
  bool in_doubt() const { return mostly_failing() && !state().accepted; }
  bool is_held_doubted() const;
  void accept_doubt();
  void end_hold();
  void end_comparison();

  // Back, and the ends.
  bool fails_alone() const;
  void roll_back(Cause cause, const Word& word);
  void leave(Phase phase, Cause cause, const Word& word);
  void finish_watch();

  bool is_promoted() const { return std::cmp_equal(state().step, policy_.ladder.size()); }
  bool can_roll_back() const;
  bool is_over() const { return model::is_over(state().phase); }
  bool due() const { return state().deadline && now_.age >= *state().deadline; }
  void enter(Phase phase, Cause cause, std::optional<base::Duration> lasts);
  void close_step(Proof proof, const std::string& evidence);
  void close_gate();
  bool waits_for(std::uint32_t gate) const;
  void note(const model::JudgeOpinion& opinion, Event event);
  void audit(Event event, const Word& word);
  void notify(Notice notice, const std::string& text);
  std::string position() const;

  model::ReleaseState& state() { return out_.state; }
  const model::ReleaseState& state() const { return out_.state; }

  const model::ReleaseSpec& spec_;
  const model::ReleasePolicy& policy_;
  ReleaseMoment now_;
  model::Weight published_;  // before this moment
  ReleaseResult out_;
};

}  // namespace marea::decide
