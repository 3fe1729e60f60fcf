// The memory of one running release: which keys came, which of them failed or were slow, and how many are at risk in
// each arm; events of requests in, ticks for the judge out (model/release_counts.h). Pure; it is on router's main loop
// alone.
//
//   ledger.running(now);                                  // the tick that runs
//   ledger.admitted({.tick = 7, .bucket = 42, .key = k, .request = r});
//   ledger.settled({.tick = 7, .bucket = 42, .key = k, .request = r, .cause = FailureCause::app});
//   ledger.advance(now); ledger.take_ticks();             // after all that there was to tell
//
// A tick is closed, in order, when all requests admitted in it have ended and the tick after it is over (workers tell
// with a delay), or when it is kWatermark old. What ends later is late: it counts in the tick that runs when it is
// told, for both arms alike. What is admitted later, because its teller was kept from telling, enters in the oldest
// tick that is open.
//
// First requests that the app failed are told at once, ahead of their tick (model::FirstRequests): of each key that did
// not come before, and of what has no key. Which request is a key's first is settled when it is admitted. Those that
// were admitted before the present weight was in force are not told: what is open then stays out.
//
// A key's arm at any moment follows from its bucket and the weight in force, so the numbers at risk are kept by bucket
// and counted anew when the weight changes. While workers take over a new weight, a few requests are decided by the one
// that does not hold for their tick: whoever was served by the other arm than the tick's weight says is untracked.
//
// A key enters at its first request, also one that is minted for that request: what the arm does afterwards does not
// select who is counted. But whoever keeps no cookie gets a new key with every request. So a minted key is on
// probation, in a ring of its own (probation_ring.h), and moves to the table, with all that is known of it, when it
// comes back. One that kProbation others were minted after meanwhile leaves without a trace: it is at risk no more
// (censored, by what was minted alone, for both arms alike), and what is told of it counts in the totals only. Should
// it come back later, it does not enter a second time: its requests are untracked (KeyOrigin::returning).
//
// Without a key a request is a unit that lives for itself: it is at risk in the tick in which its outcome counts.
// Outcomes of other causes than the app's say nothing of an arm: they leave a key at risk and a keyless unit out.
//
// Memory: kLedgerKeyBytes for keys (786,432 of them; half as much again while the table grows for the last time), 1.3
// MB for those on probation, kMostItems events of open ticks (6 MiB), 80 KB by bucket. New keys that find no room are
// untracked: that costs power, for both arms alike, and no key in the table is forgotten. So are requests beyond
// kMostItems; a request that is told has its outcome's place from its admission on.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "decide/key_table.h"
#include "decide/probation_ring.h"
#include "model/release_counts.h"

namespace marea::decide {

// Requests of a web app end within it, nearly all; and a verdict waits for the slowest request of a tick so long.
inline constexpr std::uint64_t kWatermark = std::chrono::seconds(2) / model::kReleaseTick;
inline constexpr std::size_t kLedgerKeyBytes = 12U << 20;
inline constexpr std::size_t kProbation = 1U << 16U;  // minted keys: a minute of 1,000 new users a second
// Of open ticks, two a request: two seconds of 65,000 requests a second.
inline constexpr std::size_t kMostItems = 1U << 18;

enum class KeyOrigin : std::uint8_t {
  elsewhere,  // a header, or a cookie from before this ledger
  minted,     // for this request
  returning   // minted while this ledger ran: it has entered already, or never will
};

struct Admission {
  std::uint64_t tick = 0;
  std::uint32_t bucket = 0;
  std::uint64_t key = 0;      // its fingerprint; 0: none
  std::uint64_t request = 0;  // one that is open; no other open one has the number
  bool canary = false;        // which arm serves it
  KeyOrigin origin = KeyOrigin::elsewhere;
};

struct Settlement {
  std::uint64_t tick = 0;  // as in its admission, and so on
  std::uint32_t bucket = 0;
  std::uint64_t key = 0;
  std::uint64_t request = 0;
  bool canary = false;
  model::FailureCause cause = model::FailureCause::none;
  bool cold = false;
  bool judged = false;  // its latency was held against an objective: it is at risk of being slow
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
    std::size_t probation = kProbation;
  };
  explicit KeyLedger(Options options);

