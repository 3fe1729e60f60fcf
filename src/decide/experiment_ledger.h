// Which keys an experiment has seen, and what became of them (model/experiment_counts.h), in memory of a fixed size.
// Pure: events and the time in, sums out.
//
//   ledger.enter({.key = key, .arm = 1}, now);                          // when its first request is given an arm
//   ledger.request({.key = key, .arm = 1, .conversions = 0b1});         // when a request is over
//   ledger.posted({.key = key, .value = 2300, .measure = 0});
//   ledger.advance(now);                                                // closes windows
//
// A key enters when it is given its arm, not when its request is over: how long an arm takes, or that it hangs, must
// not select who is counted. A minted key waits in a ring of its own until it comes back, so that callers who keep no
// cookies fill no table; one that leaves the ring is followed no further (decide/key_ledger.h does the same for
// releases). A key that says to have been minted in this experiment and is not known was counted before, by a router
// that is no more or before it left the ring: it is untracked, or it would be two users.
//
// Whose window is open is never forgotten, or his conversion would be lost while he counts as due: a key enters only
// when table and ring have room for it until then. Those that find none are untracked, alike in all arms.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "decide/key_ledger.h"
#include "decide/key_table.h"
#include "decide/probation_ring.h"
#include "model/experiment_counts.h"
#include "model/release_counts.h"

namespace marea::decide {

// Minted keys, 20 bytes each: with windows of 30 minutes 291 new ones a second, with windows of a day 6.
inline constexpr std::size_t kExperimentProbation = 1U << 19U;

// A key that is given an arm.
struct ExperimentEntrant {
  std::uint64_t key = 0;  // its fingerprint, not zero
  KeyOrigin origin = KeyOrigin::elsewhere;
  std::uint8_t arm = 0;
  bool led = false;          // by a rule
  std::uint8_t segment = 0;  // of the arm, which led it, from 1 on; 0: none
};

struct ExperimentRequest {
  std::uint64_t key = 0;
  KeyOrigin origin = KeyOrigin::elsewhere;
  std::uint8_t arm = 0;
  bool led = false;
  model::FailureCause cause = model::FailureCause::none;
  bool timed = false;  // its latency says something of the arm
  bool slow = false;
  std::uint32_t conversions = 0;  // a bit each
  base::Duration latency{};
  std::uint8_t measured = 0;                                 // a bit for each measure that the answer says
  std::array<std::uint32_t, model::kMostMeasures> values{};  // of them, ≤ model::kMostValue
};
static_assert(model::kMostMeasures <= 8);

// Of a key that has come before; of others nothing is counted.
struct ExperimentPost {
  std::uint64_t key = 0;
  std::uint32_t conversions = 0;
  std::optional<std::size_t> measure;
  std::uint64_t value = 0;  // of the measure, ≤ model::kMostValue
};

class ExperimentLedger {
 public:
  struct Options {
    std::size_t arms = 2;
    std::size_t conversions = 0;
    std::size_t measures = 0;
    std::vector<std::size_t> segments;  // by arm; empty: there are none
    base::Duration window{};
    std::size_t key_bytes = kLedgerKeyBytes;
    std::size_t probation = kExperimentProbation;
  };
  explicit ExperimentLedger(Options options);

  // Times do not go back.
  void enter(const ExperimentEntrant& event, base::Duration now);
  void request(const ExperimentRequest& event);
  void posted(const ExperimentPost& event);
  // False: what is told of it is untracked.
  bool knows(std::uint64_t key) const { return key != 0 && (keys_.has(key) || probation_.has(key)); }
  void untold(std::uint64_t requests) { counts_.untracked += requests; }
  void advance(base::Duration now);

  // Without the experiment's name and memory.
  const model::ExperimentCounts& counts() const { return counts_; }

 private:
  struct Window {
    std::uint64_t key = 0;
    base::Duration until{};
  };
  std::uint32_t* find(std::uint64_t key, bool comes_back);
  bool has_room(KeyOrigin origin) const;
  model::ArmOutcomes& outcomes_of(std::uint32_t state);
  model::SegmentOutcomes* segment_of(std::uint32_t state);
  void convert(std::uint32_t& state, std::uint32_t conversions, model::ArmOutcomes& out);
  void measure(std::uint32_t& state, std::size_t measure, std::uint64_t value, model::ArmOutcomes& out) const;
  void close(const Window& window);

  Options options_;
  KeyTable keys_;
  ProbationRing probation_;
  std::deque<Window> windows_;  // the oldest first
  std::size_t waiting_ = 0;     // keys of the ring whose windows are open: the table keeps places for them
  model::ExperimentCounts counts_;
};

}  // namespace marea::decide
