#include "decide/judge.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "decide/absolute_rate.h"

namespace marea::decide {

namespace {

constexpr std::size_t kStable = 0;
constexpr std::size_t kCanary = 1;
// Platform's failures are looked at over one to two of these: half a minute.
constexpr std::uint64_t kMarkTicks = 1500;
// Of fewer requests a share says nothing: they count as so many.
constexpr std::uint64_t kLeastRequests = 100;
constexpr double kMostUntracked = 0.1;

double natural(double log) {
  return std::exp(std::clamp(log, -kMostNats, kMostNats));
}

std::uint64_t since(std::uint64_t now, std::uint64_t before) {
  return now >= before ? now - before : now;
}

std::uint64_t platform_of(const model::ArmTotals& totals) {
  return totals.failures.at(static_cast<std::size_t>(model::FailureCause::platform));
}

void add(std::array<UnitCounts, 2>& counts, const RiskCounts& tick, std::uint64_t stable, std::uint64_t canary) {
  counts[kStable].units += stable;
  counts[kCanary].units += canary;
  counts[kStable].hits += tick.stable.fell;
  counts[kCanary].hits += tick.canary.fell;
}

std::uint64_t units(const std::array<UnitCounts, 2>& counts) {
  return counts[kStable].units + counts[kCanary].units;
}

// The strata with a part of the units that matters.
std::array<bool, kStrata> asked(const RiskMetricState& risk) {
  const std::array<std::uint64_t, kStrata> counts{units(risk.keyed), units(risk.keyless)};
  const auto all = static_cast<double>(counts[0] + counts[1]);
  std::array<bool, kStrata> asked{};
  for (std::size_t stratum = 0; stratum < kStrata; ++stratum) {
    const std::uint64_t count = counts.at(stratum);
    asked.at(stratum) = count > 0 && static_cast<double>(count) >= kLeastStratum * all;
  }
  return asked;
}

std::optional<double> largest_bound(const std::vector<Evidence>& all) {
  double largest = 0;
  for (const Evidence& evidence : all) {
    if (evidence.metric == JudgedMetric::shape || evidence.absolute >= evidence.absolute_limit) continue;
    if (!evidence.risk_below) return std::nullopt;
    largest = std::max(largest, *evidence.risk_below);
  }
  return largest;
}

}  // namespace

Judge::Judge(JudgePolicy policy, JudgeState state)
    : policy_(policy),
      state_(std::move(state)),
      harm_(policy_.harm_tolerance),
      proof_(policy_.promotion_tolerance, -std::log(policy_.beta * kRelativeBeta)),
      shape_(policy_.latency_tolerance, policy_.alpha * kShapeAlpha) {}

Judge::Limits Judge::limits(JudgedMetric metric) const {
  double alpha = policy_.alpha;
  if (policy_.latency) alpha *= metric == JudgedMetric::failures ? kFailureAlpha : kSlowAlpha;
  return {.harm = -std::log(alpha),
          .proof = -std::log(policy_.beta * kRelativeBeta),
          .absolute = -std::log(policy_.beta * kAbsoluteBeta)};
}

Verdict Judge::feed(const model::ReleaseCounts& counts) {
  if (state_.release.empty()) {
    state_.release = counts.release;
    state_.memory = counts.memory;
  }
  if (counts.release != state_.release || counts.closed < state_.closed) return verdict();
  if (counts.memory != state_.memory) begin_memory(counts.memory);
  mark_requests(counts);
  const bool judged = platform_share() <= policy_.platform_limit;
  for (const model::ReleaseTick& tick : counts.ticks) {
    if (tick.number < state_.closed || tick.number >= counts.closed) continue;
    state_.closed = tick.number + 1;
    eat(tick, judged);
  }
  state_.closed = counts.closed;
  if (policy_.latency && judged) shape_.eat(state_.shape, counts);
  if (!state_.bad && distrust() == Doubt::none) state_.bad = first_fall();
  return verdict();
}

// Keys enter a second time: their split is no independent evidence, and most of them are not at risk yet.
void Judge::begin_memory(std::uint64_t memory) {
  state_.memory = memory;
  state_.split = {.fell_at = state_.split.fell_at};
  state_.keys = 0;
  state_.keys_at_risk = 0;
  state_.older = state_.newer = {.tick = state_.closed};
}

void Judge::mark_requests(const model::ReleaseCounts& counts) {
  state_.untracked = counts.stable.untracked + counts.canary.untracked;
  state_.last = {.tick = counts.closed,
                 .requests = {counts.stable.requests, counts.canary.requests},
                 .platform = {platform_of(counts.stable), platform_of(counts.canary)}};
  if (counts.closed - state_.newer.tick < kMarkTicks) return;
  state_.older = state_.newer;
  state_.newer = state_.last;
}

double Judge::platform_share() const {
  double share = 0;
  for (const std::size_t arm : {kStable, kCanary}) {
    const std::uint64_t requests = since(state_.last.requests.at(arm), state_.older.requests.at(arm));
    const std::uint64_t failures = since(state_.last.platform.at(arm), state_.older.platform.at(arm));
    share = std::max(share, static_cast<double>(failures) / static_cast<double>(std::max(requests, kLeastRequests)));
  }
  return share;
}

void Judge::eat(const model::ReleaseTick& tick, bool judged) {
  decide::eat(state_.split, tick, -std::log(policy_.sample_ratio_alpha));
  state_.entered[kStable] += std::uint64_t{tick.keyed.stable.entered} + tick.keyless.stable.entered;
  state_.entered[kCanary] += std::uint64_t{tick.keyed.canary.entered} + tick.keyless.canary.entered;
  state_.keys += std::uint64_t{tick.keyed.stable.entered} + tick.keyed.canary.entered;
  const RiskCounts keyed = failures_of(tick).strata[0];
  // Keys that router follows no more have not failed: the numbers at risk say less.
  const std::uint64_t unfailed = state_.keys_at_risk + tick.keyed.stable.entered + tick.keyed.canary.entered;
  state_.keys_at_risk = unfailed - std::min(unfailed, keyed.stable.fell + keyed.canary.fell);
  if (!judged) {
    ++state_.skipped;
    return;
  }
  eat_risk(JudgedMetric::failures, tick);
  if (policy_.latency) eat_risk(JudgedMetric::slow, tick);
}

void Judge::eat_risk(JudgedMetric metric, const model::ReleaseTick& tick) {
  RiskMetricState& risk = state_.risks.at(static_cast<std::size_t>(metric));
  const bool failures = metric == JudgedMetric::failures;
  RiskTick counts = failures ? failures_of(tick) : slow_of(tick);
  pool_keyless(risk.pool, counts);
  const auto fresh = [failures](const model::ArmCounts& arm) { return failures ? arm.entered : arm.timed; };
  add(risk.keyed, counts.strata[0], fresh(tick.keyed.stable), fresh(tick.keyed.canary));
  add(risk.keyless, counts.strata[1], fresh(tick.keyless.stable), fresh(tick.keyless.canary));
  harm_.eat(risk.harm, counts);
  proof_.eat(risk.proof, counts);
  decide::eat(risk.bound, counts);
  if (!risk.fell_at && HarmTest::log_e(risk.harm) >= limits(metric).harm) risk.fell_at = tick.number;
  if (!proven(metric)) {
    risk.proven_at.reset();
  } else if (!risk.proven_at) {
    risk.proven_at = tick.number;
  }
}

double Judge::absolute(JudgedMetric metric) const {
  const RiskMetricState& metric_state = risk(metric);
  const double limit = metric == JudgedMetric::failures ? policy_.failure_limit : policy_.slow_limit;
  return log_absolute(metric_state.keyed[kCanary].units + metric_state.keyless[kCanary].units,
                      metric_state.keyed[kCanary].hits + metric_state.keyless[kCanary].hits, limit);
}

double Judge::proof(JudgedMetric metric) const {
  const RiskMetricState& metric_state = risk(metric);
  const std::array<bool, kStrata> strata = asked(metric_state);
  std::optional<double> least;
  for (const Stratum stratum : {Stratum::keyed, Stratum::keyless}) {
    if (!strata.at(static_cast<std::size_t>(stratum))) continue;
    const double log = ProofTest::log_e(metric_state.proof, stratum);
    least = std::min(least.value_or(log), log);
  }
  return least.value_or(0);
}

bool Judge::proven(JudgedMetric metric) const {
  const Limits limit = limits(metric);
  return proof(metric) >= limit.proof || absolute(metric) >= limit.absolute;
}

std::optional<double> Judge::bound(JudgedMetric metric) const {
  const RiskMetricState& metric_state = risk(metric);
  const std::array<bool, kStrata> strata = asked(metric_state);
  std::optional<double> most;
  for (const Stratum stratum : {Stratum::keyed, Stratum::keyless}) {
    if (!strata.at(static_cast<std::size_t>(stratum))) continue;
    const std::optional<double> below = risk_below(metric_state.bound, stratum, -std::log(policy_.beta));
    if (!below) return std::nullopt;
    most = std::max(most.value_or(0), *below);
  }
  return most;
}

Doubt Judge::distrust() const {
  if (state_.split.fell_at) return Doubt::sample_ratio;
  if (platform_share() > policy_.platform_limit) return Doubt::platform_trouble;
  return Doubt::none;
}

Doubt Judge::lack() const {
  if (state_.entered[kStable] == 0 && state_.entered[kCanary] > 0) return Doubt::no_stable;
  if (missing_keys() > 0) return Doubt::too_few_keys;
  const bool of_keys = state_.keys * 2 >= state_.entered[kStable] + state_.entered[kCanary];
  if (of_keys && state_.keys_at_risk * 2 < state_.keys) return Doubt::few_busy_users;
  const auto requests = static_cast<double>(state_.last.requests[kStable] + state_.last.requests[kCanary]);
  if (static_cast<double>(state_.untracked) > kMostUntracked * requests) return Doubt::untracked;
  return Doubt::none;
}

std::uint64_t Judge::missing_keys() const {
  const std::uint64_t least = std::min(state_.entered[kStable], state_.entered[kCanary]);
  return least >= policy_.least_keys ? 0 : policy_.least_keys - least;
}

std::optional<Fall> Judge::first_fall() const {
  std::optional<Fall> first;
  const auto consider = [&first](JudgedMetric metric, const std::optional<std::uint64_t>& tick) {
    if (tick && (!first || *tick < first->tick)) first = Fall{.metric = metric, .tick = *tick};
  };
  consider(JudgedMetric::failures, risk(JudgedMetric::failures).fell_at);
  consider(JudgedMetric::slow, risk(JudgedMetric::slow).fell_at);
  consider(JudgedMetric::shape, state_.shape.fell_at);
  return first;
}

Evidence Judge::evidence(JudgedMetric metric) const {
  const RiskMetricState& metric_state = risk(metric);
  const Limits limit = limits(metric);
  const auto& keyed = metric_state.keyed;
  const auto& keyless = metric_state.keyless;
  return {.metric = metric,
          .canary_units = keyed[kCanary].units + keyless[kCanary].units,
          .canary_hits = keyed[kCanary].hits + keyless[kCanary].hits,
          .stable_units = keyed[kStable].units + keyless[kStable].units,
          .stable_hits = keyed[kStable].hits + keyless[kStable].hits,
          .e_value = natural(HarmTest::log_e(metric_state.harm)),
          .limit = natural(limit.harm),
          .fell_at = metric_state.fell_at,
          .proof = natural(proof(metric)),
          .proof_limit = natural(limit.proof),
          .absolute = natural(absolute(metric)),
          .absolute_limit = natural(limit.absolute),
          .proven_at = metric_state.proven_at,
          .risk_below = bound(metric)};
}

Evidence Judge::shape_evidence() const {
  return {.metric = JudgedMetric::shape,
          .canary_units = state_.shape.canary,
          .stable_units = state_.shape.stable,
          .e_value = state_.shape.distance,
          .limit = state_.shape.reach,
          .fell_at = state_.shape.fell_at};
}

Verdict Judge::verdict() const {
  Verdict verdict{.answer = Answer::not_yet,
                  .doubt = Doubt::none,
                  .tick = state_.closed == 0 ? 0 : state_.closed - 1,
                  .missing_keys = missing_keys(),
                  .split = natural(state_.split.log_now),
                  .split_limit = 1 / policy_.sample_ratio_alpha,
                  .platform_share = platform_share()};
  for (const JudgedMetric metric : {JudgedMetric::failures, JudgedMetric::slow}) {
    if (judges(metric)) verdict.evidence.push_back(evidence(metric));
  }
  if (policy_.latency) verdict.evidence.push_back(shape_evidence());
  verdict.risk_below = largest_bound(verdict.evidence);
  if (state_.bad) {
    verdict.answer = Answer::bad;
    verdict.metric = state_.bad->metric;
    verdict.tick = state_.bad->tick;
    return verdict;
  }
  verdict.doubt = distrust() != Doubt::none ? distrust() : lack();
  if (verdict.doubt != Doubt::none) {
    verdict.answer = Answer::cannot_know;
  } else if (proven(JudgedMetric::failures) && (!policy_.latency || proven(JudgedMetric::slow))) {
    verdict.answer = Answer::proven_good;
  }
  return verdict;
}

bool may_advance_unproven(const JudgePolicy& policy, const Verdict& verdict) {
  if (verdict.answer == Answer::proven_good) return true;
  return verdict.answer == Answer::not_yet && verdict.risk_below && *verdict.risk_below <= policy.unproven_limit;
}

std::string_view to_string(Answer answer) {
  switch (answer) {
    case Answer::not_yet: return "not yet";
    case Answer::proven_good: return "proven good";
    case Answer::bad: return "bad";
    case Answer::cannot_know: return "cannot know";
  }
  return "";
}

std::string_view to_string(Doubt doubt) {
  switch (doubt) {
    case Doubt::none: return "none";
    case Doubt::sample_ratio: return "sample ratio";
    case Doubt::platform_trouble: return "platform trouble";
    case Doubt::no_stable: return "no stable";
    case Doubt::too_few_keys: return "too few keys";
    case Doubt::few_busy_users: return "few busy users";
    case Doubt::untracked: return "untracked keys";
  }
  return "";
}

std::string_view to_string(JudgedMetric metric) {
  switch (metric) {
    case JudgedMetric::failures: return "failures";
    case JudgedMetric::slow: return "slow";
    case JudgedMetric::shape: return "shape";
  }
  return "";
}

std::string_view remedy(Doubt doubt) {
  switch (doubt) {
    case Doubt::none: return "";
    case Doubt::sample_ratio: return "find what sorts users between the arms, then begin a new release";
    case Doubt::platform_trouble: return "a minute in which platform fails no more requests than its limit";
    case Doubt::no_stable: return "requests of users who stay with stable";
    case Doubt::too_few_keys: return "more users, or a larger weight";
    case Doubt::few_busy_users: return "users who have not failed yet";
    case Doubt::untracked: return "more memory for keys, or a shorter release";
  }
  return "";
}

}  // namespace marea::decide
