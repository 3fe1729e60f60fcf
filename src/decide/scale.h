// How many instances a revision should have, and which may go. One value per revision, which learns from what it is
// shown; it acts on events (somebody waits, an instance became ready, a look that it asked for is due) and reads no
// clock.
//
//   Scale scale;
//   const ScaleWish wish = scale.look(terms, view, now);   // start up to wish.wanted, end wish.retire, look again at …
//   scale.started(took);                                   // an instance became ready so long after it was asked for
//
// Starting. One more is wanted when what the waiting requests would wait less because of it is worth more than a
// service time. The backlog at the moment when a start could help is predicted from who waits, the rate of arrivals,
// the service time (Little's law over what is in flight) and the measured start time; it drains at the rate of all
// slots, those of the starting ones included. So a burst gets many at once, a short queue that is gone sooner than a
// start gets none, and steady load starts nothing. A service that states a target below its slots gets more as soon as
// the target is exceeded.
//
// Ending. Kept is what all but a small share of the recent requests needed (LoadLevels): the dearer a start is beside a
// request, the smaller the share. What is beyond it goes when it was unneeded for a few start times. The last one goes
// when the pauses of this revision say that keeping costs more than a start (IdleGaps). A service that states its idle
// timeout gets just that.
//
// Compared with Knative's autoscaler by sim/scale, on slowdown and wasted memory. Tiers between
// running and nothing (frozen, prepared) are choices of the same costs: they belong into the place of `retire`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "decide/idle_gaps.h"
#include "decide/load_levels.h"
#include "model/reason.h"

namespace marea::decide {

// While requests are in flight a look is wanted that often: what is warm tells nobody.
inline constexpr base::Duration kLookEvery = std::chrono::milliseconds(100);
// Until one was measured: between a static program's and a large runtime's.
inline constexpr base::Duration kUnknownStart = std::chrono::seconds(1);
inline constexpr base::Duration kUnknownService = std::chrono::milliseconds(300);
// Arrivals are counted over this time; longer is late for a ramp, shorter takes noise for one.
inline constexpr base::Duration kRateTime = std::chrono::seconds(2);
// An instance beyond what is needed is kept at least so long, and this many start times, against churn.
inline constexpr base::Duration kLeastHold = std::chrono::seconds(4);
inline constexpr int kHoldStarts = 2;
// For a start as long as a request, an idle instance is kept so long at most; it grows with the root of their ratio.
// Chosen in the simulation: the least that is better than a fixed minute on slowdown for rare services.
inline constexpr base::Duration kStartWorth = std::chrono::seconds(60);
// Nobody notices a short start, whatever its ratio: never kept for longer than this many start times.
inline constexpr int kMostStartTimes = 400;
// The share of requests that may need more than is kept, for requests that take much longer than a start.
inline constexpr double kUnmetShare = 0.3;
// Work on a busy machine gains little by another instance; but one that sleeps beside it must still grow.
inline constexpr double kMostSaturation = 0.9;

struct ScaleTerms {
  int concurrency = 1;  // slots of one instance, ≥ 1
  int target = 1;       // requests of one instance that are aimed at, 1 to concurrency
  int min = 0;
  int max = 0;
  base::Duration scale_down_delay{};           // nothing ends before it was unneeded for so long
  std::optional<base::Duration> idle_timeout;  // an instance ends when it was idle for so long; else history decides
};

struct ScaleInstance {
  bool ready = false;
  int in_flight = 0;
  base::Instant since{};  // ready: its last request ended, or it became ready; else: it was asked for
  bool available = true;  // false: it was ready once and takes nothing now; the first to go
};

// A revision as the router sees it at one moment. Draining instances are left out.
struct ScaleView {
  int waiting = 0;         // requests without a slot
  int in_flight_away = 0;  // requests in instances that take nothing now and are left out
  std::span<const ScaleInstance> instances;
  std::uint64_t ended = 0;      // requests of the revision that ended, ever
  double cpu_saturation = 0.0;  // of the machine: 0 idle, 1 all CPUs busy
};

struct Retirement {
  int index = 0;  // in the view
  // idle_timeout: nobody asked the revision, or this instance where that has a stated idle timeout, for long enough;
  // scaled_in: fewer are needed, others stay.
  model::Reason reason = model::Reason::none;
  friend bool operator==(const Retirement&, const Retirement&) = default;
};

struct ScaleWish {
  int wanted = 0;                              // instances, never above max
  model::Reason reason = model::Reason::none;  // request_waiting or min_scale where more are wanted than there are,
                                               // max_scale where max alone stops it
  std::vector<Retirement> retire;              // they need not be idle: they drain
  base::Instant next_look = base::Instant::max();
};

class Scale {
 public:
  // Moments never go back; `terms` may change between calls.
  ScaleWish look(const ScaleTerms& terms, const ScaleView& view, base::Instant now);
  void started(base::Duration took);

  base::Duration start_time() const { return start_; }
  base::Duration service_time() const { return service_; }

 private:
  struct Count {
    int ready = 0;
    int starting = 0;
    int in_flight = 0;
    int used = 0;             // ready ones that had a request since the last look
    base::Instant last_used;  // of all
    int serving() const { return ready + starting; }
  };
  Count count(const ScaleView& view) const;
  void learn(const ScaleTerms& terms, const ScaleView& view, const Count& count, base::Instant now);
  int needed(const ScaleTerms& terms, const ScaleView& view, const Count& count, base::Instant now) const;
  base::Duration keep_time(const ScaleTerms& terms) const;
  void shrink(const ScaleTerms& terms, const ScaleView& view, const Count& count, base::Instant now, ScaleWish& wish);
  struct Surplus {
    int count = 0;
    base::Duration hold{};                     // after it was unneeded for so long, one goes
    model::Reason idle = model::Reason::none;  // why, where it is idle
  };
  void retire_surplus(const ScaleView& view, const Surplus& surplus, base::Instant now, ScaleWish& wish) const;

  base::Duration start_ = kUnknownStart;
  base::Duration service_ = kUnknownService;
  bool start_known_ = false;
  IdleGaps gaps_;
  LoadLevels levels_;

  // Of the last look.
  base::Instant looked_at_{};
  bool looked_ = false;
  std::uint64_t ended_ = 0;
  int in_system_ = 0;
  int in_flight_ = 0;

  // Sums that fade with time.
  double request_seconds_ = 0;
  double requests_ = 0;
  double arrivals_ = 0;

  std::optional<base::Instant> idle_since_;     // while nothing is asked
  std::optional<base::Instant> waiting_since_;  // while somebody waits
  std::optional<base::Instant> surplus_since_;  // while there is more than is needed
};

}  // namespace marea::decide
