#include "decide/judge.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "decide/absolute_rate.h"

namespace marea::decide {

namespace {

constexpr std::size_t kStable = 0;
constexpr std::size_t kCanary = 1;
constexpr std::array<Stratum, kStrata> kAllStrata{Stratum::keyed, Stratum::keyless};
// Platform's failures are looked at over one to two of these: half a minute.
constexpr std::uint64_t kMarkTicks = 1500;
// Of fewer requests a share says nothing: they count as so many.
constexpr std::uint64_t kLeastRequests = 100;
constexpr double kMostUntracked = 0.1;
// After ticks were lost nothing is known until so many more are told.
constexpr std::uint64_t kLostTicks = 3000;

double natural(double log) {
  return std::exp(std::clamp(log, -kMostNats, kMostNats));
}

std::uint64_t less(std::uint64_t from, std::uint64_t amount) {
  return from - std::min(from, amount);
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

const std::array<UnitCounts, 2>& units_of(const RiskMetricState& risk, Stratum stratum) {
  return stratum == Stratum::keyed ? risk.keyed : risk.keyless;
}

std::uint64_t units(const RiskMetricState& risk, Stratum stratum) {
  const std::array<UnitCounts, 2>& counts = units_of(risk, stratum);
  return counts[kStable].units + counts[kCanary].units;
}

// The strata that matter from now on.
void ask(RiskMetricState& risk) {
  const std::uint64_t keyed = units(risk, Stratum::keyed);
  const std::uint64_t keyless = units(risk, Stratum::keyless);
  if (keyed >= kLeastAsked) risk.asked[0] = true;
  const auto all = static_cast<double>(keyed + keyless);
  if (keyless >= kLeastAsked && static_cast<double>(keyless) >= kLeastStratum * all) risk.asked[1] = true;
}

// Those that must prove themselves; before any matters, all that have a unit.
std::vector<Stratum> asked(const RiskMetricState& risk) {
  const bool any = risk.asked[0] || risk.asked[1];
  std::vector<Stratum> out;
  for (const Stratum stratum : kAllStrata) {
    if (any ? risk.asked.at(static_cast<std::size_t>(stratum)) : units(risk, stratum) > 0) out.push_back(stratum);
  }
  return out;
}

AbsoluteTest tolerable_test(const JudgePolicy& policy, double limit) {
  return AbsoluteTest({.limit = unproven_share(policy, limit), .proves = -std::log(policy.beta), .mixture = kSomeFail});
}

}  // namespace

Judge::Judge(JudgePolicy policy, JudgeState state)
    : policy_(policy),
      state_(std::move(state)),
      harm_(policy_.harm_tolerance),
      firsts_(policy_.harm_tolerance),
      proof_(policy_.promotion_tolerance, -std::log(policy_.beta * kRelativeBeta)),
      few_{AbsoluteTest({.limit = policy_.failure_limit, .proves = -std::log(policy_.beta * kAbsoluteBeta)}),
           AbsoluteTest({.limit = policy_.slow_limit, .proves = -std::log(policy_.beta * kAbsoluteBeta)})},
      tolerable_{tolerable_test(policy_, policy_.failure_limit), tolerable_test(policy_, policy_.slow_limit)},
      shape_(policy_.latency_tolerance, policy_.alpha * kShapeAlpha) {}

Judge::Limits Judge::limits(JudgedMetric metric) const {
  const double all = policy_.latency ? 1 : kFailureAlpha + kFirstsAlpha;
  const double share = metric == JudgedMetric::failures ? kFailureAlpha : kSlowAlpha;
  return {.harm = -std::log(policy_.alpha * share / all),
          .firsts = -std::log(policy_.alpha * kFirstsAlpha / all),
          .proof = -std::log(policy_.beta * kRelativeBeta),
          .absolute = -std::log(policy_.beta * kAbsoluteBeta)};
}

Verdict Judge::feed(const model::ReleaseCounts& counts) {
  if (state_.release.empty()) {
    state_.release = counts.release;
    state_.memory = counts.memory;
  }
  if (counts.release != state_.release) return verdict();
  if (counts.memory != state_.memory) begin_memory(counts);
  if (counts.closed < state_.closed) return verdict();
  note_totals(counts);
  eat_firsts(counts.firsts);
  for (const model::ReleaseTick& tick : counts.ticks) {
    if (tick.number < state_.closed || tick.number >= counts.closed) continue;
    state_.closed = tick.number + 1;
    eat(tick, counts.step);
  }
  state_.closed = counts.closed;
  turn_marks(counts.closed);
  eat_shape(counts);
  return verdict();
}

// Keys enter a second time: their split is no independent evidence, and most of them are not at risk yet. Requests that
// were open are nobody's any more.
void Judge::begin_memory(const model::ReleaseCounts& counts) {
  const std::uint64_t first = counts.ticks.empty() ? counts.closed : counts.ticks.front().number;
  if (first < state_.closed) go_back_to(first);
  state_.memory = counts.memory;
  state_.split = {.fell_at = state_.split.fell_at};
  state_.firsts_over = true;
  state_.muted.reset();
  state_.keys = 0;
  state_.keys_at_risk = 0;
  state_.open = {};
  state_.lost = 0;
}

// Another memory has told no tick twice, whatever its number. Everything that is compared with the number of a tick
// goes back as well; a minute that had begun, of platform's trouble or of a loss, lasts a minute more at most.
void Judge::go_back_to(std::uint64_t tick) {
  const std::uint64_t back = state_.closed - tick;
  if (state_.lost_at) {
    const bool recent = state_.closed < *state_.lost_at + kLostTicks;
    state_.lost_at = recent ? std::optional(tick) : std::nullopt;
  }
  for (RiskMetricState& risk : state_.risks) {
    risk.harm.first = less(risk.harm.first, back);
    risk.harm.tick = less(risk.harm.tick, back);
  }
  state_.newer.tick = tick / kMarkTicks * kMarkTicks;
  state_.older.tick = less(state_.newer.tick, kMarkTicks);
  state_.told.tick = std::min(state_.told.tick, tick);
  state_.closed = tick;
}

void Judge::note_totals(const model::ReleaseCounts& counts) {
  state_.untracked = counts.stable.untracked + counts.canary.untracked;
  state_.last = {.tick = counts.closed,
                 .requests = {counts.stable.requests, counts.canary.requests},
                 .platform = {platform_of(counts.stable), platform_of(counts.canary)}};
  if (counts.lost <= state_.lost) return;
  state_.lost = counts.lost;
  state_.lost_at = counts.closed;
  state_.open = {};
  for (RiskMetricState& risk : state_.risks) {
    risk.proof = {};
    risk.bound = {};
    risk.absolute = {};
    risk.tolerable = {};
    risk.proven_at.reset();
  }
}

// Half minutes begin at multiples of kMarkTicks, whenever ticks are told.
void Judge::turn_marks(std::uint64_t tick) {
  const std::uint64_t mark = tick / kMarkTicks * kMarkTicks;
  if (mark <= state_.newer.tick) return;
  const bool next = mark == state_.newer.tick + kMarkTicks;
  state_.older = next ? state_.newer : state_.told;
  state_.older.tick = mark - kMarkTicks;
  state_.newer = state_.told;
  state_.newer.tick = mark;
}

double Judge::platform_share() const {
  double share = 0;
  for (const std::size_t arm : {kStable, kCanary}) {
    const std::uint64_t requests = less(state_.told.requests.at(arm), state_.older.requests.at(arm));
    const std::uint64_t failures = less(state_.told.platform.at(arm), state_.older.platform.at(arm));
    share = std::max(share, static_cast<double>(failures) / static_cast<double>(std::max(requests, kLeastRequests)));
  }
  return share;
}

void Judge::fall(JudgedMetric metric, std::uint64_t tick) {
  if (!state_.bad && !state_.split.fell_at) state_.bad = Fall{.metric = metric, .tick = tick};
}

void Judge::eat_firsts(const std::vector<model::FirstRequests>& firsts) {
  if (state_.firsts_over || !judged()) return;
  for (const model::FirstRequests& each : firsts) {
    firsts_.eat(state_.firsts, each);
    if (state_.firsts.fell_at || FirstsRule::log_e(state_.firsts) < limits(JudgedMetric::failures).firsts) continue;
    state_.firsts.fell_at = each.number;
    fall(JudgedMetric::failures, each.number);
  }
}

void Judge::eat(const model::ReleaseTick& tick, std::uint32_t step) {
  turn_marks(tick.number);
  for (const std::size_t arm : {kStable, kCanary}) {
    state_.told.requests.at(arm) += tick.requests.at(arm);
    state_.told.platform.at(arm) += tick.platform.at(arm);
  }
  state_.told.tick = tick.number;
  decide::eat(state_.split, tick, -std::log(policy_.sample_ratio_alpha));
  state_.entered[kStable] += std::uint64_t{tick.keyed.stable.entered} + tick.keyless.stable.entered;
  state_.entered[kCanary] += std::uint64_t{tick.keyed.canary.entered} + tick.keyless.canary.entered;
  state_.keys += std::uint64_t{tick.keyed.stable.entered} + tick.keyed.canary.entered;
  const RiskCounts keyed = failures_of(tick).strata[0];
  // Keys that router follows no more have not failed: the numbers at risk say less.
  const std::uint64_t unfailed = state_.keys_at_risk + tick.keyed.stable.entered + tick.keyed.canary.entered;
  state_.keys_at_risk = less(unfailed, keyed.stable.fell + keyed.canary.fell);
  state_.open[0] = less(state_.open[0] + tick.keyed.canary.open, tick.keyed.canary.ended);
  state_.open[1] = less(state_.open[1] + tick.keyless.canary.open, tick.keyless.canary.ended);
  if (!judged()) {
    ++state_.skipped;
    state_.muted = step;
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
  ask(risk);
  harm_.eat(risk.harm, counts);
  proof_.eat(risk.proof, counts);
  decide::eat(risk.bound, counts);
  eat_absolute(metric, Stratum::keyed, tick.keyed.canary);
  eat_absolute(metric, Stratum::keyless, tick.keyless.canary);
  if (!risk.fell_at && HarmTest::log_e(risk.harm) >= limits(metric).harm) {
    risk.fell_at = tick.number;
    fall(metric, tick.number);
  }
  if (!proven(metric)) {
    risk.proven_at.reset();
  } else if (!risk.proven_at) {
    risk.proven_at = tick.number;
  }
}

// Clean are those whose outcome is known since this tick, and who are not among those that are hit in it.
void Judge::eat_absolute(JudgedMetric metric, Stratum stratum, const model::ArmCounts& canary) {
  const bool failures = metric == JudgedMetric::failures;
  const std::uint64_t known = failures ? less(std::uint64_t{canary.entered} + canary.ended, canary.open + canary.gone)
                                       : std::uint64_t{canary.timed};
  const std::uint64_t hits = failures ? canary.failed : canary.slow;
  const auto at = static_cast<std::size_t>(metric);
  RiskMetricState& risk = state_.risks.at(at);
  few_.at(at).eat(risk.absolute.at(std::to_underlying(stratum)), less(known, hits), hits);
  tolerable_.at(at).eat(risk.tolerable.at(std::to_underlying(stratum)), less(known, hits), hits);
}

void Judge::eat_shape(const model::ReleaseCounts& counts) {
  if (state_.muted && *state_.muted != counts.step) state_.muted.reset();
  if (!policy_.latency || state_.muted || !judged()) return;
  const bool fell = state_.shape.fell_at.has_value();
  shape_.eat(state_.shape, counts);
  if (!fell && state_.shape.fell_at) fall(JudgedMetric::shape, *state_.shape.fell_at);
}

double Judge::absolute(JudgedMetric metric, Stratum stratum) const {
  const auto at = static_cast<std::size_t>(stratum);
  return few_.at(static_cast<std::size_t>(metric)).log_e(risk(metric).absolute.at(at), state_.open.at(at));
}

bool Judge::tolerable(JudgedMetric metric, Stratum stratum) const {
  const auto at = static_cast<std::size_t>(stratum);
  const AbsoluteTest& test = tolerable_.at(static_cast<std::size_t>(metric));
  return test.log_e(risk(metric).tolerable.at(at), state_.open.at(at)) >= -std::log(policy_.beta);
}

double Judge::absolute(JudgedMetric metric) const {
  std::optional<double> least;
  for (const Stratum stratum : asked(risk(metric))) {
    const double log = absolute(metric, stratum);
    least = std::min(least.value_or(log), log);
  }
  return least.value_or(0);
}

double Judge::proof(JudgedMetric metric) const {
  std::optional<double> least;
  for (const Stratum stratum : asked(risk(metric))) {
    const double log = ProofTest::log_e(risk(metric).proof, stratum);
    least = std::min(least.value_or(log), log);
  }
  return least.value_or(0);
}

bool Judge::proven(JudgedMetric metric) const {
  const Limits limit = limits(metric);
  const std::vector<Stratum> strata = asked(risk(metric));
  return !strata.empty() && std::ranges::all_of(strata, [&](Stratum stratum) {
    return ProofTest::log_e(risk(metric).proof, stratum) >= limit.proof || absolute(metric, stratum) >= limit.absolute;
  });
}

std::optional<double> Judge::bound(JudgedMetric metric) const {
  std::optional<double> most;
  for (const Stratum stratum : asked(risk(metric))) {
    const std::optional<double> below = risk_below(risk(metric).bound, stratum, -std::log(policy_.beta));
    if (!below) return std::nullopt;
    most = std::max(most.value_or(0), *below);
  }
  return most;
}

// Over all that must prove itself, but where few fail anyway.
std::optional<double> Judge::unproven_bound() const {
  double most = 0;
  for (const JudgedMetric metric : {JudgedMetric::failures, JudgedMetric::slow}) {
    if (!judges(metric)) continue;
    const std::vector<Stratum> strata = asked(risk(metric));
    if (strata.empty()) return std::nullopt;
    for (const Stratum stratum : strata) {
      if (tolerable(metric, stratum)) continue;
      const std::optional<double> below = risk_below(risk(metric).bound, stratum, -std::log(policy_.beta));
      if (!below) return std::nullopt;
      most = std::max(most, *below);
    }
  }
  return most;
}

Doubt Judge::distrust() const {
  if (state_.split.fell_at) return Doubt::sample_ratio;
  if (!judged()) return Doubt::platform_trouble;
  if (state_.lost_at && state_.closed < *state_.lost_at + kLostTicks) return Doubt::lost_ticks;
  return Doubt::none;
}

bool Judge::mostly_failing() const {
  const RiskMetricState& failures = risk(JudgedMetric::failures);
  const auto all = [&](std::size_t arm) {
    return UnitCounts{.units = failures.keyed.at(arm).units + failures.keyless.at(arm).units,
                      .hits = failures.keyed.at(arm).hits + failures.keyless.at(arm).hits};
  };
  const UnitCounts canary = all(kCanary);
  const UnitCounts stable = all(kStable);
  return canary.units >= kLeastSeen && canary.hits * 2 > canary.units && stable.hits * 2 <= stable.units;
}

Doubt Judge::lack() const {
  if (mostly_failing()) return Doubt::mostly_failing;
  if (state_.entered[kStable] == 0 && state_.entered[kCanary] > 0) return Doubt::no_stable;
  if (missing_units(JudgedMetric::failures) > 0) return Doubt::too_few_keys;
  if (policy_.latency && missing_units(JudgedMetric::slow) > 0) return Doubt::untimed;
  const bool of_keys = state_.keys * 2 >= state_.entered[kStable] + state_.entered[kCanary];
  if (of_keys && state_.keys_at_risk * 2 < state_.keys) return Doubt::few_busy_users;
  const auto requests = static_cast<double>(state_.last.requests[kStable] + state_.last.requests[kCanary]);
  if (static_cast<double>(state_.untracked) > kMostUntracked * requests) return Doubt::untracked;
  return Doubt::none;
}

// By which the smaller arm of any stratum that must prove itself falls short.
std::uint64_t Judge::missing_units(JudgedMetric metric) const {
  const std::vector<Stratum> strata = asked(risk(metric));
  if (strata.empty()) return policy_.least_keys;
  std::uint64_t missing = 0;
  for (const Stratum stratum : strata) {
    const std::array<UnitCounts, 2>& counts = units_of(risk(metric), stratum);
    missing = std::max(missing, less(policy_.least_keys, std::min(counts[kStable].units, counts[kCanary].units)));
  }
  return missing;
}

Evidence Judge::evidence(JudgedMetric metric) const {
  const RiskMetricState& metric_state = risk(metric);
  const Limits limit = limits(metric);
  const auto& keyed = metric_state.keyed;
  const auto& keyless = metric_state.keyless;
  Evidence out{.metric = metric,
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
  if (metric != JudgedMetric::failures) return out;
  out.firsts = natural(FirstsRule::log_e(state_.firsts));
  out.firsts_limit = natural(limit.firsts);
  if (state_.firsts.fell_at)
    out.fell_at = std::min(out.fell_at.value_or(*state_.firsts.fell_at), *state_.firsts.fell_at);
  return out;
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
                  .missing_keys = missing_units(JudgedMetric::failures),
                  .split = natural(state_.split.log_now),
                  .split_limit = 1 / policy_.sample_ratio_alpha,
                  .platform_share = platform_share()};
  for (const JudgedMetric metric : {JudgedMetric::failures, JudgedMetric::slow}) {
    if (judges(metric)) verdict.evidence.push_back(evidence(metric));
  }
  if (policy_.latency) verdict.evidence.push_back(shape_evidence());
  verdict.risk_below = unproven_bound();
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
    case Doubt::lost_ticks: return "lost counts";
    case Doubt::mostly_failing: return "mostly failing";
    case Doubt::no_stable: return "no stable";
    case Doubt::too_few_keys: return "too few keys";
    case Doubt::untimed: return "no latencies";
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
    case Doubt::lost_ticks: return "a minute in which all counts arrive, and proofs anew since then";
    case Doubt::mostly_failing: return "users whom the canary serves well";
    case Doubt::no_stable: return "requests of users who stay with stable";
    case Doubt::too_few_keys: return "more users, or a larger weight";
    case Doubt::untimed:
      return "requests that end well without waiting for a start, and an objective for their latency";
    case Doubt::few_busy_users: return "users who have not failed yet";
    case Doubt::untracked: return "more memory for keys, or a shorter release";
  }
  return "";
}

}  // namespace marea::decide