  // From tick `from` on, which no request has been admitted in yet, this weight and step are in force.
  void change(std::uint64_t from, std::uint32_t weight, std::uint32_t step);

  void admitted(const Admission& event);
  void settled(const Settlement& event);
  // Requests of which nothing else was or will be told.
  void untold(bool canary, std::uint64_t requests);

  // `now` is the tick that runs: before events are told. It closes nothing, since what is still to be told may belong
  // to ticks that look finished.
  void running(std::uint64_t now) { now_ = std::max(now_, now); }
  // Closes what can be closed: after all events that are there were told.
  void advance(std::uint64_t now);

  // Closed since the last call, ascending.
  std::vector<model::ReleaseTick> take_ticks();
  // Since the last call, ascending.
  std::vector<model::FirstRequests> take_firsts();

  std::uint64_t closed() const { return closed_; }  // all ticks below it are
  std::uint32_t open() const;
  std::uint32_t step() const { return eras_.front().step; }  // in force in the last closed tick
  std::size_t keys() const { return keys_.size(); }
  std::size_t on_probation() const { return probation_.size(); }
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
    std::uint64_t request = 0;
    std::uint32_t bucket = 0;
    bool canary = false;
    KeyOrigin origin = KeyOrigin::elsewhere;
  };
  struct Outcome {
    std::uint64_t key = 0;
    std::uint64_t request = 0;
    bool canary = false;
    bool failed = false;
    bool good = false;  // nobody failed it
    bool late = false;
    bool judged = false;
    bool slow = false;
    bool shaped = false;  // its latency is known whole
    std::uint16_t latency_bucket = 0;
  };
  struct Pending {
    std::uint32_t open = 0;
    model::StratumCounts keyless;
    std::array<std::uint32_t, 2> requests{};
    std::array<std::uint32_t, 2> platform{};
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
  static void keyless_outcome(const Settlement& event, bool late, Pending& pending);
  void enter_era(std::uint64_t tick);
  void close();
  void close_next();
  bool is_new(const Admission& event);
  void failed_first(const Settlement& event);
  void tell_firsts();
  void first_ended(const Outcome& outcome, model::StratumCounts& row);
  void enter(const Entry& entry, model::StratumCounts& row);
  std::uint32_t* find(std::uint64_t key);
  std::uint32_t* find_or_enter(const Entry& entry, model::StratumCounts& row);
  bool mint(const Entry& entry);
  void censor(std::uint32_t state);
  void count(const Outcome& outcome, model::StratumCounts& row);
  void leave_risk();

  Options options_;
  std::uint64_t now_ = 0;
  std::uint64_t closed_ = 0;
  std::deque<Era> eras_;         // the first is in force in the next tick that closes
  std::deque<Pending> pending_;  // [0] is tick closed_
  std::size_t items_ = 0;        // of all in pending_, with the places of outcomes to come
  KeyTable keys_;
  ProbationRing probation_;
  std::size_t minted_now_ = 0;  // in the tick that closes
  // Open requests, so no more than workers tell of at a time: those for which there was no room, and those whose
  // latency is their key's observation in this step.
  std::unordered_set<std::uint64_t> refused_;
  std::unordered_set<std::uint64_t> observed_;
  std::unordered_set<std::uint64_t> first_;          // open requests that are their keys' first in closed ticks
  std::unordered_set<std::uint64_t> ahead_;          // keys that came first in ticks that are not closed
  std::unordered_set<std::uint64_t> ahead_request_;  // their first requests that are open
  model::FirstRequests failed_firsts_;               // that are to be told
  std::uint64_t next_firsts_ = 0;                    // least number of the next that are told
  AtRisk risk_;
  AtRisk slow_risk_;
  std::vector<std::uint32_t> failed_now_;  // buckets of those that leave with the end of this tick
  std::vector<std::uint32_t> slow_now_;
  std::array<model::ArmTotals, 2> totals_;
  std::array<model::LatencyShape, 2> shapes_;
  std::vector<model::ReleaseTick> ticks_;
  std::vector<model::FirstRequests> firsts_;
  std::array<std::uint32_t, 2> requests_{};  // in ticks that were not told, since the last one that was
};

}  // namespace marea::decide
