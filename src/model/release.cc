#include "model/release.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/names.h"
#include "model/release_readers.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

using Word = std::string_view;

constexpr std::array kPhases = {Word("preparing"),   Word("stepping"), Word("gated"),      Word("holding"),
                                Word("paused"),      Word("watching"), Word("comparing"),  Word("done"),
                                Word("rolled back"), Word("aborted"),  Word("superseded"), Word("failed")};
static_assert(kPhases.size() == kReleasePhases);
constexpr std::array kCauses = {Word(""),
                                Word("unproven"),
                                Word("cannot know"),
                                Word("split mistrusted"),
                                Word("platform trouble"),
                                Word("rollback forbidden"),
                                Word("passed its watch"),
                                Word("judged bad"),
                                Word("crashing"),
                                Word("out of memory"),
                                Word("liveness failed"),
                                Word("unavailable"),
                                Word("by a person"),
                                Word("newer deploy"),
                                Word("never ready"),
                                Word("start failed"),
                                Word("gate refused"),
                                Word("gate timed out"),
                                Word("hold ran out")};
static_assert(kCauses.size() == kReleaseCauses);
constexpr std::array kVerdictWords = {Word("bad"), Word("proven good"), Word("not yet"), Word("cannot know")};
static_assert(kVerdictWords.size() == kReleaseVerdicts);
constexpr std::array kUnknownWords = {Word("too little"), Word("split mistrusted"), Word("platform trouble"),
                                      Word("no stable"), Word("mostly failing")};
static_assert(kUnknownWords.size() == kUnknownCauses);
constexpr std::array kProofs = {Word(""),       Word("proven good"), Word("unproven"), Word("cannot know"),
                                Word("person"), Word("unjudged")};
static_assert(kProofs.size() == kReleaseProofs);
constexpr std::array kArms = {Word("stable"), Word("canary")};
constexpr std::array kFailureKinds = {Word("crashed"), Word("out of memory"), Word("liveness failed")};
static_assert(kFailureKinds.size() == kInstanceFailureKinds);
constexpr std::array kActors = {Word("platform"), Word("judge"), Word("person"), Word("gate")};
static_assert(kActors.size() == kReleaseActors);
constexpr std::array kEvents = {Word("created"),    Word("advanced"),     Word("gate opened"), Word("gate passed"),
                                Word("holding"),    Word("paused"),       Word("resumed"),     Word("promoted"),
                                Word("compared"),   Word("common cause"), Word("rolled back"), Word("aborted"),
                                Word("superseded"), Word("failed"),       Word("done"),        Word("retried"),
                                Word("verdict"),    Word("refused"),      Word("late"),        Word("warning")};
static_assert(kEvents.size() == kReleaseEvents);

std::string read_label(Findings& findings, const Node& spec, std::string_view name, std::string_view what) {
  const auto node = spec.member(name);
  if (!node) {
    if (!what.empty()) findings.missing(spec, name, what);
    return {};
  }
  const std::string text = findings.text(*node).value_or("");
  if (auto fault = label_fault(text)) findings.fault(*node, *fault);
  return text;
}

ReleaseSpec read_release(Findings& findings, const Node& node) {
  ReleaseSpec out;
  if (!findings.is_object(node) || !check_own_kind(findings, node, "Release")) return out;
  check_fields(findings, node, ObjectKind::release);
  out.id = read_own_name(findings, node);
  const auto spec = node.member("spec");
  if (!spec) {
    findings.missing(node, "spec", "which revision takes over in which service");
    return out;
  }
  if (!check_fields(findings, *spec, ObjectKind::release_spec)) return out;
  out.service = base::ServiceName(read_label(findings, *spec, "service", "whose requests it is about"));
  out.stable = base::RevisionName(read_label(findings, *spec, "stable", ""));
  out.canary = base::RevisionName(read_label(findings, *spec, "canary", "the revision that takes over"));
  if (!out.canary.empty() && out.canary == out.stable) {
    findings.fault(*spec->member("canary"), "must not be the stable revision");
  }
  if (const auto policy = spec->member("policy")) out.policy = read_release_policy(findings, *policy);
  return out;
}

Json step_document(const ReleaseStepRecord& step) {
  Json out = {{"weight", print_weight(step.weight)}, {"began", print_duration(step.began)}};
  if (step.ended) out["ended"] = print_duration(*step.ended);
  if (step.proof != ReleaseProof::none) out["proof"] = to_string(step.proof);
  if (!step.evidence.empty()) out["evidence"] = step.evidence;
  return out;
}

}  // namespace

