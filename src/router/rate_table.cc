#include "router/rate_table.h"

#include "decide/rate.h"
#include "router/mix.h"

namespace marea::router {

RateTable::RateTable(std::uint64_t secret) : secret_(secret), sets_(std::make_unique<std::array<Set, kSets>>()) {}

base::Duration RateTable::take(base::Instant& spread_until, const model::RateLimit& limit, base::Instant now) {
  const decide::RateVerdict verdict = decide::admit(limit, spread_until, now);
  spread_until = verdict.spread_until;
  return verdict.admitted ? base::Duration{0} : verdict.retry_after;
}

base::Duration RateTable::admit(const model::RateLimit& limit, ClientKey client, std::uint64_t service,
                                base::Instant now) {
  const std::uint64_t key = mix(mix(client, secret_), service);
  {
    Set& set = (*sets_)[key % kSets];
    const std::scoped_lock lock(set.mutex);
    Place* free = nullptr;
    for (Place& place : set.places) {
      if (place.key == key) return take(place.spread_until, limit, now);
      if (free == nullptr && place.spread_until <= now) free = &place;
    }
    if (free != nullptr) {
      *free = {.key = key, .spread_until = {}};
      return take(free->spread_until, limit, now);
    }
  }
  Shared& shared = shared_[mix(service, secret_) % kShared];
  const std::scoped_lock lock(shared.mutex);
  return take(shared.spread_until, limit, now);
}

}  // namespace marea::router
