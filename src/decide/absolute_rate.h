// Whether few enough of the canary's units fail at all: the proof where nothing fails, for there the comparison with
// stable (relative_risk.h) never moves.
//
// Claimed is: a unit fails at its first request with a probability below `limit`. Of n units that entered let x have
// failed since, at whatever request; that counts more against the canary than the first requests alone, so the claim is
// tested on the safe side, and units that entered and have not failed yet are taken for no more than their first
// request. For units without a key the first request is the only one.
//
// E is the average of likelihood ratios of the rates 0, limit/10 and limit·3/10 against `limit`, with the weights 0.75,
// 0.15 and 0.10. Each has mean ≤ 1 per unit at any true rate ≥ limit, whatever came before: E may be looked at any time
// (Ville). The part of rate 0 alone needs no correction for looking often: at a limit of 1 %, 299 clean units reach 20,
// and it can reach it in no other way (0.99^-299 = 20.2). The average needs 309 of them, or 756 of
// which one failed. Pure.
#pragma once

#include <cstdint>

namespace marea::decide {

// ln of the E-value of n units of which x failed. limit in (0, 1).
double log_absolute(std::uint64_t units, std::uint64_t failed, double limit);

}  // namespace marea::decide
