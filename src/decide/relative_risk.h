// Sequential tests of the relative risk: at which multiple of stable's rate do the canary's units fall out of those at
// risk (fail, or are slow, for the first time)? They may be asked at any moment, any number of times.
//
//   HarmTest   bad:          the relative risk is greater than the harm tolerance
//   ProofTest  proven good:  it is less than the promotion tolerance
//   RiskBound  an upper bound that holds at all times at once
//
// The likelihood ratio. In a tick and stratum let R_c, R_s units of canary and stable be at risk, those that fall out
// in it included, ρ = R_c / (R_c + R_s), and a and b fall out. If a unit of the canary falls out e^δ times as readily,
// then each one that falls out is the canary's with probability ρe^δ / (1 - ρ + ρe^δ), so δ against δ0 has the factor
//
//   f(δ) = e^(a(δ - δ0)) · [(1 - ρ + ρe^δ0) / (1 - ρ + ρe^δ)]^(a + b)
//
// the log-rank test's (ter Schure, Pérez-Ortiz, Ly, Grünwald: The Safe Log Rank Test, 2020). When and how many units
// fall out is conditioned on; so any rate that varies with time in both arms alike is allowed, and any change of the
// weight that follows from the past.
//
// Why it is a supermartingale. δ0 = 0: the arms' units are exchangeable, so given the past, R_c, R_s and m = a + b, a
// is hypergeometric. For every convex g, E g(hypergeometric) ≤ E g(binomial(m, ρ)) (Hoeffding, J. Am. Stat. Assoc. 58,
// 1963, theorem 4), and e^(aδ) is convex in a; its binomial mean is (1 - ρ + ρe^δ)^m, hence E f ≤ 1: exact for any m.
// True relative risks below the tolerance make a smaller in distribution, and f of δ > δ0 grows with a: still ≤ 1; the
// mirror (δ < δ0, risks above) likewise.
//
// δ0 ≠ 0, however many fail: let unit i of the canary fall out in the tick with probability p_i, unit j of stable with
// q_j, independently, and H_c = Σ p_i, H_s = Σ q_j. With Q = (1 - ρ + ρe^δ0) / (1 - ρ + ρe^δ), f is the product of
// Qe^(δ - δ0) for each that falls out of the canary and of Q for each of stable. By ln(1 + x) ≤ x,
//
//   ln E f ≤ H_c (Qe^(δ - δ0) - 1) + H_s (Q - 1),  which is 0 where H_c / H_s = e^δ0 ρ / (1 - ρ)
//
// and for δ > δ0 negative where H_c is less. So no rate is too high; what is asked is that the canary's share of what
// is about to fall out, were it as good as stable, is no more than ρ. Its share of those at risk is less than that
// where rates are high: what a canary at the very tolerance has lost more of is its busy and frail keys, while each
// first request comes from the split's whole weight w. With 30 % failing, a relative risk of 1.2 was called harmful in
// 16 % of runs. So HarmTest takes ρ = max(share of those at risk, w): f falls with ρ, hence whatever was a
// supermartingale for the share at risk still is one, and depletion that differs between the arms is left out. It costs
// the power that a canary's own depletion gave. For ProofTest and RiskBound depletion errs to the safe side already.
//
// Averages of supermartingales that begin at 1 are such, and one of them ever reaches x with probability at most 1/x
// (Ville). What the averages are of:
//
// (1) Relative risks: a fixed grid with fixed weights. A part of the weight lies on total failure; where that begins
//     with the first requests, first_requests.h is faster.
// (2) When the harm began. Capital waits, worth what it is, and a part of it is staked at each tick, by a rule that
//     knows only the past: six tenths at the first tick, a third of the rest at each of the first kMostStepStakes
//     changes of the weight, the rest slowly: what waits T ticks after the first is proportional to (1 + T/500)^-0.25.
//     Stakes grow by f from then on. Since f has mean ≤ 1 given the past whenever a stake begins, the sum of all
//     capital is a supermartingale; per δ the stakes add to one number. A test that begins once would lose, in an hour
//     without harm, thousands of nats to be made up for.
// (3) Strata. Units with and without a key differ in kind and in rate, so each has its own ρ. Given the past their
//     splits are independent, so the product of both factors has mean ≤ 1 as well. Stakes go to the product while one
//     stratum alone was seen. At the other's first unit half of what waits is staked on each alone, which finds harm
//     that the other would hide; from then on half of what is staked goes to the product, which is the stronger where
//     both are harmed, and a quarter to each.
//
// The proof is no average over beginnings: who was harmful at first must not be forgotten. Its capital is capped at
// e^2.5 times what the proof needs (less than a supermartingale is one), so that a canary that breaks after a good hour
// loses its proof within some failures. Each stratum that matters must prove itself (judge.h).
//
// Numbers: capital is kept as natural logarithms, finite ones, within ±kMostNats; impossible counts (more fall out than
// are at risk) are cut to what is possible. Harm that reaches the cap stays there; that is far beyond any limit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/release_counts.h"

