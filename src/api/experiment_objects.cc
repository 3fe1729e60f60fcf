#include "api/experiment_objects.h"

#include <cmath>
#include <string>
#include <utility>

#include "api/kinds.h"
#include "base/log.h"

namespace marea::api {
namespace {

// Six digits: what changes behind them says nothing.
double shown_value(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double scale = std::pow(10.0, 5 - std::floor(std::log10(std::abs(value))));
  const double out = std::round(value * scale) / scale;
  return std::isfinite(scale) && std::isfinite(out) && scale > 0 ? out : value;
}

// An end that is not there is infinite: nothing is known on that side.
Json interval_object(const decide::Interval& interval) {
  Json out = Json::object();
  if (std::isfinite(interval.low)) out["low"] = shown_value(interval.low);
  if (std::isfinite(interval.high)) out["high"] = shown_value(interval.high);
  return out;
}

Json rate_object(const decide::Hits& hits, const decide::Interval& interval) {
  const double rate = hits.n == 0 ? 0 : static_cast<double>(hits.x) / static_cast<double>(hits.n);
  return {
      {"users", hits.n}, {"converted", hits.x}, {"rate", shown_value(rate)}, {"interval", interval_object(interval)}};
}

Json counts_object(const model::ArmOutcomes& arm, const model::ExperimentSpec& spec) {
  Json out = {{"users", arm.keys},         {"due", arm.due},        {"requests", arm.requests},
              {"failedUsers", arm.failed}, {"slowUsers", arm.slow}, {"conversions", Json::object()}};
  for (std::size_t i = 0; i < spec.conversions.size() && i < arm.converted.size(); ++i) {
    out["conversions"][spec.conversions[i].name] = arm.converted[i];
  }
  for (std::size_t i = 0; i < spec.measures.size() && i < arm.measures.size(); ++i) {
    const model::ValueCounts& values = arm.measures[i];
    Json made = {{"users", values.n}};
    if (values.n > 0) made["mean"] = shown_value(static_cast<double>(values.sum) / static_cast<double>(values.n));
    out["measures"][spec.measures[i].name] = std::move(made);
  }
  return out;
}

Json segment_object(const model::SegmentOutcomes& segment, const std::string& name, std::size_t index,
                    const model::ExperimentSpec& spec) {
  Json out = {{"name", name.empty() ? std::to_string(index) : name},
              {"users", segment.keys},
              {"failedUsers", segment.failed},
              {"conversions", Json::object()}};
  for (std::size_t i = 0; i < spec.conversions.size() && i < segment.converted.size(); ++i) {
    out["conversions"][spec.conversions[i].name] = segment.converted[i];
  }
  return out;
}

Json experiment_arm(const decide::ExperimentReport& report, const model::ExperimentSpec& spec, std::size_t index) {
  const model::ExperimentArm& arm = spec.arms[index];
  Json out = {{"name", arm.name}, {"revision", arm.revision.str()}};
  if (arm.weight > 0) {
    out["weight"] = model::print_weight(arm.weight);
    out.update(counts_object(report.split[index], spec));
    out["latencyMs"] = {{"users", report.split[index].latency.n},
                        {"p50", interval_object(report.latencies[index][0])},
                        {"p95", interval_object(report.latencies[index][1])}};
  }
  if (!arm.customers && arm.segments.empty()) return out;
  out["led"] = counts_object(report.led[index], spec);
  for (std::size_t i = 0; i < arm.segments.size() && i < report.segments[index].size(); ++i) {
    out["led"]["segments"].push_back(segment_object(report.segments[index][i], arm.segments[i].name, i, spec));
  }
  return out;
}

Json outcome_object(const decide::OutcomeReport& outcome) {
  Json out = {{"name", outcome.name}, {"verdict", to_string(outcome.verdict)}};
  out["difference"] = interval_object(outcome.difference);
  if (outcome.measure) {
    out["control"] = {{"users", outcome.control.n}, {"quantile", interval_object(outcome.control_quantile)}};
    out["arm"] = {{"users", outcome.arm.n}, {"quantile", interval_object(outcome.arm_quantile)}};
    if (outcome.mean_difference) {
      out["meanDifference"] = interval_object(*outcome.mean_difference);
      out["meanDifference"]["asymptotic"] = true;
    }
  } else {
    out["control"] = rate_object(outcome.control, outcome.control_rate);
    out["arm"] = rate_object(outcome.arm, outcome.arm_rate);
    out["ratio"] = interval_object(outcome.ratio);
  }
  return out;
}

void add_evidence(Json& out, const decide::ExperimentReport& report, const model::ExperimentSpec& spec) {
  for (std::size_t i = 0; i < spec.arms.size(); ++i) out["arms"].push_back(experiment_arm(report, spec, i));
  for (const decide::ArmReport& arm : report.compared) {
    Json made = {{"arm", spec.arms[arm.arm].name}, {"outcomes", Json::array()}};
    for (const decide::OutcomeReport& outcome : arm.outcomes) made["outcomes"].push_back(outcome_object(outcome));
    if (!arm.outcomes.empty()) made["verdict"] = to_string(arm.outcomes.front().verdict);
    out["comparisons"].push_back(std::move(made));
  }
  for (const decide::GuardrailReport& each : report.guardrails) {
    out["guardrails"].push_back({{"metric", to_string(each.metric)},
                                 {"arm", spec.arms[each.arm].name},
                                 {"eValue", shown_value(std::exp(each.log_evidence))},
                                 {"limit", shown_value(std::exp(each.limit))},
                                 {"breached", each.breached}});
  }
  out["sampleRatio"] = {{"eValue", shown_value(std::exp(report.split_log))},
                        {"limit", shown_value(std::exp(report.split_limit))},
                        {"mistrusted", report.mistrusted}};
  out["untracked"] = report.untracked;
  out["crossed"] = report.crossed;
}

Json experiment_status(const control::ExperimentEntry& entry) {
  const model::ExperimentState& state = entry.state();
  const decide::ExperimentReport report = entry.report();
  const decide::Summary summary = entry.summary(report);
  Json out = {{"phase", to_string(state.phase)},
              {"began", base::rfc3339(state.began_unix_ns)},
              {"summary", {{"en", summary.english}, {"es", summary.spanish}}},
              {"control", entry.spec().arms[report.control].name},
              {"arms", Json::array()},
              {"comparisons", Json::array()},
              {"guardrails", Json::array()}};
  if (state.phase == model::ExperimentPhase::ended) {
    out["ended"] = base::rfc3339(state.ended_unix_ns);
    out["cause"] = to_string(state.cause);
    if (!state.detail.empty()) out["detail"] = state.detail;
    if (!state.who.empty()) out["who"] = state.who;
  }
  add_evidence(out, report, entry.spec());
  return out;
}

}  // namespace

Json experiment_object(const store::ExperimentRecord& record) {
  Json object = Json::parse(record.document, nullptr, false);
  Json& metadata = object["metadata"];
  metadata["namespace"] = "default";
  metadata["uid"] = "experiment-" + record.spec.name + "-" + std::to_string(record.created_unix_ns);
  metadata["resourceVersion"] = "";
  metadata["creationTimestamp"] = base::rfc3339(record.created_unix_ns);
  if (!metadata["labels"].is_object()) metadata["labels"] = Json::object();
  metadata["labels"][kServiceLabel] = record.spec.service.str();
  return object;
}

Json experiment_object(const control::ExperimentEntry& entry) {
  Json object = experiment_object(entry.record());
  object["status"] = experiment_status(entry);
  return object;
}

}  // namespace marea::api
