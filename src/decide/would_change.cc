#include "decide/would_change.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "decide/absolute_rate.h"

namespace marea::decide {
namespace {

constexpr std::size_t kOfStable = 0;
constexpr std::size_t kOfCanary = 1;

// The least number from 1 on for which it holds, if it holds for that and all larger ones.
std::optional<std::uint64_t> least(const std::function<bool(std::uint64_t)>& holds) {
  std::uint64_t enough = 1;
  while (!holds(enough)) {
    if (enough >= kMostKeysTold) return std::nullopt;
    enough = std::min(enough * 2, kMostKeysTold);
  }
  std::uint64_t few = enough / 2;
  while (enough - few > 1) {
    const std::uint64_t middle = few + (enough - few) / 2;
    (holds(middle) ? enough : few) = middle;
  }
  return enough;
}

std::uint64_t at_risk(const UnitCounts& counts) {
  return counts.units - std::min(counts.units, counts.hits);
}

// One metric of risk at one moment, and what more of its keys would make of it.
class Outlook {
 public:
  Outlook(const JudgePolicy& policy, const JudgeState& state, const Evidence& evidence)
      : policy_(policy),
        risk_(state.risks.at(static_cast<std::size_t>(evidence.metric))),
        evidence_(evidence),
        open_(state.open),
        tick_(std::max(state.closed, risk_.harm.tick)) {}

  MetricDistance distance() const {
    MetricDistance out{.metric = evidence_.metric, .proven = proven(evidence_.proof, evidence_.absolute)};
    const double limit = std::log(evidence_.absolute_limit);
    if (!out.proven) {
      out.clean = least([&](std::uint64_t more) { return absolute(more, 0) >= limit; });
      out.alike = alike();
    }
    const Stratum stratum = larger();
    if (stable(stratum) > 0) {
      const HarmTest test(policy_.harm_tolerance);
      out.bad = least([&](std::uint64_t more) {
        HarmState harm = risk_.harm;
        test.eat(harm, hits(stratum, more, 0));
        return HarmTest::log_e(harm) >= std::log(evidence_.limit);
      });
    }
    if (out.proven) {
      out.lost = least([&](std::uint64_t more) {
        return proof(stratum, more, 0) < std::log(evidence_.proof_limit) && absolute(more, more) < limit;
      });
    }
    return out;
  }

 private:
  bool proven(double proof, double absolute) const {
    return proof >= evidence_.proof_limit || absolute >= evidence_.absolute_limit;
  }

  const std::array<UnitCounts, 2>& counts(Stratum stratum) const {
    return stratum == Stratum::keyed ? risk_.keyed : risk_.keyless;
  }
  std::uint64_t stable(Stratum stratum) const { return at_risk(counts(stratum)[kOfStable]); }
  std::uint64_t units(Stratum stratum) const {
    return counts(stratum)[kOfStable].units + counts(stratum)[kOfCanary].units;
  }
  Stratum larger() const {
    return units(Stratum::keyed) >= units(Stratum::keyless) ? Stratum::keyed : Stratum::keyless;
  }

  // A next tick in which so many more are hit; those at risk are as many as now.
  RiskTick hits(Stratum stratum, std::uint64_t canary, std::uint64_t stable_too) const {
    RiskTick tick{.number = tick_, .weight = risk_.harm.weight, .strata = {}};
    tick.strata.at(static_cast<std::size_t>(stratum)) = {
        .stable = {.units = std::max<std::uint64_t>(1, stable(stratum)), .fell = stable_too},
        .canary = {.units = std::max<std::uint64_t>(1, at_risk(counts(stratum)[kOfCanary])), .fell = canary}};
    return tick;
  }

  double absolute(std::uint64_t more_units, std::uint64_t more_hits) const {
    const double limit = evidence_.metric == JudgedMetric::failures ? policy_.failure_limit : policy_.slow_limit;
    const AbsoluteTest test({.limit = limit, .proves = std::log(evidence_.absolute_limit)});
    const auto at = static_cast<std::size_t>(larger());
    AbsoluteState state = risk_.absolute.at(at);
    test.eat(state, more_units - more_hits, more_hits);
    return test.log_e(state, evidence_.metric == JudgedMetric::failures ? open_.at(at) : 0);
  }

  double proof(Stratum stratum, std::uint64_t canary, std::uint64_t stable_too) const {
    ProofState state = risk_.proof;
    ProofTest(policy_.promotion_tolerance, std::log(evidence_.proof_limit))
        .eat(state, hits(stratum, canary, stable_too));
    return ProofTest::log_e(state, stratum);
  }

  // Each stratum has to prove itself, and gets its share of the keys.
  std::optional<std::uint64_t> alike() const {
    std::uint64_t keys = 0;
    const std::uint64_t all = units(Stratum::keyed) + units(Stratum::keyless);
    for (const Stratum stratum : {Stratum::keyed, Stratum::keyless}) {
      if (units(stratum) == 0 || static_cast<double>(units(stratum)) < kLeastStratum * static_cast<double>(all)) {
        continue;
      }
      if (ProofTest::log_e(risk_.proof, stratum) >= std::log(evidence_.proof_limit)) continue;
      const auto more = alike(stratum);
      if (!more) return std::nullopt;
      keys += *more;
    }
    return keys == 0 ? std::nullopt : std::optional(keys);
  }

