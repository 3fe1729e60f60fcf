// The main loop's side of running experiments: which there are, a ledger of keys for each (decide/experiment_ledger.h),
// filled from the workers' lanes, and what control is told of them: all sums, once a second at most, and only news. So
// nothing has to be acknowledged, and a message that is lost costs nothing.
//
//   watch.set_routes(routes);            // before their table is made: seats
//
// A key enters by what one worker tells, and comes back through another one. So what is told of a key that is not known
// waits until all lanes were read once more: what was pushed before it has been read by then.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/routes.h"
#include "net/loop.h"
#include "router/experiment_lane.h"
#include "router/route_table.h"

namespace marea::router {

// Outcomes do not change when it is told, so that a guardrail's ticks are no choice of theirs.
inline constexpr base::Duration kExperimentToldEvery = std::chrono::seconds(1);

class ExperimentWatch {
 public:
  struct World {
    net::Loop& loop;
    int workers = 1;
    std::uint64_t secret = 0;  // nobody outside of router knows it
    // False: control is not there.
    std::function<bool(const model::ExperimentCounts&)> send;
  };
  explicit ExperimentWatch(World world);

  // Experiments of these routes go on, those that they do not have are forgotten.
  void set_routes(const model::Routes& routes);
  RouteTable::ExperimentSeat seat_of(const model::ExperimentRoute& experiment) const;
  // Null until there is an experiment; then for good.
  ExperimentLanes* lanes() const { return lanes_.get(); }
  // A new control knows nothing yet.
  void control_linked();

 private:
  struct Watched {
    std::uint32_t number = 0;
    base::Instant zero{};           // when its memory began,
    std::int64_t zero_unix_ns = 0;  // in wall time
    std::uint64_t untold = 0;       // of the lanes' counts: those that are counted
    std::uint64_t memory = 0;
    std::unique_ptr<decide::ExperimentLedger> ledger;
    model::ExperimentCounts told;
    base::Instant told_at{};
  };
  void begin(const model::ExperimentRoute& experiment);
  std::uint32_t free_number();
  std::uint64_t untold(const Watched& watched) const;
  void look();
  void drain_lanes(base::Instant now);
  void tell(const std::string& id, Watched& watched, base::Instant now);

  World world_;
  std::unique_ptr<ExperimentLanes> lanes_;
  std::map<std::string, Watched> experiments_;  // by id
  std::uint32_t next_number_ = 1;
  std::vector<ExperimentEvent> early_;  // of keys that were not known when it was read; as many as a tick's lanes hold
  net::Timer timer_;
};

}  // namespace marea::router
