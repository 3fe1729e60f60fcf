// Whether one more request of a client is within its rate: a token bucket that is one number, the moment up to which
// the client's requests so far would have been evenly spread ("theoretical arrival time"). A bucket whose moment has
// passed is full, the same as one that was never used: whoever keeps buckets may forget exactly those.
//
// Source: ITU-T I.371, the generic cell rate algorithm in its virtual scheduling form, which equals a token bucket of
// `burst` tokens with one more each `interval`. Pure.
#pragma once

#include "base/clock.h"
#include "model/rate_limit.h"

namespace marea::decide {

struct RateVerdict {
  bool admitted = false;
  base::Instant spread_until{};  // what to keep; of a refused request it is what it was
  base::Duration retry_after{};  // of a refused one: then one is admitted, if no other came
};

// `limit` is on. `spread_until`: of the client's last request; Instant{} or any past moment: none.
inline RateVerdict admit(const model::RateLimit& limit, base::Instant spread_until, base::Instant now) {
  const base::Instant from = spread_until > now ? spread_until : now;
  const base::Duration tolerance = limit.interval * (limit.burst - 1);
  if (from - now > tolerance) return {.spread_until = spread_until, .retry_after = from - now - tolerance};
  return {.admitted = true, .spread_until = from + limit.interval};
}

}  // namespace marea::decide
