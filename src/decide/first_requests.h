// Whether the canary fails nearly all of its first requests: the rule that finds a canary that is broken from the start
// with its third failing key, at the moment in which that one has failed, whatever is still open.
//
//   const FirstsRule rule(policy.harm_tolerance);
//   rule.eat(state, counts.firsts[i]);   // in the order in which they became known
//   FirstsRule::log_e(state) ≥ ln(1/α):  bad
//
// The bet. Each unit has one first request, and an arm that a hash drew, the canary's with the probability w of the
// weight, whoever it is and whatever happens to anybody. A unit's factor is 1 until its first request fails; then it is
// F in the canary and B in stable, θ the harm tolerance:
//
//   B = q / (w + q),  q = 0.015;   F = 1 + (1 - w)(1 - B) / (θw)
//
// B is about what wins most against a canary of which all fails beside a stable of which q does.
//
// Why it may be asked at any time, also while most requests are open. Let the share of the canary's first requests that
// have failed within a time `a` of their coming be at most θ times stable's, for every a (given the past): harmless is
// who fails no more often and no sooner. The mean of a unit's factor at its age a, G_c and G_s those shares, is
// 1 + wG_c(F - 1) - (1 - w)G_s(1 - B) ≤ 1, by the choice of F. While a unit has not failed its factor says nothing of
// its arm, and once it has failed the factor stays; so all that can be gained by choosing a moment to look is the
// choice of an age, and the largest mean over ages (the Snell envelope of the unit) is 1. The product of the envelopes
// is a supermartingale, begins at 1 and lies above the product of the factors: that one reaches x with probability at
// most 1/x (Ville), at any rates, however they vary with time and from unit to unit. For identical versions it is
// exact even if failures hang together, since each failure's arm is a draw of its own.
//
// What it does not promise. A canary that fails as often as stable but sooner (an error at once, where stable's come
// after a timeout) is ahead by the failures that stable owes: the bound then holds only as far as that lead, the rate
// of failures times the time, is well below one key. The tests of keys at risk (relative_risk.h) have the same lead,
// of those who fail later than two seconds.
//
// When. Half of a bet made at the start would be lost on a canary that breaks at a later step: 0.9 is staked at the
// first failure (up to there all factors were 1, so that is as good as at the start), a third of the rest at the first
// of each of the next kMostStepStakes weights. Units of an earlier weight are told no more.
//
// At 10 % with θ = 1.2: B = 3/23, F = 173/23, so 0.9 F³ = 383 reaches 1/0.003 with the third key, and each failing key
// of stable before it takes one more of the canary's; at 1 % two are enough beside two of stable's. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "model/release_counts.h"

namespace marea::decide {

struct FirstsState {
  double waiting = 0;      // ln of the capital that is not staked
  double staked;           // ln; none: -kMostNats
  std::uint64_t next = 0;  // numbers below it are eaten
  std::uint32_t weight = 0;
  std::uint32_t steps = 0;  // changes of the weight that staked capital
  std::optional<std::uint64_t> fell_at;
  FirstsState();
  friend bool operator==(const FirstsState&, const FirstsState&) = default;
};

class FirstsRule {
 public:
  explicit FirstsRule(double tolerance) : tolerance_(tolerance) {}  // ≥ 1

  // Those that were eaten, and those before them, change nothing.
  void eat(FirstsState& state, const model::FirstRequests& firsts) const;
  static double log_e(const FirstsState& state);

 private:
  double tolerance_;
};

}  // namespace marea::decide
