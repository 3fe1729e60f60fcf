// Whether the arms' new units are split as the weights say: where they are not, something sorts users (a redirect, a
// crash before the cookie, a cache), and no comparison of the arms can be trusted.
//
// A Dirichlet-multinomial test on the units that entered, against the weight in force when they did. While the weight
// is w = (w_s, w_c), n = (n_s, n_c) enter, N of them; prior a = 10,000·w, which looks for small deviations:
//
//   ln O = ln Γ(a_s + n_s) + ln Γ(a_c + n_c) - ln Γ(A + N) - ln Γ(a_s) - ln Γ(a_c) + ln Γ(A) - n_s ln w_s - n_c ln w_c
//
// with A = a_s + a_c (Lindon and Malek, Anytime-Valid Inference for Multinomial Count Data, 2020). O is the marginal
// likelihood of the mixture over splits against that of w: a martingale when w is right. It starts anew whenever the
// weight changes, and the product over these stages, and over the strata, is a martingale as well. A weight of 0 or of
// all leaves nothing to test. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/release_counts.h"

namespace marea::decide {

inline constexpr std::uint32_t kAllWeight = 10'000;

struct SampleRatioState {
  std::uint32_t weight = 0;
  std::array<std::array<std::uint64_t, 2>, 2> entered{};  // at this weight: keyed, keyless: stable, canary
  double log_before = 0;                                  // ln O of the stages before
  double log_now = 0;                                     // of all
  std::optional<std::uint64_t> fell_at;                   // the tick at which the limit was reached first
  friend bool operator==(const SampleRatioState&, const SampleRatioState&) = default;
};

// `limit` is ln of what makes a split mistrusted.
void eat(SampleRatioState& state, const model::ReleaseTick& tick, double limit);

// ln O of one stage and stratum; share: w_c, in (0, 1).
double log_split(std::uint64_t stable, std::uint64_t canary, double share);

}  // namespace marea::decide
