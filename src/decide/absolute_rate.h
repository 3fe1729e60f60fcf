// Whether few enough of the canary's units fail at all: the proof where nothing fails, for there the comparison with
// stable (relative_risk.h) never moves.
//
// Claimed is: a unit's first request fails with a probability below `limit`. A unit counts as clean once its first
// request has ended well, and as failing when it fails, at whatever request; that counts more against the canary than
// first requests alone, so the claim is tested on the safe side. What is not known is never clean: a unit whose first
// request is open is taken for a failing one until it has ended, and one that it says nothing of (the caller left,
// platform failed it) is no unit. For units without a key the first request is the only one.
//
// E is the average of likelihood ratios of the rates 0, limit/10 and limit·3/10 against `limit`, with the weights of an
// AbsoluteMixture: a clean unit is worth (1 - rate) / (1 - limit), a failing one rate / limit. Each has mean ≤ 1 per
// unit at any true rate ≥ limit, whatever came before: E may be looked at any time (Ville). Who is still open cannot
// raise it: it is at most what it will be once they have ended, in the order of their admission.
//
// The capital is capped at e^kProofReserve times what proves, like the comparison's (less than a supermartingale is
// one): a canary that breaks after a good hour loses its proof at the first failures, not after a hundred.
//
// At 1 %, 0.99^-n alone reaches 20 with 299 clean units (20.2). The average for the proof reaches 20 with 309 of them,
// or 756 of which one failed; the judge asks for 100, a fifth of 5 % (judge_policy.h), which is 473 clean ones. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace marea::decide {

inline constexpr std::size_t kAbsoluteRates = 3;

using AbsoluteMixture = std::array<double, kAbsoluteRates>;
// For a limit far above what is usual a failure or two are expected among few units: it bets less on none at all.
inline constexpr AbsoluteMixture kNoneFail{0.75, 0.15, 0.1};
inline constexpr AbsoluteMixture kSomeFail{0.4, 0.3, 0.3};

struct AbsoluteState {
  std::array<double, kAbsoluteRates> capital{};  // ln, of each rate
  friend bool operator==(const AbsoluteState&, const AbsoluteState&) = default;
};

class AbsoluteTest {
 public:
  struct Options {
    double limit = 0;   // in (0, 1)
    double proves = 0;  // ln of what does
    AbsoluteMixture mixture = kNoneFail;
  };
  explicit AbsoluteTest(const Options& options);
  void eat(AbsoluteState& state, std::uint64_t clean, std::uint64_t failed) const;
  // ln of the E-value, while so many units more are open.
  double log_e(const AbsoluteState& state, std::uint64_t open) const;

 private:
  std::array<double, kAbsoluteRates> clean_{};  // ln of what a unit is worth
  std::array<double, kAbsoluteRates> failed_{};
  AbsoluteMixture weights_{};  // ln
  double cap_ = 0;
};

// ln of the E-value of n units of which x failed, without a cap. limit in (0, 1).
double log_absolute(std::uint64_t units, std::uint64_t failed, double limit);

}  // namespace marea::decide