namespace marea::decide {

// ln of 1e300 and a little: what exp() and sums of some of it can still express.
inline constexpr double kMostNats = 690;
// A proof may be worth this many nats more than it needs.
inline constexpr double kProofReserve = 2.5;
// A stratum without a key and with a smaller share of the units need not prove itself, and does not raise the bound.
inline constexpr double kLeastStratum = 0.1;
// Changes of the weight that stake capital at once: a ramp of thirty weights would stake all of it in minutes.
inline constexpr std::uint32_t kMostStepStakes = 6;

// One arm: of the units at risk some fall out.
struct AtRisk {
  std::uint64_t units = 0;
  std::uint64_t fell = 0;
  friend bool operator==(const AtRisk&, const AtRisk&) = default;
};

struct RiskCounts {
  AtRisk stable;
  AtRisk canary;
  friend bool operator==(const RiskCounts&, const RiskCounts&) = default;
};

enum class Stratum : std::uint8_t { keyed, keyless };
inline constexpr std::size_t kStrata = 2;

struct RiskTick {
  std::uint64_t number = 0;
  std::uint32_t weight = 0;
  std::array<RiskCounts, kStrata> strata;
};

RiskTick failures_of(const model::ReleaseTick& tick);
RiskTick slow_of(const model::ReleaseTick& tick);

// Units without a key are at risk in their own tick alone, in which there may be one of them: too few for a share. So ρ
// is taken over the units of the present weight, this tick's and those before; the older ones count less and less, so
// that a split that drifts is followed. Given who entered, each failed with the same probability in both arms, so a
// deviation of ρ is made up for by the failures that it came with: Σ (a - ρ) has the binomial's variance.
struct KeylessPool {
  std::uint32_t weight = 0;
  std::uint64_t stable = 0;
  std::uint64_t canary = 0;
  friend bool operator==(const KeylessPool&, const KeylessPool&) = default;
};
// The pool is halved when so many units of the rarer arm are expected in it.
inline constexpr std::uint64_t kPoolUnits = 200;

// Puts the pool's units into the tick, and the tick's into the pool.
void pool_keyless(KeylessPool& pool, RiskTick& tick);

inline constexpr std::size_t kHarmGrid = 12;
inline constexpr std::size_t kProofGrid = 6;
// The bound's grid: relative risks of 2^(k/4), from 1/16 to 64.
inline constexpr int kBoundSteps = 4;
inline constexpr int kBoundLeast = -16;
inline constexpr std::size_t kBoundGrid = 41;

struct HarmState {
  HarmState();
  double waiting = 0;                                   // ln of the capital that is not staked
  std::array<std::array<double, kHarmGrid>, 3> staked;  // ln; of the product, of keyed, of keyless units
  std::array<bool, kStrata> seen{};
  std::uint64_t first = 0;   // the first tick with a unit
  std::uint64_t tick = 0;    // of the last stake
  std::uint32_t weight = 0;  // then
  std::uint32_t steps = 0;   // changes of the weight that staked capital
  friend bool operator==(const HarmState&, const HarmState&) = default;
};

class HarmTest {
 public:
  explicit HarmTest(double tolerance);  // ≥ 1
  void eat(HarmState& state, const RiskTick& tick) const;
  static double log_e(const HarmState& state);

 private:
  static void stake(HarmState& state, const RiskTick& tick);
  double log_factor(std::size_t grid, const RiskCounts& counts, std::uint32_t weight) const;

  double delta0_ = 0;
  std::array<double, kHarmGrid> delta_{};
};

struct ProofState {
  ProofState();
  std::array<std::array<double, kProofGrid>, kStrata> capital;  // ln, weights included
  friend bool operator==(const ProofState&, const ProofState&) = default;
};

class ProofTest {
 public:
  ProofTest(double tolerance, double limit);  // > 1; limit: ln of what proves
  void eat(ProofState& state, const RiskTick& tick) const;
  static double log_e(const ProofState& state, Stratum stratum);

 private:
  double cap_ = 0;
  double delta0_ = 0;
  std::array<double, kProofGrid> delta_{};
};

// The log likelihood of each relative risk on the grid. Those that are ruled out follow by the mirror test at each: its
// mixture is over the twelve next smaller risks on the grid, evenly.
struct BoundState {
  std::array<std::array<double, kBoundGrid>, kStrata> log_likelihood{};
  friend bool operator==(const BoundState&, const BoundState&) = default;
};

void eat(BoundState& state, const RiskTick& tick);
// The least relative risk from which on all on the grid are ruled out, each by e^limit. None: not even the largest.
std::optional<double> risk_below(const BoundState& state, Stratum stratum, double limit);

}  // namespace marea::decide
