// What router saw of a running release, tick by tick: all that the judge is told, and it is told it exactly once.
//
// The unit is the key (a user: docs/decisions/0046.md), since keys are what is randomised. A key enters with its first
// request in the release, also when it was only then given one, and fails at most once, is slow at most once. A request
// without a key is a unit of its own, in a stratum of its own: where the release's requests are split one by one
// (sticky: off) and no key is set. So each draw of the split is told once, in one stratum. A tick's counts are those of
// the requests admitted in it, whenever they ended; a tick is told when all of them have ended, or when it is older
// than the watermark, and always after the ticks before it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace marea::model {

inline constexpr std::chrono::milliseconds kReleaseTick{20};

// Whose fault a request's failure is. Only the app's counts for an arm; platform's share says whether data can be
// trusted at all.
enum class FailureCause : std::uint8_t { none, app, platform, upstream, client };

// One arm in one tick.
struct ArmCounts {
  std::uint32_t entered = 0;  // units that entered in this tick
  // Had not failed before this tick; those that entered in it are included, those that came once and were followed no
  // longer (decide/key_ledger.h) are not.
  std::uint32_t at_risk = 0;
  std::uint32_t failed = 0;        // of at_risk: failed in this tick
  std::uint32_t at_risk_slow = 0;  // had a request whose latency counts, and none slow before this tick
  std::uint32_t slow = 0;          // of at_risk_slow: slower than the objective in this tick
  std::uint32_t timed = 0;         // units whose first request whose latency counts was admitted in this tick
  // What became of first requests: those of `entered` that are in none of these ended, in the app's failure or in none.
  std::uint32_t open = 0;   // of entered: it had not ended when the tick was told
  std::uint32_t ended = 0;  // was told as open, and ended in what counts in this tick
  std::uint32_t gone = 0;   // ended in what counts in this tick, by another cause than the app: nothing is known of it
  friend bool operator==(const ArmCounts&, const ArmCounts&) = default;
};

struct StratumCounts {
  ArmCounts stable;
  ArmCounts canary;
  friend bool operator==(const StratumCounts&, const StratumCounts&) = default;
};

// A tick in which a unit entered, failed, was slow or was timed, a first request ended late, or platform failed a
// request; the others say nothing and are left out.
struct ReleaseTick {
  std::uint64_t number = 0;  // ticks since the release began
  std::uint32_t weight = 0;  // the canary's, in 0.01 %, in force in the whole tick
  StratumCounts keyed;
  StratumCounts keyless;
  // Stable's, the canary's, since the tick that was told before this one: requests, those of no unit too, and how many
  // of them platform failed.
  std::array<std::uint32_t, 2> requests{};
  std::array<std::uint32_t, 2> platform{};
  friend bool operator==(const ReleaseTick&, const ReleaseTick&) = default;
};

// First requests of units, with and without a key, that the app failed, as soon as that is known and whatever else is
// open: ahead of the ticks in which those units entered. Only of units that entered since the present weight is in
// force (decide/first_requests.h).
struct FirstRequests {
  std::uint64_t number = 0;  // the tick that ran when it became known, or the next that has none yet
  std::uint32_t weight = 0;
  std::uint32_t stable_failed = 0;
  std::uint32_t canary_failed = 0;
  friend bool operator==(const FirstRequests&, const FirstRequests&) = default;
};

// Of one arm since the release began. Requests, not units: for people, and for the judge's trust in its data.
struct ArmTotals {
  std::uint64_t requests = 0;
  std::array<std::uint64_t, 5> failures{};  // by FailureCause; [0] is unused
  std::uint64_t cold = 0;                   // waited for a start: judged on failure, not on latency
  // Of keys, or requests, for which there was no room in memory or in a worker's lane, of keys that came back when they
  // were followed no longer, and of the other arm than the tick's weight says.
  std::uint64_t untracked = 0;
  // Ended, or were told of, after their tick was closed: counted in the tick in which that came.
  std::uint64_t late = 0;
  friend bool operator==(const ArmTotals&, const ArmTotals&) = default;
};

// Latencies of one arm in one step of the ladder, one observation a key at most: of its first request in the step, if
// that was warm and did not fail. Which request it is is settled when it comes, not by how soon it ends.
// Bucket i holds (edge(i - 1), edge(i)], edge(i) = 1 ms · 1.15^((i - 40) / 5): ratio 1.15^(1/5), so that a shift by the
// default tolerance of 15 % is a shift by five buckets, exactly. The first bucket has all that is shorter, the last all
// that is longer.
inline constexpr std::size_t kLatencyBuckets = 512;
struct LatencyShape {
  std::vector<std::uint32_t> buckets;  // kLatencyBuckets, or none
  friend bool operator==(const LatencyShape&, const LatencyShape&) = default;
};

// Sent by router; sums are since the release began (shapes: since the step began), ticks are those after the last one
// that control acknowledged.
struct ReleaseCounts {
  std::string release;             // its id
  std::uint32_t step = 0;          // of the ladder, in force in the last tick
  std::uint64_t closed = 0;        // all ticks below this number are told
  std::uint32_t open = 0;          // requests in flight in ticks that are not closed
  std::vector<ReleaseTick> ticks;  // ascending
  ArmTotals stable;
  ArmTotals canary;
  LatencyShape stable_shape;
  LatencyShape canary_shape;
  // Another number than before: router forgot all keys (it began anew). Sums and shapes are since then; a key that was
  // counted may enter, fail and be slow once more.
  std::uint64_t memory = 0;
  std::uint64_t lost = 0;  // ticks that said something and were dropped, since nobody acknowledged for too long
  // Ascending, each number once; of a router that is the first of the release.
  std::vector<FirstRequests> firsts;
  friend bool operator==(const ReleaseCounts&, const ReleaseCounts&) = default;
};

}  // namespace marea::model
