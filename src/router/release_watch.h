// The main loop's side of running releases: which there are, a ledger of keys for each (decide/key_ledger.h), filled
// from the workers' lanes every tick, and what control is told of them. While none runs there is no ledger, no lane and
// no timer.
//
//   watch.set_routes(routes);            // before their table is made: seats
//   watch.adopted();                     // all workers route by them: their weights hold from the next tick on
//
// control is told at most kCountsEvery often, or at once when the app failed somebody, and the next time when it has
// acknowledged: so it gets each tick once over one link. What it has not acknowledged is kept for it, kMostUnseen ticks
// at most; the oldest beyond that are lost, and counted. First requests are told ahead of their ticks, and those that
// nobody saw for kMostUnseenFirsts ticks are forgotten: the ticks say the same, later.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "decide/key_ledger.h"
#include "model/release_counts.h"
#include "model/routes.h"
#include "net/loop.h"
#include "net/messages.h"
#include "router/release_lane.h"
#include "router/route_table.h"

namespace marea::router {

inline constexpr base::Duration kCountsEvery = std::chrono::milliseconds(100);
inline constexpr std::size_t kMostTicksTold = 1000;  // in a message: some 80 KiB
// Half an hour without control in which every tick says something: 10 MiB a release.
inline constexpr std::size_t kMostUnseenFirsts = std::chrono::seconds(20) / model::kReleaseTick;
static_assert(kMostUnseenFirsts <= kMostTicksTold);
inline constexpr std::size_t kMostUnseen = std::chrono::minutes(30) / model::kReleaseTick;

class ReleaseWatch {
 public:
  struct World {
    net::Loop& loop;
    int workers = 1;
    std::uint64_t secret = 0;  // random
    // False: control is not there.
    std::function<bool(const model::ReleaseCounts&)> send;
  };
  explicit ReleaseWatch(World world);

  void set_routes(const model::Routes& routes);
  // Where requests of a release count: nowhere while kMostReleases others do, or where control wants none.
  RouteTable::ReleaseSeat seat_of(const model::ReleaseRoute& release) const;
  void adopted();
  // Null before the first release.
  ReleaseLanes* lanes() { return lanes_.get(); }

  void control_linked();
  void seen(const net::msg::ReleaseCountsSeen& message);

 private:
  struct Watched {
    std::uint32_t number = 0;
    base::Instant zero{};          // when tick 0 began
    std::uint64_t first_tick = 0;  // of this memory
    model::ReleaseRoute route;     // as all workers have it, or soon will
    std::unique_ptr<decide::KeyLedger> ledger;
    std::array<std::uint64_t, 2> untold{};  // of the lanes, counted so far
    std::deque<model::ReleaseTick> unseen;  // by control
    std::deque<model::FirstRequests> unseen_firsts;
    std::uint64_t firsts_told = 0;  // those of ticks below it: in the message that control will see next
    std::uint64_t memory = 0;
    std::uint64_t lost = 0;
    bool awaits_seen = false;
    model::ReleaseCounts told;  // without its ticks: what was said last
    base::Instant told_at{};
  };
  void begin(const model::ReleaseRoute& release);
  std::uint32_t free_number();
  std::uint64_t untold(const Watched& watched, bool canary) const;
  std::uint64_t tick_at(const Watched& watched, base::Instant now) const;
  void look();
  void drain_lanes();
  void settle_up(Watched& watched, base::Instant now);
  void tell(Watched& watched, base::Instant now);

  World world_;
  std::map<std::string, Watched> releases_;  // by id
  std::unique_ptr<ReleaseLanes> lanes_;
  std::uint32_t next_number_ = 1;
  net::Timer timer_;
};

}  // namespace marea::router
