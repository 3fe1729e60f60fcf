// A release that a test moves by hand: it says what comes in, and reads what was done. For tests alone.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "decide/release.h"

namespace marea::decide {

inline model::ReleaseSpec release_spec(model::ReleasePolicy policy = {}) {
  return {.id = "loans-00007",
          .service = base::ServiceName("loans"),
          .stable = base::RevisionName("loans-00006"),
          .canary = base::RevisionName("loans-00007"),
          .policy = std::move(policy)};
}

inline model::JudgeOpinion opinion(model::ReleaseVerdict verdict, std::optional<double> bound = std::nullopt) {
  return {.verdict = verdict, .risk_bound = bound, .evidence = "3 of 40 keys"};
}

inline model::JudgeOpinion unknown(model::UnknownCause cause) {
  return {.verdict = model::ReleaseVerdict::cannot_know, .unknown = cause, .evidence = "2 keys"};
}

inline OperatorCommand command(OperatorAct act) {
  return {.act = act, .who = "ana", .reason = "because"};
}

class ReleaseWorld {
 public:
  explicit ReleaseWorld(model::ReleaseSpec of = release_spec()) : spec(std::move(of)) {
    keep(begin_release(spec, now));
  }

  void take(std::vector<ReleaseInput> inputs) { keep(step_release(spec, state, inputs, now)); }
  void take(ReleaseInput input) { take(std::vector<ReleaseInput>{std::move(input)}); }
  // In steps of a second, each with the inputs, if there are any.
  void pass(base::Duration time, const std::vector<ReleaseInput>& inputs = {}) {
    for (const base::Duration until = now.age + time; now.age < until;) {
      now.age += std::chrono::seconds(1);
      now.unix_ns += 1'000'000'000;
      take(inputs);
    }
  }
  void ready() { take(CanaryReady{}); }

  template <class Action>
  int count() const {
    return static_cast<int>(
        std::ranges::count_if(actions, [](const ReleaseAction& each) { return std::holds_alternative<Action>(each); }));
  }
  // Weights that were published, in order.
  std::vector<model::Weight> weights() const {
    std::vector<model::Weight> out;
    for (const ReleaseAction& each : actions) {
      if (const auto* publish = std::get_if<PublishWeight>(&each)) out.push_back(publish->weight);
    }
    return out;
  }
  // "judge rolled back", "person ana refused".
  std::vector<std::string> history() const {
    std::vector<std::string> out;
    for (const model::ReleaseAudit& each : audit) {
      out.push_back(std::string(to_string(each.actor)) + (each.who.empty() ? "" : " " + each.who) + " " +
                    std::string(to_string(each.event)));
    }
    return out;
  }
  std::vector<std::string> proofs() const {
    std::vector<std::string> out;
    for (const model::ReleaseStepRecord& each : state.steps) {
      out.push_back(model::print_weight(each.weight) + " " + std::string(to_string(each.proof)));
    }
    return out;
  }
  bool told(const std::string& part) const {
    return std::ranges::any_of(actions, [&](const ReleaseAction& each) {
      const auto* notify = std::get_if<Notify>(&each);
      return notify != nullptr && notify->text.contains(part);
    });
  }

  model::ReleaseSpec spec;
  ReleaseMoment now{.unix_ns = 1'700'000'000'000'000'000};
  model::ReleaseState state;
  std::vector<ReleaseAction> actions;
  std::vector<model::ReleaseAudit> audit;
  std::string refused;  // by the last call

 private:
  void keep(ReleaseResult result) {
    state = std::move(result.state);
    actions.insert(actions.end(), result.actions.begin(), result.actions.end());
    audit.insert(audit.end(), result.audit.begin(), result.audit.end());
    refused = std::move(result.refused);
  }
};

// A world in each phase that is no end, and one in each end.
inline model::ReleasePolicy policy_with_gate() {
  model::ReleasePolicy policy;
  policy.gates = {{.name = "qa", .before = 500, .kind = model::GateKind::manual}};
  return policy;
}

inline void bring_to(ReleaseWorld& world, model::ReleasePhase phase) {
  using enum model::ReleasePhase;
  const auto good = opinion(model::ReleaseVerdict::proven_good);
  if (phase == failed) {
    world.take(CanaryUnavailable{"it exits"});
    return;
  }
  if (phase != preparing) world.ready();
  switch (phase) {
    case preparing:
    case stepping:
    case failed: break;
    case gated: world.pass(std::chrono::seconds(30), {good}); break;
    case holding: world.pass(std::chrono::minutes(2), {opinion(model::ReleaseVerdict::not_yet)}); break;
    case paused: world.take(command(OperatorAct::pause)); break;
    case watching: world.take(command(OperatorAct::promote)); break;
    case comparing:
      world.take(command(OperatorAct::promote));
      world.take(BurnRate{"14 times"});
      break;
    case done:
      world.take(command(OperatorAct::promote));
      world.now.age += world.spec.policy.watch;
      world.take(TimePassed{});
      break;
    case rolled_back: world.take(opinion(model::ReleaseVerdict::bad)); break;
    case aborted: world.take(command(OperatorAct::abort)); break;
    case superseded: world.take(NewerDeploy{base::RevisionName("loans-00008")}); break;
  }
}

inline ReleaseWorld world_in(model::ReleasePhase phase) {
  model::ReleasePolicy policy = policy_with_gate();
  if (phase == model::ReleasePhase::comparing) policy.holdback = 0;
  ReleaseWorld world(release_spec(policy));
  bring_to(world, phase);
  EXPECT_EQ(world.state.phase, phase);
  return world;
}

}  // namespace marea::decide
