// The memory of one running release: which keys came, which of them failed or were slow, and how many are at risk in
// each arm; events of requests in, ticks for the judge out (model/release_counts.h). Pure; it is on router's main loop
// alone.
//
//   ledger.advance(now);                                  // the tick that runs
//   ledger.admitted({.tick = 7, .bucket = 42, .key = k});
//   ledger.settled({.tick = 7, .bucket = 42, .key = k, .cause = FailureCause::app});
//   ledger.advance(now); ledger.take_ticks();
//
// A tick is closed, in order, when all requests admitted in it have ended and the tick after it is over (workers tell
// with a delay), or when it is kWatermark old. What ends later is late: it counts in the tick that runs when it is
// told, for both arms alike. What is admitted later, because its teller was kept from telling, enters in the oldest
// tick that is open.
//
// A key's arm at any moment follows from its bucket and the weight in force, so the numbers at risk are kept by bucket
// and counted anew when the weight changes. While workers take over a new weight, a few requests are decided by the one
// that does not hold for their tick: whoever was served by the other arm than the tick's weight says is untracked.
//
// Without a key a request is a unit that lives for itself: it is at risk in the tick in which its outcome counts.
// Outcomes of other causes than the app's say nothing of an arm: they leave a key at risk and a keyless unit out.
//
// Memory: kKeyBytes for keys (786,432 of them), kMostItems events of open ticks (8 MiB), 80 KB by bucket. New keys that
// find no room are untracked: that costs power, for both arms alike, and no key that is followed is forgotten.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/clock.h"
#include "decide/key_table.h"
#include "model/release_counts.h"

namespace marea::decide {

// Requests of a web app end within it, nearly all; and a verdict waits for the slowest request of a tick so long.
inline constexpr std::uint64_t kWatermark = std::chrono::seconds(2) / model::kReleaseTick;
inline constexpr std::size_t kLedgerKeyBytes = 12U << 20;
inline constexpr std::size_t kMostItems = 1U << 18;  // of open ticks: two seconds of 65,000 requests a second

struct Admission {
  std::uint64_t tick = 0;
  std::uint32_t bucket = 0;
  std::uint64_t key = 0;  // its fingerprint; 0: none
  bool canary = false;    // which arm serves it
};

struct Settlement {
  std::uint64_t tick = 0;  // as in its admission, and so on
  std::uint32_t bucket = 0;
  std::uint64_t key = 0;
  bool canary = false;
  model::FailureCause cause = model::FailureCause::none;
  bool cold = false;
  bool judged = false;  // its latency counts: it is at risk of being slow
  bool slow = false;    // of a judged one
  base::Duration latency{};
};

class KeyLedger {
 public:
  struct Options {
    std::uint64_t first_tick = 0;  // earlier ones are told already
    std::uint32_t weight = 0;      // of the canary
    std::uint32_t step = 0;
    std::size_t key_bytes = kLedgerKeyBytes;
    std::size_t most_items = kMostItems;
  };
  explicit KeyLedger(Options options);

  // From tick `from` on, which no request has been admitted in yet, this weight and step are in force.
  void change(std::uint64_t from, std::uint32_t weight, std::uint32_t step);

  void admitted(const Admission& event);
  void settled(const Settlement& event);
  // Requests of which nothing else was or will be told.
  void untold(bool canary, std::uint64_t requests);

  // `now` is the tick that runs; closes what can be closed. Before events are told, and after all that are there.
  void advance(std::uint64_t now);

  // Closed since the last call, ascending.
  std::vector<model::ReleaseTick> take_ticks();

  std::uint64_t closed() const { return closed_; }  // all ticks below it are
  std::uint32_t open() const;
  std::uint32_t step() const { return eras_.front().step; }  // in force in the last closed tick
  std::size_t keys() const { return keys_.size(); }
  const model::ArmTotals& totals(bool canary) const { return totals_.at(canary ? 1 : 0); }
  const model::LatencyShape& shape(bool canary) const { return shapes_.at(canary ? 1 : 0); }

 private:
  struct Era {
    std::uint64_t from = 0;
    std::uint32_t weight = 0;
    std::uint32_t step = 0;
  };
  struct Entry {
    std::uint64_t key = 0;
    std::uint32_t bucket = 0;
    bool canary = false;
  };
  struct Outcome {
    std::uint64_t key = 0;
    bool canary = false;
    bool failed = false;
    bool judged = false;
    bool slow = false;
    bool shaped = false;  // its latency is known whole
    std::uint16_t latency_bucket = 0;
  };
  struct Pending {
    std::uint32_t open = 0;
    model::StratumCounts keyless;
    std::vector<Entry> entries;
    std::vector<Outcome> outcomes;
  };
  // Keys at risk of one kind of event.
  struct AtRisk {
    std::vector<std::uint32_t> by_bucket = std::vector<std::uint32_t>(kAllBuckets);
    std::array<std::uint32_t, 2> arms{};
    static constexpr std::size_t kAllBuckets = 10'000;
    void count(std::uint32_t weight);
    void add(std::uint32_t bucket, bool canary);
    void remove(std::uint32_t bucket, bool canary);
  };

  const Era& era_at(std::uint64_t tick) const;
  Pending& pending_at(std::uint64_t tick);
  void keyless_outcome(const Settlement& event, model::ArmCounts& arm) const;
  void enter_era(std::uint64_t tick);
  void close_next();
  void enter(const Entry& entry, model::StratumCounts& row);
  void count(const Outcome& outcome, model::StratumCounts& row);
  void leave_risk();

  Options options_;
  std::uint64_t now_ = 0;
  std::uint64_t closed_ = 0;
  std::deque<Era> eras_;         // the first is in force in the next tick that closes
  std::deque<Pending> pending_;  // [0] is tick closed_
  std::size_t items_ = 0;        // of all in pending_
  KeyTable keys_;
  AtRisk risk_;
  AtRisk slow_risk_;
  std::vector<std::uint32_t> failed_now_;  // buckets of those that leave with the end of this tick
  std::vector<std::uint32_t> slow_now_;
  std::array<model::ArmTotals, 2> totals_;
  std::array<model::LatencyShape, 2> shapes_;
  std::vector<model::ReleaseTick> ticks_;
};

}  // namespace marea::decide
