#include "api/release_objects.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "api/kinds.h"
#include "base/log.h"

namespace marea::api {
namespace {

constexpr double kNsPerUs = 1'000;
constexpr double kUsPerMs = 1'000;

// Four digits: the others change all the time and say nothing.
double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double scale = std::pow(10.0, 3 - std::floor(std::log10(std::abs(value))));
  const double out = std::round(value * scale) / scale;
  return std::isfinite(scale) && std::isfinite(out) && scale > 0 ? out : value;
}

double in_ms(base::Duration latency) {
  return std::round(static_cast<double>(latency.count()) / kNsPerUs) / kUsPerMs;
}

Json arm_object(const control::ArmEvidence& arm, const base::RevisionName& revision) {
  Json out = {{"revision", revision.str()}, {"requests", arm.requests}, {"keys", arm.keys},
              {"failed", arm.failed},       {"slow", arm.slow},         {"platformFailures", arm.platform}};
  if (arm.latency) {
    out["latency"] = {{"keys", arm.latency->observations},
                      {"p50Ms", in_ms(arm.latency->p50)},
                      {"p95Ms", in_ms(arm.latency->p95)},
                      {"p99Ms", in_ms(arm.latency->p99)}};
  }
  return out;
}

Json test_object(const decide::Evidence& test) {
  Json out = {{"name", to_string(test.metric)}};
  if (test.metric == decide::JudgedMetric::shape) {
    out["distance"] = rounded(test.e_value);
    out["limit"] = rounded(test.limit);
    out["keys"] = {{"stable", test.stable_units}, {"canary", test.canary_units}};
  } else {
    out["eValue"] = rounded(test.e_value);
    out["limit"] = rounded(test.limit);
    out["proof"] = {{"eValue", rounded(test.proof)}, {"limit", rounded(test.proof_limit)}};
    out["absolute"] = {{"eValue", rounded(test.absolute)}, {"limit", rounded(test.absolute_limit)}};
    out["keys"] = {{"stable", test.stable_units}, {"canary", test.canary_units}};
    out["hits"] = {{"stable", test.stable_hits}, {"canary", test.canary_hits}};
    out["proven"] = test.proven_at.has_value();
    if (test.risk_below) out["riskBelow"] = rounded(*test.risk_below);
  }
  out["bad"] = test.fell_at.has_value();
  return out;
}

Json distance_object(const decide::MetricDistance& distance) {
  Json out = {{"name", to_string(distance.metric)}, {"proven", distance.proven}};
  const auto add = [&](const char* name, const std::optional<std::uint64_t>& keys) {
    if (keys) out[name] = *keys;
  };
  add("clean", distance.clean);
  add("alike", distance.alike);
  add("bad", distance.bad);
  add("lost", distance.lost);
  return out;
}

Json evidence_object(const control::ReleaseEntry& entry) {
  const control::ReleaseEvidence evidence = entry.evidence();
  const decide::Verdict& verdict = evidence.verdict;
  const model::ReleaseSpec& spec = entry.record().spec;
  Json tests = Json::array();
  for (const decide::Evidence& test : verdict.evidence) tests.push_back(test_object(test));
  Json out = {{"stable", arm_object(evidence.stable, spec.stable)},
              {"canary", arm_object(evidence.canary, spec.canary)},
              {"tests", std::move(tests)},
              {"sampleRatio",
               {{"eValue", rounded(verdict.split)},
                {"limit", rounded(verdict.split_limit)},
                {"mistrusted", verdict.doubt == decide::Doubt::sample_ratio}}},
              {"platformShare", rounded(verdict.platform_share)},
              {"verdict", to_string(verdict.answer)}};
  if (!evidence.doubt.empty()) out["doubt"] = evidence.doubt;
  if (verdict.missing_keys > 0) out["missingKeys"] = verdict.missing_keys;
  if (verdict.risk_below) out["riskBelow"] = rounded(*verdict.risk_below);
  if (entry.record().objective > base::Duration{0}) out["objectiveMs"] = in_ms(entry.record().objective);
  out["wouldChange"] = evidence.would_change;
  for (const decide::MetricDistance& each : evidence.distances) out["distances"].push_back(distance_object(each));
  return out;
}

Json history_line(const model::ReleaseAudit& line) {
  Json out = {{"time", base::rfc3339(line.unix_ns)},
              {"at", model::print_duration(std::chrono::floor<std::chrono::milliseconds>(line.at))},
              {"actor", to_string(line.actor)},
              {"event", to_string(line.event)},
              {"weight", model::print_weight(line.weight)}};
  if (!line.who.empty()) out["who"] = line.who;
  if (!line.why.empty()) out["why"] = line.why;
  return out;
}

// Times are of a release's age; its newest line has both, so they are told as if control had run without a break since.
void add_times(Json& status, const model::ReleaseState& state, std::span<const store::ReleaseAuditRecord> history) {
  if (history.empty()) return;
  const model::ReleaseAudit& newest = history.back().audit;
  const auto time = [&](base::Duration age) { return base::rfc3339(newest.unix_ns + (age - newest.at).count()); };
  status["sinceTime"] = time(state.since);
  if (state.deadline) status["deadlineTime"] = time(*state.deadline);
  const bool watched = state.phase == model::ReleasePhase::watching || state.phase == model::ReleasePhase::comparing;
  if (watched) status["watchUntilTime"] = time(state.watch_until);
}

void add_gate(Json& status, const model::ReleaseSpec& spec, const model::ReleaseState& state) {
  const bool paused = state.phase == model::ReleasePhase::paused;
  const model::ReleasePhase phase = paused ? state.paused_phase : state.phase;
  if (phase != model::ReleasePhase::gated || state.next_gate >= spec.policy.gates.size()) return;
  const model::ReleaseGate& gate = spec.policy.gates[state.next_gate];
  status["gate"] = {{"name", gate.name}, {"kind", to_string(gate.kind)}, {"passed", state.gate_passed}};
}

}  // namespace