  std::optional<std::uint64_t> alike(Stratum stratum) const {
    const UnitCounts& of_stable = counts(stratum)[kOfStable];
    if (of_stable.hits == 0) return std::nullopt;
    const auto canary = static_cast<double>(std::max<std::uint64_t>(1, at_risk(counts(stratum)[kOfCanary])));
    const double share = canary / (canary + static_cast<double>(std::max<std::uint64_t>(1, stable(stratum))));
    const auto of_canary = [&](std::uint64_t more) {
      return static_cast<std::uint64_t>(std::llround(share * static_cast<double>(more)));
    };
    const auto hit = least([&](std::uint64_t more) {
      return proof(stratum, of_canary(more), more - of_canary(more)) >= std::log(evidence_.proof_limit);
    });
    if (!hit) return std::nullopt;
    const double rate = static_cast<double>(of_stable.hits) / static_cast<double>(of_stable.units);
    const double keys = std::ceil(share * static_cast<double>(*hit) / rate);
    if (keys > static_cast<double>(kMostKeysTold)) return std::nullopt;
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(keys));
  }

  const JudgePolicy& policy_;
  const RiskMetricState& risk_;
  const Evidence& evidence_;
  const std::array<std::uint64_t, kStrata>& open_;
  std::uint64_t tick_;
};

struct Words {
  const char* without;  // of keys that are not hit
  const char* hit;      // of keys that are
};

Words words_of(JudgedMetric metric) {
  if (metric == JudgedMetric::slow) return {.without = "without a slow request", .hit = "with a slow request"};
  return {.without = "without a failure", .hit = "that fail"};
}

// Two digits: more would claim what nobody knows.
std::string about(std::uint64_t keys) {
  std::uint64_t step = 1;
  while (keys / step >= 100) step *= 10;
  return std::to_string((keys + step - 1) / step * step);
}

void join(std::string& out, const char* between, const std::string& more) {
  if (!out.empty()) out += between;
  out += more;
}

std::string to_proof(const std::vector<MetricDistance>& all) {
  std::string out;
  for (const MetricDistance& each : all) {
    if (each.proven) continue;
    const Words words = words_of(each.metric);
    std::string ways;
    if (each.clean) join(ways, "", "about " + about(*each.clean) + " more keys of the canary " + words.without);
    if (each.alike && (!each.clean || *each.alike < *each.clean)) {
      join(ways, ", or ", "about " + about(*each.alike) + " more of it " + words.hit + " as often as stable's");
    }
    if (ways.empty()) ways = "more keys than can be told";
    join(out, "; ", std::string(to_string(each.metric)) + ": " + ways);
  }
  return out;
}

std::string to_bad(const std::vector<MetricDistance>& all) {
  std::string out;
  for (const MetricDistance& each : all) {
    if (each.bad) join(out, ", or ", about(*each.bad) + " more keys of the canary " + words_of(each.metric).hit);
  }
  return out.empty() ? out : out + ", while none of stable's does";
}

std::string to_loss(const std::vector<MetricDistance>& all) {
  std::string out;
  for (const MetricDistance& each : all) {
    if (each.lost) join(out, ", or ", about(*each.lost) + " more keys of the canary " + words_of(each.metric).hit);
  }
  return out;
}

std::string of_doubt(const JudgeState& state, const Verdict& verdict) {
  if (verdict.doubt != Doubt::too_few_keys && verdict.doubt != Doubt::no_stable) {
    return std::string(remedy(verdict.doubt));
  }
  const bool stable = state.entered[kOfStable] < state.entered[kOfCanary];
  return std::to_string(verdict.missing_keys) + " more keys of " + (stable ? "stable" : "the canary") +
         ", until then only harm can be known";
}

}  // namespace

std::vector<MetricDistance> distances(const JudgePolicy& policy, const JudgeState& state, const Verdict& verdict) {
  std::vector<MetricDistance> out;
  for (const Evidence& evidence : verdict.evidence) {
    if (evidence.metric != JudgedMetric::shape) out.push_back(Outlook(policy, state, evidence).distance());
  }
  return out;
}

std::string would_change(const JudgePolicy& policy, const JudgeState& state, const Verdict& verdict) {
  if (verdict.answer == Answer::bad) return "nothing in this attempt: bad is final";
  const std::vector<MetricDistance> all = distances(policy, state, verdict);
  std::string out;
  if (verdict.answer == Answer::cannot_know) out = of_doubt(state, verdict);
  if (verdict.answer == Answer::not_yet) out = "proven good: " + to_proof(all);
  if (verdict.answer == Answer::proven_good) out = "not yet: " + to_loss(all);
  if (verdict.doubt == Doubt::sample_ratio || verdict.doubt == Doubt::platform_trouble) return out;
  if (const std::string bad = to_bad(all); !bad.empty()) join(out, "; ", "bad: " + bad);
  return out;
}

}  // namespace marea::decide
