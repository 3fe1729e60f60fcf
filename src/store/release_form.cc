#include "store/release_form.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace marea::store {
namespace {

using Json = nlohmann::json;
using model::ReleaseState;

template <class Value>
bool find_word(const std::string& word, std::size_t count, Value& out) {
  for (std::size_t i = 0; i < count; ++i) {
    if (to_string(static_cast<Value>(i)) != word) continue;
    out = static_cast<Value>(i);
    return true;
  }
  return false;
}

// Members of an object, into what has their defaults. Throws where one has another type or an unknown word.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {}

  template <class Value>
  void value(const char* name, Value& out) const {
    if (json_.contains(name)) json_.at(name).get_to(out);
  }
  void time(const char* name, base::Duration& out) const {
    if (json_.contains(name)) out = base::Duration(json_.at(name).get<std::int64_t>());
  }
  void time(const char* name, std::optional<base::Duration>& out) const {
    if (json_.contains(name)) out = base::Duration(json_.at(name).get<std::int64_t>());
  }
  template <class Value>
  void word(const char* name, std::size_t count, Value& out) const {
    if (!json_.contains(name)) return;
    const auto text = json_.at(name).get<std::string>();
    if (!find_word(text, count, out)) throw std::invalid_argument(std::string(name) + " is \"" + text + "\"");
  }

 private:
  const Json& json_;
};

Json part_json(const model::JudgeOpinion& opinion) {
  Json out = {
      {"verdict", to_string(opinion.verdict)}, {"unknown", to_string(opinion.unknown)}, {"evidence", opinion.evidence}};
  if (opinion.risk_bound) out["risk_bound"] = *opinion.risk_bound;
  return out;
}

model::JudgeOpinion opinion_of(const Json& json) {
  model::JudgeOpinion out;
  const Reader reader(json);
  reader.word("verdict", model::kReleaseVerdicts, out.verdict);
  reader.word("unknown", model::kUnknownCauses, out.unknown);
  reader.value("evidence", out.evidence);
  if (json.contains("risk_bound")) out.risk_bound = json.at("risk_bound").get<double>();
  return out;
}

Json part_json(const model::ReleaseStepRecord& step) {
  Json out = {{"weight", step.weight},
              {"began", step.began.count()},
              {"proof", to_string(step.proof)},
              {"evidence", step.evidence}};
  if (step.ended) out["ended"] = step.ended->count();
  return out;
}

model::ReleaseStepRecord step_of(const Json& json) {
  model::ReleaseStepRecord out;
  const Reader reader(json);
  reader.value("weight", out.weight);
  reader.time("began", out.began);
  reader.time("ended", out.ended);
  reader.word("proof", model::kReleaseProofs, out.proof);
  reader.value("evidence", out.evidence);
  return out;
}

Json part_json(const model::InstanceFailureRecord& failure) {
  return {{"arm", to_string(failure.arm)}, {"kind", to_string(failure.kind)}, {"at", failure.at.count()}};
}

model::InstanceFailureRecord failure_of(const Json& json) {
  model::InstanceFailureRecord out;
  const Reader reader(json);
  reader.word("arm", 2, out.arm);
  reader.word("kind", model::kInstanceFailureKinds, out.kind);
  reader.time("at", out.at);
  return out;
}

ReleaseState state_of(const Json& json) {
  ReleaseState out;
  const Reader reader(json);
  reader.word("phase", model::kReleasePhases, out.phase);
  reader.word("cause", model::kReleaseCauses, out.cause);
  reader.value("detail", out.detail);
  reader.value("attempt", out.attempt);
  reader.value("step", out.step);
  reader.value("weight", out.weight);
  reader.time("since", out.since);
  reader.time("step_since", out.step_since);
  reader.time("deadline", out.deadline);
  reader.time("watch_until", out.watch_until);
  reader.value("ready", out.ready);
  reader.value("next_gate", out.next_gate);
  reader.value("gate_passed", out.gate_passed);
  reader.word("paused_phase", model::kReleasePhases, out.paused_phase);
  reader.word("paused_cause", model::kReleaseCauses, out.paused_cause);
  reader.time("paused_left", out.paused_left);
  if (json.contains("opinion")) out.opinion = opinion_of(json.at("opinion"));
  if (json.contains("steps")) {
    for (const Json& each : json.at("steps")) out.steps.push_back(step_of(each));
  }
  if (json.contains("failures")) {
    for (const Json& each : json.at("failures")) out.failures.push_back(failure_of(each));
  }
  reader.value("rollbacks", out.rollbacks);
  reader.value("bad", out.bad);
  reader.value("told", out.told);
  reader.value("accepted", out.accepted);
  return out;
}

}  // namespace

std::string release_state_to_text(const ReleaseState& state) {
  Json out = {{"phase", to_string(state.phase)},
              {"cause", to_string(state.cause)},
              {"detail", state.detail},
              {"attempt", state.attempt},
              {"step", state.step},
              {"weight", state.weight},
              {"since", state.since.count()},
              {"step_since", state.step_since.count()},
              {"watch_until", state.watch_until.count()},
              {"ready", state.ready},
              {"next_gate", state.next_gate},
              {"gate_passed", state.gate_passed},
              {"paused_phase", to_string(state.paused_phase)},
              {"paused_cause", to_string(state.paused_cause)},
              {"paused_left", state.paused_left.count()},
              {"rollbacks", state.rollbacks},
              {"bad", state.bad},
              {"told", state.told},
              {"accepted", state.accepted}};
  if (state.deadline) out["deadline"] = state.deadline->count();
  if (state.opinion) out["opinion"] = part_json(*state.opinion);
  for (const model::ReleaseStepRecord& each : state.steps) out["steps"].push_back(part_json(each));
  for (const model::InstanceFailureRecord& each : state.failures) out["failures"].push_back(part_json(each));
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

base::Result<ReleaseState> release_state_from_text(const std::string& text) {
  try {
    return state_of(Json::parse(text));
  } catch (const std::exception& problem) {
    return base::fail(base::ErrorCode::io, "malformed state of a release", problem.what());
  }
}

bool read_word(const std::string& word, model::ReleaseActor& out) {
  return find_word(word, model::kReleaseActors, out);
}

bool read_word(const std::string& word, model::ReleaseEvent& out) {
  return find_word(word, model::kReleaseEvents, out);
}

}  // namespace marea::store
