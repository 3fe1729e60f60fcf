#include "control/judge_form.h"

#include "control/state_form.h"

namespace marea::control {

template <class Form, Is<decide::AbsoluteState> T>
void walk(Form& form, T& state) {
  form("capital", state.capital);
}
template <class Form, Is<decide::FirstsState> T>
void walk(Form& form, T& state) {
  form("waiting", state.waiting);
  form("staked", state.staked);
  form("next", state.next);
  form("weight", state.weight);
  form("steps", state.steps);
  form("fell_at", state.fell_at);
}
template <class Form, Is<decide::ProofState> T>
void walk(Form& form, T& state) {
  form("capital", state.capital);
}
template <class Form, Is<decide::BoundState> T>
void walk(Form& form, T& state) {
  form("log_likelihood", state.log_likelihood);
}
template <class Form, Is<decide::KeylessPool> T>
void walk(Form& form, T& state) {
  form("weight", state.weight);
  form("stable", state.stable);
  form("canary", state.canary);
}
template <class Form, Is<decide::UnitCounts> T>
void walk(Form& form, T& state) {
  form("units", state.units);
  form("hits", state.hits);
}
template <class Form, Is<decide::RiskMetricState> T>
void walk(Form& form, T& state) {
  form("pool", state.pool);
  form("harm", state.harm);
  form("proof", state.proof);
  form("bound", state.bound);
  form("absolute", state.absolute);
  form("tolerable", state.tolerable);
  form("asked", state.asked);
  form("keyed", state.keyed);
  form("keyless", state.keyless);
  form("fell_at", state.fell_at);
  form("proven_at", state.proven_at);
}
template <class Form, Is<decide::ShapeState> T>
void walk(Form& form, T& state) {
  form("step", state.step);
  form("memory", state.memory);
  form("steps_before", state.steps_before);
  form("compared", state.compared);
  form("stable", state.stable);
  form("canary", state.canary);
  form("distance", state.distance);
  form("reach", state.reach);
  form("fell_at", state.fell_at);
}
template <class Form, Is<decide::SampleRatioState> T>
void walk(Form& form, T& state) {
  form("weight", state.weight);
  form("entered", state.entered);
  form("log_before", state.log_before);
  form("log_now", state.log_now);
  form("fell_at", state.fell_at);
}
template <class Form, Is<decide::RequestMark> T>
void walk(Form& form, T& state) {
  form("tick", state.tick);
  form("requests", state.requests);
  form("platform", state.platform);
}
template <class Form, Is<decide::Fall> T>
void walk(Form& form, T& state) {
  form("metric", state.metric);
  form("tick", state.tick);
}
template <class Form, Is<decide::JudgeState> T>
void walk(Form& form, T& state) {
  form("release", state.release);
  form("memory", state.memory);
  form("closed", state.closed);
  form("skipped", state.skipped);
  form("risks", state.risks);
  form("firsts", state.firsts);
  form("firsts_over", state.firsts_over);
  form("shape", state.shape);
  form("muted", state.muted);
  form("split", state.split);
  form("entered", state.entered);
  form("keys", state.keys);
  form("keys_at_risk", state.keys_at_risk);
  form("open", state.open);
  form("older", state.older);
  form("newer", state.newer);
  form("told", state.told);
  form("last", state.last);
  form("untracked", state.untracked);
  form("lost", state.lost);
  form("lost_at", state.lost_at);
  form("bad", state.bad);
}
template <class Form, Is<ArmLatency> T>
void walk(Form& form, T& state) {
  form("observations", state.observations);
  form("p50", state.p50);
  form("p95", state.p95);
  form("p99", state.p99);
}
template <class Form, Is<ArmEvidence> T>
void walk(Form& form, T& state) {
  form("requests", state.requests);
  form("platform", state.platform);
  form("keys", state.keys);
  form("failed", state.failed);
  form("slow", state.slow);
  form("latency", state.latency);
}
template <class Form, Is<decide::Evidence> T>
void walk(Form& form, T& state) {
  form("metric", state.metric);
  form("canary_units", state.canary_units);
  form("canary_hits", state.canary_hits);
  form("stable_units", state.stable_units);
  form("stable_hits", state.stable_hits);
  form("e_value", state.e_value);
  form("limit", state.limit);
  form("fell_at", state.fell_at);
  form("firsts", state.firsts);
  form("firsts_limit", state.firsts_limit);
  form("proof", state.proof);
  form("proof_limit", state.proof_limit);
  form("absolute", state.absolute);
  form("absolute_limit", state.absolute_limit);
  form("proven_at", state.proven_at);
  form("risk_below", state.risk_below);
}
template <class Form, Is<decide::Verdict> T>
void walk(Form& form, T& state) {
  form("answer", state.answer);
  form("doubt", state.doubt);
  form("metric", state.metric);
  form("tick", state.tick);
  form("evidence", state.evidence);
  form("missing_keys", state.missing_keys);
  form("split", state.split);
  form("split_limit", state.split_limit);
  form("platform_share", state.platform_share);
  form("risk_below", state.risk_below);
}
template <class Form, Is<ReleaseEvidence> T>
void walk(Form& form, T& state) {
  form("stable", state.stable);
  form("canary", state.canary);
  form("verdict", state.verdict);
  form("doubt", state.doubt);
  form("would_change", state.would_change);
}

namespace {

using Json = nlohmann::json;

constexpr const char* kEvidence = "evidence";  // by this member the texts are told apart

}  // namespace

std::string judge_to_text(const decide::JudgeState& state) {
  return FormWriter::made(state).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string evidence_to_text(const ReleaseEvidence& evidence) {
  const Json out = {{kEvidence, FormWriter::made(evidence)}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<ReleaseEvidence> evidence_from_text(const std::string& text) {
  ReleaseEvidence out;
  try {
    FormReader::take(Json::parse(text).at(kEvidence), out);
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  return out;
}

base::Result<decide::JudgeState> judge_from_text(const std::string& text) {
  decide::JudgeState out;
  if (text.empty()) return out;
  try {
    FormReader::take(Json::parse(text), out);
  } catch (const Json::exception& problem) {
    return base::fail(base::ErrorCode::io, "malformed state of a judge", problem.what());
  }
  return out;
}

}  // namespace marea::control
