#include "decide/experiment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "decide/latency_bucket.h"
#include "decide/log_space.h"
#include "decide/sample_ratio.h"

namespace marea::decide {
namespace {

using model::ArmOutcomes;
using model::ExperimentCounts;
using model::ExperimentSpec;

void add_values(model::ValueCounts& sum, const model::ValueCounts& more) {
  sum.n += more.n;
  sum.sum += more.sum;
  sum.sum_of_squares += more.sum_of_squares;
  sum.buckets.resize(std::max(sum.buckets.size(), more.buckets.size()));
  for (std::size_t i = 0; i < more.buckets.size(); ++i) sum.buckets[i] += more.buckets[i];
}

void add_outcomes(ArmOutcomes& sum, const ArmOutcomes& more) {
  sum.keys += more.keys;
  sum.due += more.due;
  sum.converted.resize(std::max(sum.converted.size(), more.converted.size()));
  sum.converted_in_due.resize(sum.converted.size());
  for (std::size_t i = 0; i < more.converted.size(); ++i) {
    sum.converted[i] += more.converted[i];
    sum.converted_in_due[i] += more.converted_in_due[i];
  }
  sum.failed += more.failed;
  sum.timed += more.timed;
  sum.slow += more.slow;
  add_values(sum.latency, more.latency);
  sum.measures.resize(std::max(sum.measures.size(), more.measures.size()));
  for (std::size_t i = 0; i < more.measures.size(); ++i) add_values(sum.measures[i], more.measures[i]);
  sum.requests += more.requests;
  for (std::size_t i = 0; i < more.failures.size(); ++i) sum.failures.at(i) += more.failures.at(i);
}

std::vector<ArmOutcomes> sum_of(std::vector<ArmOutcomes> sum, const std::vector<ArmOutcomes>& more) {
  sum.resize(std::max(sum.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); ++i) add_outcomes(sum[i], more[i]);
  return sum;
}

using Segments = std::vector<std::vector<model::SegmentOutcomes>>;

Segments sum_of(Segments sum, const Segments& more) {
  sum.resize(std::max(sum.size(), more.size()));
  for (std::size_t arm = 0; arm < more.size(); ++arm) {
    sum[arm].resize(std::max(sum[arm].size(), more[arm].size()));
    for (std::size_t i = 0; i < more[arm].size(); ++i) {
      model::SegmentOutcomes& to = sum[arm][i];
      const model::SegmentOutcomes& from = more[arm][i];
      to.keys += from.keys;
      to.failed += from.failed;
      to.converted.resize(std::max(to.converted.size(), from.converted.size()));
      for (std::size_t c = 0; c < from.converted.size(); ++c) to.converted[c] += from.converted[c];
    }
  }
  return sum;
}

// The same of segments; an earlier router told none.
bool segments_fit(const Segments& segments, const ExperimentSpec& spec) {
  if (segments.empty()) return true;
  if (segments.size() != spec.arms.size()) return false;
  for (std::size_t arm = 0; arm < segments.size(); ++arm) {
    if (segments[arm].size() != spec.arms[arm].segments.size()) return false;
    for (const model::SegmentOutcomes& each : segments[arm]) {
      if (each.converted.size() != spec.conversions.size()) return false;
    }
  }
  return true;
}

// As many arms, conversions and measures as the experiment has: what another process said is not believed unseen.
bool fits(const std::vector<ArmOutcomes>& arms, const ExperimentSpec& spec) {
  const auto values_fit = [](const model::ValueCounts& each) {
    return each.buckets.empty() || each.buckets.size() == model::kLatencyBuckets;
  };
  return arms.size() == spec.arms.size() && std::ranges::all_of(arms, [&](const ArmOutcomes& arm) {
           return arm.converted.size() == spec.conversions.size() &&
                  arm.converted_in_due.size() == spec.conversions.size() &&
                  arm.measures.size() == spec.measures.size() && values_fit(arm.latency) &&
                  std::ranges::all_of(arm.measures, values_fit) && arm.due <= arm.keys && arm.failed <= arm.keys &&
                  arm.slow <= arm.timed &&
                  std::ranges::all_of(arm.converted_in_due, [&](std::uint64_t each) { return each <= arm.due; });
         });
}

std::uint64_t users_of(const std::vector<ArmOutcomes>& arms) {
  std::uint64_t out = 0;
  for (const ArmOutcomes& arm : arms) out += arm.keys;
  return out;
}

bool is_behind(const std::vector<ArmOutcomes>& now, const std::vector<ArmOutcomes>& then) {
  for (std::size_t i = 0; i < now.size() && i < then.size(); ++i) {
    if (now[i].keys < then[i].keys || now[i].failed < then[i].failed || now[i].timed < then[i].timed ||
        now[i].slow < then[i].slow) {
      return true;
    }
  }
  return false;
}

double split_log(const std::vector<ArmOutcomes>& arms, const ExperimentSpec& spec) {
  const std::vector<std::size_t> weighted = model::weighted_arms(spec);
  std::uint64_t keys = 0;
  for (const std::size_t arm : weighted) keys += arms[arm].keys;
  double weight = model::kWholeWeight;
  double out = 0;
  for (std::size_t i = 0; i + 1 < weighted.size(); ++i) {
    const std::uint64_t own = arms[weighted[i]].keys;
    keys -= own;
    out += log_split(keys, own, spec.arms[weighted[i]].weight / weight);
    weight -= spec.arms[weighted[i]].weight;
  }
  return std::clamp(out, -kMostNats, kMostNats);
}

// ln Σ 2^-k E_k
double split_log(const std::vector<double>& memories) {
  double sum = 0;
  double weight = 1;
  for (const double each : memories) sum += (weight /= 2) * std::exp(each);
  return memories.empty() ? 0 : std::min(std::log(sum), kMostNats);
}

double split_limit() {
  return -std::log(kExperimentSplitAlpha);
}

double guardrail_limit(const ExperimentSpec& spec) {
  const auto tests = spec.guardrails.size() * (model::weighted_arms(spec).size() - 1);
  return std::log(static_cast<double>(std::max<std::size_t>(1, tests)) / kGuardrailAlpha);
}

AtRisk keys_at_risk(const ArmOutcomes& now, const ArmOutcomes* then, model::GuardrailMetric metric) {
  const bool failures = metric == model::GuardrailMetric::failures;
  const auto hit = [&](const ArmOutcomes& arm) { return failures ? arm.failed : arm.slow; };
  const std::uint64_t before = then == nullptr ? 0 : hit(*then);
  return {.units = (failures ? now.keys : now.timed) - before, .fell = hit(now) - before};
}

// Users known by a header are counted again by a router that forgot them.
bool are_apart(const ExperimentSpec& spec) {
  return spec.sticky.by == model::StickyRule::By::header;
}

// Of the arms' share of the pair, rounded up: the test takes no less for the arm than its share of new keys.
std::uint32_t weight_in_pair(model::Weight control, model::Weight arm) {
  const std::uint64_t both = std::uint64_t{control} + arm;
  return static_cast<std::uint32_t>((std::uint64_t{model::kWholeWeight} * arm + both - 1) / both);
}

std::uint64_t memory_of(const ExperimentData& data) {
  return data.split_logs.empty() ? 0 : data.split_logs.size() - 1;
}

// ln of all evidence of a guardrail about a compared arm.
double guard_log(const ExperimentData& data, const ExperimentSpec& spec, std::size_t guard, std::size_t compared) {
  const double now = HarmTest::log_e(data.guards[guard][compared]);
  if (!are_apart(spec)) return now;
  const double weighed = now + std::log(share_of_memory(memory_of(data)));
  const bool alone = guard >= data.guards_before.size() || compared >= data.guards_before[guard].size();
  return std::min(kMostNats, alone ? weighed : log_add(data.guards_before[guard][compared], weighed));
}

// The memory that data.now is of is no more.
void end_memory(ExperimentData& data, const ExperimentSpec& spec) {
  data.untracked_before += data.now.untracked;
  data.crossed_before += data.now.crossed;
  if (!are_apart(spec)) {
    data.split_before = sum_of(std::move(data.split_before), data.now.split);
    data.led_before = sum_of(std::move(data.led_before), data.now.led);
    data.segments_before = sum_of(std::move(data.segments_before), data.now.segments);
    return;
  }
  if (users_of(data.now.split) > users_of(data.split_before)) {
    data.split_before = data.now.split;
    data.led_before = data.now.led;
    data.segments_before = data.now.segments;
    data.memory_before = memory_of(data);
  }
  std::vector<std::vector<double>> logs;
  for (std::size_t g = 0; g < data.guards.size(); ++g) {
    logs.emplace_back();
    for (std::size_t i = 0; i < data.guards[g].size(); ++i) logs.back().push_back(guard_log(data, spec, g, i));
    std::ranges::fill(data.guards[g], HarmState{});
  }
  data.guards_before = std::move(logs);
}

void feed_guards(ExperimentData& data, const ExperimentSpec& spec, const ExperimentCounts& counts, bool same_memory,
                 std::uint64_t tick) {
  const std::vector<std::size_t> weighted = model::weighted_arms(spec);
  const auto before = [&](std::size_t arm) { return same_memory ? &data.now.split.at(arm) : nullptr; };
  data.guards.resize(spec.guardrails.size());
  data.breached_at.resize(spec.guardrails.size());
  for (std::size_t g = 0; g < spec.guardrails.size(); ++g) {
    const model::Guardrail& guardrail = spec.guardrails[g];
    const HarmTest test(guardrail.tolerance);
    data.guards[g].resize(weighted.size() - 1);
    data.breached_at[g].resize(weighted.size() - 1);
    for (std::size_t i = 1; i < weighted.size(); ++i) {
      RiskTick made{.number = tick,
                    .weight = weight_in_pair(spec.arms[weighted[0]].weight, spec.arms[weighted[i]].weight),
                    .strata = {}};
      RiskCounts& keyed = made.strata.at(static_cast<std::size_t>(Stratum::keyed));
      keyed.stable = keys_at_risk(counts.split[weighted[0]], before(weighted[0]), guardrail.metric);
      keyed.canary = keys_at_risk(counts.split[weighted[i]], before(weighted[i]), guardrail.metric);
      test.eat(data.guards[g][i - 1], made);
      std::uint64_t& at = data.breached_at[g][i - 1];
      if (at == 0 && guard_log(data, spec, g, i - 1) >= guardrail_limit(spec)) at = std::max<std::uint64_t>(1, tick);
    }
  }
}

const std::vector<double>& value_edges() {
  static const std::vector<double> edges = [] {
    std::vector<double> out;
    out.reserve(model::kLatencyBuckets);
    for (std::size_t i = 0; i < model::kLatencyBuckets; ++i) {
      out.push_back(std::pow(1.15, (static_cast<double>(i) - 40) / 5));
    }
    return out;
  }();
  return edges;
}

std::vector<std::uint64_t> wide(const model::ValueCounts& values) {
  std::vector<std::uint64_t> out(values.buckets.begin(), values.buckets.end());
  out.resize(model::kLatencyBuckets);
  return out;
}

Moments moments_of(const model::ValueCounts& values) {
  return {.n = values.n,
          .sum = static_cast<double>(values.sum),
          .sum_of_squares = static_cast<double>(values.sum_of_squares)};
}

ArmVerdict arm_verdict(const Interval& difference, model::Better better) {
  const bool higher = difference.low > 0;
  const bool lower = difference.high < 0;
  if (!higher && !lower) return ArmVerdict::unclear;
  return higher == (better == model::Better::higher) ? ArmVerdict::better : ArmVerdict::worse;
}

OutcomeReport compare_rates(const std::string& name, Hits control, Hits arm, double alpha) {
  OutcomeReport out{.name = name, .control = control, .arm = arm};
  const RatePair pair = rate_pair(control, arm, alpha);
  out.control_rate = pair.a;
  out.arm_rate = pair.b;
  out.difference = pair.difference;
  out.ratio = pair.ratio;
  if (control.n > 0 && arm.n > 0) out.verdict = arm_verdict(out.difference, model::Better::higher);
  return out;
}

OutcomeReport compare_values(const model::Measure& measure, const model::ValueCounts& control,
                             const model::ValueCounts& arm, double alpha) {
  OutcomeReport out{.name = measure.name, .measure = true, .control = {.n = control.n}, .arm = {.n = arm.n}};
  const std::vector<std::uint64_t> of_control = wide(control);
  const std::vector<std::uint64_t> of_arm = wide(arm);
  const Buckets a{.counts = of_control, .edges = value_edges()};
  const Buckets b{.counts = of_arm, .edges = value_edges()};
  const QuantilePair pair = quantile_pair(a, b, measure.quantile, alpha / 2);
  out.control_quantile = pair.a;
  out.arm_quantile = pair.b;
  out.difference = pair.difference;
  if (control.n > 1 && arm.n > 1) {
    out.mean_difference = mean_difference(moments_of(control), moments_of(arm), alpha / 2);
  }
  if (control.n > 0 && arm.n > 0) out.verdict = arm_verdict(out.difference, measure.better);
  return out;
}

}  // namespace

double share_of_memory(std::uint64_t memory) {
  // Nearly all for the first: most experiments have no other.
  constexpr double kFirst = 0.9;
  return memory == 0 ? kFirst : (1 - kFirst) * std::exp2(-static_cast<double>(std::min<std::uint64_t>(memory, 500)));
}

std::string_view to_string(ArmVerdict value) {
  constexpr std::array<std::string_view, kArmVerdicts> kWords = {"too-early", "unclear", "better", "worse"};
  return kWords.at(static_cast<std::size_t>(value));
}

bool feed(ExperimentData& data, const ExperimentSpec& spec, const ExperimentCounts& counts, std::uint64_t tick) {
  if (!fits(counts.split, spec) || !fits(counts.led, spec) || !segments_fit(counts.segments, spec)) return false;
  const bool known = !data.split_logs.empty();
  const bool same = known && data.now.memory == counts.memory;
  if (same && (counts == data.now || is_behind(counts.split, data.now.split))) return false;
  if (known && !same) end_memory(data, spec);
  if (!same) data.split_logs.push_back(0);
  data.split_logs.back() = split_log(counts.split, spec);
  data.mistrusted = data.mistrusted || split_log(data.split_logs) >= split_limit();
  feed_guards(data, spec, counts, same, tick);
  data.now = counts;
  return true;
}

ExperimentReport report_of(const ExperimentData& data, const ExperimentSpec& spec) {
  ExperimentReport out;
  const bool apart = are_apart(spec);
  const bool older = apart && users_of(data.split_before) >= users_of(data.now.split) && !data.split_before.empty();
  out.split = !apart ? sum_of(data.split_before, data.now.split) : older ? data.split_before : data.now.split;
  out.led = !apart ? sum_of(data.led_before, data.now.led) : older ? data.led_before : data.now.led;
  out.segments = !apart  ? sum_of(data.segments_before, data.now.segments)
                 : older ? data.segments_before
                         : data.now.segments;
  out.segments.resize(spec.arms.size());
  for (std::size_t arm = 0; arm < spec.arms.size(); ++arm) out.segments[arm].resize(spec.arms[arm].segments.size());
  const double whole_alpha = spec.alpha * (apart ? share_of_memory(older ? data.memory_before : memory_of(data)) : 1);
  ArmOutcomes none;
  none.converted.resize(spec.conversions.size());
  none.converted_in_due.resize(spec.conversions.size());
  none.measures.resize(spec.measures.size());
  out.split.resize(spec.arms.size(), none);
  out.led.resize(spec.arms.size(), none);
  out.untracked = data.untracked_before + data.now.untracked;
  out.crossed = data.crossed_before + data.now.crossed;
  out.split_log = split_log(data.split_logs);
  out.split_limit = split_limit();
  out.mistrusted = data.mistrusted;
  const std::vector<std::size_t> weighted = model::weighted_arms(spec);
  out.control = weighted.front();
  const std::size_t comparisons = (weighted.size() - 1) * (spec.conversions.size() + spec.measures.size());
  const double alpha = whole_alpha / static_cast<double>(std::max<std::size_t>(1, comparisons));
  const ArmOutcomes& control = out.split[out.control];
  for (const ArmOutcomes& arm : out.split) {
    const std::vector<std::uint64_t> counts = wide(arm.latency);
    const Buckets buckets{.counts = counts, .edges = value_edges()};
    out.latencies.push_back(
        {quantile_interval(buckets, 0.5, whole_alpha), quantile_interval(buckets, 0.95, whole_alpha)});
  }
  for (std::size_t i = 1; i < weighted.size(); ++i) {
    ArmReport made{.arm = weighted[i], .outcomes = {}};
    const ArmOutcomes& arm = out.split[weighted[i]];
    for (std::size_t c = 0; c < spec.conversions.size(); ++c) {
      made.outcomes.push_back(compare_rates(spec.conversions[c].name,
                                            {.n = control.due, .x = control.converted_in_due[c]},
                                            {.n = arm.due, .x = arm.converted_in_due[c]}, alpha));
    }
    for (std::size_t m = 0; m < spec.measures.size(); ++m) {
      made.outcomes.push_back(compare_values(spec.measures[m], control.measures[m], arm.measures[m], alpha));
    }
    for (std::size_t g = 0; g < data.guards.size() && g < spec.guardrails.size(); ++g) {
      if (i - 1 >= data.guards[g].size()) continue;
      out.guardrails.push_back({.metric = spec.guardrails[g].metric,
                                .arm = weighted[i],
                                .log_evidence = guard_log(data, spec, g, i - 1),
                                .limit = guardrail_limit(spec),
                                .breached = data.breached_at[g][i - 1] != 0});
    }
    out.compared.push_back(std::move(made));
  }
  return out;
}

std::optional<GuardrailReport> breach_of(const ExperimentData& data, const ExperimentSpec& spec) {
  const std::vector<std::size_t> weighted = model::weighted_arms(spec);
  std::optional<GuardrailReport> out;
  std::uint64_t first = 0;
  for (std::size_t g = 0; g < data.breached_at.size() && g < spec.guardrails.size(); ++g) {
    for (std::size_t i = 0; i < data.breached_at[g].size() && i + 1 < weighted.size(); ++i) {
      const std::uint64_t at = data.breached_at[g][i];
      if (at == 0 || (out && first <= at)) continue;
      first = at;
      out = {.metric = spec.guardrails[g].metric,
             .arm = weighted[i + 1],
             .log_evidence = guard_log(data, spec, g, i),
             .limit = guardrail_limit(spec),
             .breached = true};
    }
  }
  return out;
}

}  // namespace marea::decide
