// The buckets of decide/rate.h for every client of every service that has a rate limit, in memory of a fixed size.
//
// Exact over all workers: a client's bucket of a service is one place, used under the lock of its set, so that never
// more than burst + rate × time are admitted. There are 4,096 sets of seven places, each with a lock of its own, held
// for some tens of nanoseconds; nothing is allocated.
//
// Nobody gets a fresh bucket by pushing others out: a place is given away only when its bucket is full again, which is
// the same as none. A client that finds its set full of others' unfinished buckets shares one bucket with all of its
// service to whom that happens. So a flood from very many addresses can make newcomers wait, never let anyone through
// beyond the rate; to fill the table takes 28,672 clients that each use up tokens faster than these come back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "model/rate_limit.h"
#include "router/bounds.h"

namespace marea::router {

class RateTable {
 public:
  static constexpr std::size_t kSets = 4096;
  static constexpr std::size_t kPlaces = 7;    // of a set: with its lock it fills three cache lines
  static constexpr std::size_t kShared = 256;  // buckets of services whose clients found no place

  // `secret` keeps callers from choosing addresses that meet in one set.
  explicit RateTable(std::uint64_t secret);

  // Zero: one more request is within the limit. Else the time after which one is.
  base::Duration admit(const model::RateLimit& limit, ClientKey client, std::uint64_t service, base::Instant now);

 private:
  struct Place {
    std::uint64_t key = 0;
    base::Instant spread_until{};
  };
  struct alignas(64) Set {
    std::mutex mutex;
    std::array<Place, kPlaces> places;
  };
  struct alignas(64) Shared {
    std::mutex mutex;
    base::Instant spread_until{};
  };
  static base::Duration take(base::Instant& spread_until, const model::RateLimit& limit, base::Instant now);

  std::uint64_t secret_;
  std::unique_ptr<std::array<Set, kSets>> sets_;
  std::array<Shared, kShared> shared_;
};

}  // namespace marea::router
