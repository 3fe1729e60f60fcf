#include "decide/release.h"

#include <algorithm>

#include "decide/release_run.h"

namespace marea::decide {
namespace {

using model::ReleaseVerdict;

// The order of inputs within a moment: what protects first.
int rank(const ReleaseInput& input) {
  if (const auto* opinion = std::get_if<model::JudgeOpinion>(&input)) {
    return opinion->verdict == ReleaseVerdict::bad ? 0 : static_cast<int>(std::variant_size_v<ReleaseInput>);
  }
  return static_cast<int>(input.index());
}

}  // namespace

std::string_view to_string(OperatorAct act) {
  switch (act) {
    case OperatorAct::pause: return "pause";
    case OperatorAct::resume: return "resume";
    case OperatorAct::advance: return "advance";
    case OperatorAct::promote: return "promote";
    case OperatorAct::abort: return "abort";
    case OperatorAct::retry: return "retry";
  }
  return "";
}

ReleaseResult begin_release(const model::ReleaseSpec& spec, ReleaseMoment now) {
  model::ReleaseState state;
  state.rollbacks = spec.rollbacks_before;
  ReleaseRun run(spec, std::move(state), now);
  run.begin();
  return run.finish();
}

ReleaseResult step_release(const model::ReleaseSpec& spec, const model::ReleaseState& state,
                           std::span<const ReleaseInput> inputs, ReleaseMoment now) {
  std::vector<const ReleaseInput*> ordered;
  ordered.reserve(inputs.size());
  for (const ReleaseInput& input : inputs) ordered.push_back(&input);
  std::ranges::stable_sort(ordered, {}, [](const ReleaseInput* input) { return rank(*input); });
  ReleaseRun run(spec, state, now);
  for (const ReleaseInput* input : ordered) run.take(*input);
  run.pass_time();
  return run.finish();
}

std::optional<std::uint32_t> open_gate_of(const model::ReleaseState& state) {
  const bool paused = state.phase == model::ReleasePhase::paused;
  const bool gated = (paused ? state.paused_phase : state.phase) == model::ReleasePhase::gated;
  if (!gated || (paused && state.gate_passed)) return std::nullopt;
  return state.next_gate;
}

base::Duration longest_release(const model::ReleasePolicy& policy) {
  base::Duration out = policy.prepare + policy.watch + kCompareTime;
  for (const model::LadderStep& step : policy.ladder) out += step.maximum + policy.hold.maximum;
  for (const model::ReleaseGate& gate : policy.gates) out += gate.timeout;
  return out + policy.hold.maximum;  // a promoted one that is bad and may not go back, or is doubted
}

}  // namespace marea::decide
