#include "control/release_evidence.h"

#include "decide/latency_quantile.h"
#include "decide/would_change.h"

namespace marea::control {
namespace {

constexpr std::size_t kStable = 0;
constexpr std::size_t kCanary = 1;

std::optional<ArmLatency> latency_of(const model::LatencyShape& shape) {
  const auto p50 = decide::latency_quantile(shape, 0.50);
  if (!p50) return std::nullopt;
  return ArmLatency{.observations = decide::observations_of(shape),
                    .p50 = *p50,
                    .p95 = *decide::latency_quantile(shape, 0.95),
                    .p99 = *decide::latency_quantile(shape, 0.99)};
}

ArmEvidence arm_of(const decide::JudgeState& state, std::size_t arm) {
  return {.requests = state.last.requests.at(arm),
          .platform = state.last.platform.at(arm),
          .keys = state.entered.at(arm),
          .failed = 0,
          .slow = 0,
          .latency = {}};
}

}  // namespace

ReleaseEvidence release_evidence(const ReleaseEntry& entry) {
  const decide::Judge& judge = entry.judge();
  ReleaseEvidence out{.stable = arm_of(judge.state(), kStable),
                      .canary = arm_of(judge.state(), kCanary),
                      .verdict = judge.verdict(),
                      .would_change = {}};
  for (const decide::Evidence& each : out.verdict.evidence) {
    if (each.metric == decide::JudgedMetric::failures) {
      out.stable.failed = each.stable_hits;
      out.canary.failed = each.canary_hits;
    } else if (each.metric == decide::JudgedMetric::slow) {
      out.stable.slow = each.stable_hits;
      out.canary.slow = each.canary_hits;
    }
  }
  out.would_change = decide::would_change(judge.policy(), judge.state(), out.verdict);
  if (const auto& traffic = entry.traffic()) {
    out.stable.latency = latency_of(traffic->stable_shape);
    out.canary.latency = latency_of(traffic->canary_shape);
  }
  return out;
}

}  // namespace marea::control
