#include "decide/release_opinion.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace marea::decide {
namespace {

model::ReleaseVerdict verdict_of(Answer answer) {
  switch (answer) {
    case Answer::not_yet: return model::ReleaseVerdict::not_yet;
    case Answer::proven_good: return model::ReleaseVerdict::proven_good;
    case Answer::bad: return model::ReleaseVerdict::bad;
    case Answer::cannot_know: return model::ReleaseVerdict::cannot_know;
  }
  return model::ReleaseVerdict::cannot_know;
}

model::UnknownCause unknown_of(Doubt doubt) {
  switch (doubt) {
    case Doubt::sample_ratio: return model::UnknownCause::split_mistrusted;
    case Doubt::platform_trouble:
    case Doubt::lost_ticks: return model::UnknownCause::platform_trouble;
    case Doubt::mostly_failing: return model::UnknownCause::mostly_failing;
    case Doubt::no_stable: return model::UnknownCause::no_stable;
    case Doubt::none:
    case Doubt::too_few_keys:
    case Doubt::untimed:
    case Doubt::few_busy_users:
    case Doubt::untracked: return model::UnknownCause::too_little;
  }
  return model::UnknownCause::too_little;
}

// E-values are between 0 and 1e300: whole numbers where they are large, else two digits.
std::string short_number(double value) {
  if (!(value >= 10)) return std::to_string(value).substr(0, 4);
  if (value >= 1e15) return "1e" + std::to_string(static_cast<int>(std::log10(value)));
  return std::to_string(static_cast<std::int64_t>(value));
}

std::string sentence(const Evidence& evidence) {
  std::string out(to_string(evidence.metric));
  if (evidence.metric == JudgedMetric::shape) {
    return out + ": " + std::to_string(evidence.canary_units) + " keys, " + std::to_string(evidence.stable_units) +
           " of stable's, distance " + short_number(evidence.e_value) + " of " + short_number(evidence.limit);
  }
  out += ": " + std::to_string(evidence.canary_hits) + " of " + std::to_string(evidence.canary_units) + " keys, " +
         std::to_string(evidence.stable_hits) + " of " + std::to_string(evidence.stable_units) +
         " of stable's, E = " + short_number(evidence.e_value) + " of " + short_number(evidence.limit);
  if (evidence.metric == JudgedMetric::failures && evidence.firsts > 1) {
    out += ", first requests " + short_number(evidence.firsts) + " of " + short_number(evidence.firsts_limit);
  }
  if (evidence.absolute_limit > 0 && evidence.absolute >= evidence.absolute_limit) out += ", few by themselves";
  if (evidence.risk_below) out += ", risk below " + short_number(*evidence.risk_below);
  return out;
}

}  // namespace

JudgePolicy judge_policy(const model::ReleasePolicy& policy) {
  JudgePolicy out{.alpha = policy.alpha,
                  .beta = policy.beta,
                  .harm_tolerance = policy.tolerances.harm,
                  .promotion_tolerance = policy.tolerances.promotion,
                  .latency_tolerance = policy.tolerances.latency,
                  .objective = policy.objectives.latency,
                  .unproven_limit = policy.unproven_limit};
  if (policy.objectives.availability) out.failure_limit = 1 - *policy.objectives.availability;
  return out;
}

model::JudgeOpinion opinion_of(const Verdict& verdict) {
  model::JudgeOpinion out{
      .verdict = verdict_of(verdict.answer), .unknown = unknown_of(verdict.doubt), .risk_bound = verdict.risk_below};
  if (verdict.answer == Answer::cannot_know) out.evidence = std::string(to_string(verdict.doubt));
  for (const Evidence& each : verdict.evidence) {
    if (!out.evidence.empty()) out.evidence += "; ";
    out.evidence += sentence(each);
  }
  return out;
}

}  // namespace marea::decide