Json release_object(const control::ReleaseEntry& entry, std::span<const store::ReleaseAuditRecord> history,
                    const base::RevisionName& last_known_stable, const std::vector<std::string>& changes) {
  const store::ReleaseRecord& record = entry.record();
  const model::ReleaseSpec& spec = record.spec;
  const model::ReleaseState& state = record.state;
  Json object = model::release_document(spec, state);
  const std::string created = base::rfc3339(record.created_unix_ns);
  object["metadata"] = {
      {"name", spec.id},
      {"namespace", "default"},
      {"uid", "release-" + spec.id + "-" + std::to_string(record.created_unix_ns)},
      {"resourceVersion", ""},
      {"creationTimestamp", created},
      {"labels", {{kServiceLabel, spec.service.str()}, {"serving.knative.dev/revision", spec.canary.str()}}}};
  Json& status = object["status"];
  if (status.contains("evidence")) status["summary"] = status["evidence"];
  status["evidence"] = evidence_object(entry);
  status["step"] = state.step + 1;
  status["ladderSteps"] = spec.policy.ladder.size();
  status["proof"] = to_string(model::weakest_proof(state));
  status["proofs"] = Json::array();
  for (const model::ReleaseStepRecord& step : state.steps) {
    if (step.proof == model::ReleaseProof::none) continue;
    status["proofs"].push_back({{"weight", model::print_weight(step.weight)}, {"proof", to_string(step.proof)}});
  }
  add_times(status, state, history);
  add_gate(status, spec, state);
  if (state.rollbacks > 0) status["rollbacks"] = state.rollbacks;
  if (!last_known_stable.empty()) status["lastKnownStable"] = last_known_stable.str();
  if (!changes.empty()) status["changes"] = changes;
  const std::size_t left_out = history.size() - std::min(history.size(), kMostShownLines);
  if (left_out > 0) status["historyLeftOut"] = left_out;
  status["history"] = Json::array();
  for (const store::ReleaseAuditRecord& line : history.subspan(left_out)) {
    status["history"].push_back(history_line(line.audit));
  }
  return object;
}

Json release_policy_object(const store::ReleasePolicyRecord& record) {
  Json object = Json::parse(record.document, nullptr, false);
  Json& metadata = object["metadata"];
  metadata["namespace"] = "default";
  metadata["uid"] = "releasepolicy-" + record.name + "-" + std::to_string(record.created_unix_ns);
  metadata["resourceVersion"] = "";
  metadata["creationTimestamp"] = base::rfc3339(record.created_unix_ns);
  return object;
}

}  // namespace marea::api
