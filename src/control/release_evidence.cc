#include "control/release_evidence.h"

#include "decide/latency_quantile.h"

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

ReleaseEvidence evidence_of(const decide::Judge& judge, const std::optional<ReleaseTraffic>& traffic) {
  ReleaseEvidence out{.stable = arm_of(judge.state(), kStable),
                      .canary = arm_of(judge.state(), kCanary),
                      .verdict = judge.verdict(),
                      .doubt = {},
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
  if (out.verdict.doubt != decide::Doubt::none) out.doubt = to_string(out.verdict.doubt);
  out.would_change = decide::would_change(judge.policy(), judge.state(), out.verdict);
  const bool trusted =
      out.verdict.doubt != decide::Doubt::sample_ratio && out.verdict.doubt != decide::Doubt::platform_trouble;
  if (trusted && out.verdict.answer != decide::Answer::bad) {
    out.distances = decide::distances(judge.policy(), judge.state(), out.verdict);
  }
  if (traffic) {
    out.stable.latency = latency_of(traffic->stable_shape);
    out.canary.latency = latency_of(traffic->canary_shape);
  }
  return out;
}

}  // namespace marea::control