std::string_view to_string(ReleasePhase value) {
  return word_of(kPhases, value);
}
std::string_view to_string(ReleaseCause value) {
  return word_of(kCauses, value);
}
std::string_view to_string(ReleaseVerdict value) {
  return word_of(kVerdictWords, value);
}
std::string_view to_string(UnknownCause value) {
  return word_of(kUnknownWords, value);
}
std::string_view to_string(ReleaseProof value) {
  return word_of(kProofs, value);
}
std::string_view to_string(ReleaseArm value) {
  return word_of(kArms, value);
}
std::string_view to_string(InstanceFailureKind value) {
  return word_of(kFailureKinds, value);
}
std::string_view to_string(ReleaseActor value) {
  return word_of(kActors, value);
}
std::string_view to_string(ReleaseEvent value) {
  return word_of(kEvents, value);
}

ReleaseProof weakest_proof(const ReleaseState& state) {
  using enum ReleaseProof;
  for (const ReleaseProof proof : {cannot_know, unproven, person, proven_good}) {
    if (std::ranges::find(state.steps, proof, &ReleaseStepRecord::proof) != state.steps.end()) return proof;
  }
  return unjudged;
}

std::optional<int> last_step_with_rollback(const ReleasePolicy& policy) {
  if (!policy.rollback_until) return std::nullopt;
  const auto found = std::ranges::find(policy.ladder, *policy.rollback_until, &LadderStep::weight);
  // Not of the ladder: before the promotion all can.
  if (found == policy.ladder.end()) return static_cast<int>(policy.ladder.size()) - 1;
  return static_cast<int>(found - policy.ladder.begin());
}

std::expected<ReleaseSpec, Faults> parse_release(Json document) {
  if (auto fault = size_fault(document)) return std::unexpected(Faults{*std::move(fault)});
  Findings findings;
  ReleaseSpec out = read_release(findings, Node{&document, nullptr, {}});
  if (findings.has_faults()) return std::unexpected(findings.take_faults());
  return out;
}

std::expected<ReleaseSpec, Faults> parse_release_text(std::string_view text) {
  Documents documents = read_documents(text);
  Findings findings;
  findings.add(std::move(documents.faults));
  ReleaseSpec out;
  if (documents.trees.size() == 1) {
    const Tree& tree = documents.trees.front();
    out = read_release(findings, Node{&tree.value, &tree.place, {}});
  } else if (!findings.has_faults()) {
    findings.add({{1, 1, {}, "must be one Release, is " + std::to_string(documents.trees.size()) + " documents"}});
  }
  if (findings.has_faults()) return std::unexpected(findings.take_faults());
  return out;
}

Json release_document(const ReleaseSpec& spec, const ReleaseState& state) {
  Json what = {{"service", spec.service.str()}};
  if (!spec.stable.empty()) what["stable"] = spec.stable.str();
  what["canary"] = spec.canary.str();
  what["policy"] = release_policy_spec(spec.policy);
  Json status = {{"phase", to_string(state.phase)}, {"attempt", state.attempt}, {"weight", print_weight(state.weight)}};
  if (state.cause != ReleaseCause::none) status["cause"] = to_string(state.cause);
  if (!state.detail.empty()) status["detail"] = state.detail;
  status["since"] = print_duration(state.since);
  if (state.deadline) status["deadline"] = print_duration(*state.deadline);
  if (state.phase == ReleasePhase::paused && !state.deadline)
    status["deadline"] = "none: paused until somebody resumes";
  if (state.opinion) {
    status["verdict"] = to_string(state.opinion->verdict);
    if (!state.opinion->evidence.empty()) status["evidence"] = state.opinion->evidence;
    if (state.opinion->risk_bound) status["riskBound"] = *state.opinion->risk_bound;
  }
  for (const ReleaseStepRecord& step : state.steps) status["steps"].push_back(step_document(step));
  if (state.bad) status["bad"] = true;
  return {{"apiVersion", "marea.dev/v1"},
          {"kind", "Release"},
          {"metadata", {{"name", spec.id}}},
          {"spec", std::move(what)},
          {"status", std::move(status)}};
}

}  // namespace marea::model
