// Which keys an experiment has seen, and what became of them (model/experiment_counts.h), in memory of a fixed size.
// Pure: events and the time in, sums out.
//
//   ledger.request({.key = key, .arm = 1, .conversions = 0b1}, now);
//   ledger.posted({.key = key, .value = 2300, .measure = 0}, now);
//   ledger.advance(now);                       // closes windows
//
// A minted key enters at once, since nothing that an arm does shall select who is counted, and waits in a ring of its
// own until it comes back, so that callers who keep no cookies fill no table; one that leaves the ring is followed no
// further, and what it did at its first request stays (decide/key_ledger.h does the same for releases). A key that says
// to have been minted in this experiment and is not known was counted before, by a router that is no more or before it
// left the ring: it is untracked, or it would be two users. Nothing else leaves the memory; new keys that find no room
// are untracked, alike in all arms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "decide/key_ledger.h"
#include "decide/key_table.h"
#include "decide/probation_ring.h"
#include "model/experiment_counts.h"
#include "model/release_counts.h"

namespace marea::decide {

// Keys whose window is open: 32 bytes each.
inline constexpr std::size_t kMostWindows = 1U << 20U;

struct ExperimentRequest {
  std::uint64_t key = 0;  // its fingerprint, not zero
  KeyOrigin origin = KeyOrigin::elsewhere;
  std::uint8_t arm = 0;
  bool led = false;  // by a rule
  model::FailureCause cause = model::FailureCause::none;
  bool timed = false;  // its latency says something of the arm
  bool slow = false;
  std::uint32_t conversions = 0;  // a bit each
  base::Duration latency{};
};

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
    base::Duration window{};
    std::size_t key_bytes = kLedgerKeyBytes;
    std::size_t probation = kProbation;
    std::size_t windows = kMostWindows;
  };
  explicit ExperimentLedger(Options options);

  // Times do not go back.
  void request(const ExperimentRequest& event, base::Duration now);
  void posted(const ExperimentPost& event);
  void untold(std::uint64_t requests) { counts_.untracked += requests; }
  void advance(base::Duration now);

  // Without the experiment's name and memory.
  const model::ExperimentCounts& counts() const { return counts_; }

 private:
  struct Window {
    std::uint64_t key = 0;
    base::Duration until{};
    std::uint32_t first = 0;  // the state after its first request
  };
  std::uint32_t* find(std::uint64_t key);
  std::uint32_t* enter(const ExperimentRequest& event, base::Duration now);
  model::ArmOutcomes& outcomes_of(std::uint32_t state);
  void convert(std::uint32_t& state, std::uint32_t conversions, model::ArmOutcomes& out) const;
  void close(const Window& window);

  Options options_;
  KeyTable keys_;
  ProbationRing probation_;
  std::deque<Window> windows_;  // the oldest first
  model::ExperimentCounts counts_;
};

}  // namespace marea::decide
