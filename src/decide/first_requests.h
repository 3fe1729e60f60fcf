// Whether the canary fails nearly all of its first requests while stable serves its own: the rule that finds a canary
// that is broken from the start within two or three keys, without waiting until the slowest request has ended.
//
//   const FirstsRule rule(policy.harm_tolerance);
//   rule.eat(state, counts.firsts[i]);   // in the order of their ticks
//   FirstsRule::log_e(state) ≥ ln(1/α):  bad
//
// The comparison of keys at risk (relative_risk.h) asks whose units fail, given that some do. This rule asks which arm
// a unit is in, given what became of it: each unit's arm is drawn by a hash, the canary's with the probability w of the
// weight, whoever it is and whatever happens to anybody. So what stable serves well counts too: while the canary fails
// all it gets, every unit that does well was stable's by luck, 1 in 1/(1 - w). Keys enter once, so no user counts
// twice.
//
// The bet. A unit's factor is F where a canary's fails, s where it does not; B where a stable's is not known to have
// ended well, S where it is:
//
//   s = 0.02,  B = 0.15,  S = (1 - ws) / (1 - w),  F = (1 - (1 - w) B/θ - (1 - ws)(1 - 1/θ)) / w
//
// Let a unit fail with probability p_c ≤ θ p_s in the canary and p_s in stable, θ the harm tolerance, given the past.
// Its factor has the mean w (p_c F + (1 - p_c) s) + (1 - w) (p_s B + (1 - p_s) S). This is linear in (p_c, p_s), so it
// is at most its largest value at the corners of what is allowed: (0, 0): ws + (1 - w) S = 1; (1, 1/θ): 1, by the
// choice of F; (1, 1): wF + (1 - w) B ≤ 1 and (0, 1): ws + (1 - w) B ≤ 1, both since B ≤ S. So the product over units
// is a supermartingale at any rates, however they vary with time and from unit to unit; where the arms are the same
// version it is one even if units' failures depend on each other, since their arms do not.
//
// What is open. An outcome is what is known kFirstsWithin after the unit's tick. In the canary what is not known is
// taken for no failure, in stable for one: if p_c ≤ θ p_s holds for what will be, it holds for what is taken. So a
// canary that fails fast is not blamed for stable's being slow to fail. The price: where a fifth of stable's first
// requests takes longer than that, the rule is silent, and the comparison decides when ticks close.
//
// When. Half of a bet made at the start would be lost on a canary that breaks at a later step: 0.8 is staked at the
// first unit, a third of the rest at each of the next kMostStepStakes changes of the weight. At a weight from which on
// F ≤ 1 (0.82 at a tolerance of 1.2) nothing is to be won, and nothing is bet.
//
// Measured at 10 %, 200 requests a second, 1 % of stable's failing, all of the canary's: 1/500 is reached at the third
// key in 93 % of runs, at 1 % of weight at the second or third. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "model/release_counts.h"

namespace marea::decide {

struct FirstsState {
  double waiting = 0;      // ln of the capital that is not staked
  double staked;           // ln; none: -kMostNats
  std::uint64_t next = 0;  // ticks below it are eaten
  std::uint32_t weight = 0;
  std::uint32_t steps = 0;  // changes of the weight that staked capital
  std::optional<std::uint64_t> fell_at;
  FirstsState();
  friend bool operator==(const FirstsState&, const FirstsState&) = default;
};

class FirstsRule {
 public:
  explicit FirstsRule(double tolerance) : tolerance_(tolerance) {}  // ≥ 1

  // Ticks that were eaten, and those before them, change nothing.
  void eat(FirstsState& state, const model::FirstRequests& firsts) const;
  static double log_e(const FirstsState& state);

 private:
  double tolerance_;
};

}  // namespace marea::decide
