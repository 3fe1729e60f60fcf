// How workers tell the main loop of requests in a running release: a lane each, which the main loop empties every tick.
// Nothing of it exists before the first release, and nobody waits: a request that finds its lane too full to tell both
// its beginning and its end is untold, which is counted, and costs the judge power for both arms alike.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "decide/key_ledger.h"
#include "model/release_counts.h"
#include "model/release_seats.h"
#include "router/event_ring.h"
#include "router/key_cookie.h"
#include "telemetry/counters.h"

namespace marea::router {

inline constexpr std::size_t kMostReleases = model::kReleaseSeats;  // counted at a time
inline constexpr std::size_t kLaneEvents = 1U << 14U;  // 896 KiB; a tick of 400,000 requests a second of one worker
// Told requests of one release that are open at one worker. Each keeps a place for its end, so a service of long polls
// could else blind the judges of all others; its further requests are untold.
inline constexpr std::size_t kMostOpen = kLaneEvents / 4;

// One that the split assigned to an arm.
struct Assignment {
  std::uint32_t release = 0;  // its number in this router; 0: it is not counted
  bool canary = false;
  std::uint16_t bucket = 0;
  std::uint64_t key = 0;     // the fingerprint; 0: none
  std::uint64_t tick = 0;    // of its admission
  std::uint64_t number = 0;  // ReleaseLane::next_number
  decide::KeyOrigin origin = decide::KeyOrigin::elsewhere;
  base::Duration objective{};
};

struct Outcome {
  model::FailureCause cause = model::FailureCause::none;
  bool cold = false;
  bool judged = false;
  bool slow = false;
  base::Duration latency{};
};

struct ReleaseEvent {
  std::uint32_t release = 0;
  std::uint16_t bucket = 0;
  bool canary = false;
  bool settled = false;  // else admitted
  decide::KeyOrigin origin = decide::KeyOrigin::elsewhere;
  Outcome outcome;  // of a settled one
  std::uint64_t tick = 0;
  std::uint64_t key = 0;
  std::uint64_t number = 0;
};

// A worker's.
class ReleaseLane {
 public:
  explicit ReleaseLane(int worker = 0)
      : ring_(kLaneEvents), next_number_(static_cast<std::uint64_t>(worker) << kWorkerShift) {}

  // ---- the worker
  // Of a request: no other one in this router has it.
  std::uint64_t next_number() { return ++next_number_; }
  ClientKeyText mint(std::uint64_t tick) { return mint_.next(tick); }
  // False: it is untold, and so must its end be.
  bool admit(const Assignment& request) {
    // There is always room for the ends of those that were told.
    std::size_t& open = open_of_.at(request.release % kMostReleases);
    if (ring_.free() < open_ + 2 || open >= kMostOpen) {
      untold_.at(request.release % kMostReleases).at(request.canary ? 1 : 0).add();
      return false;
    }
    ++open_;
    ++open;
    ring_.push(event_of(request));
    return true;
  }
  void settle(const Assignment& request, const Outcome& outcome) {
    --open_;
    --open_of_.at(request.release % kMostReleases);
    ReleaseEvent event = event_of(request);
    event.settled = true;
    event.outcome = outcome;
    ring_.push(event);
  }

  // ---- the main loop
  template <class Use>
  void drain(Use use) {
    ring_.drain(use);
  }
  std::uint64_t untold(std::uint32_t release, bool canary) const {
    return untold_.at(release % kMostReleases).at(canary ? 1 : 0).value();
  }

 private:
  static ReleaseEvent event_of(const Assignment& request) {
    return {.release = request.release,
            .bucket = request.bucket,
            .canary = request.canary,
            .origin = request.origin,
            .tick = request.tick,
            .key = request.key,
            .number = request.number};
  }

  EventRing<ReleaseEvent> ring_;
  static constexpr unsigned kWorkerShift = 48;
  std::uint64_t next_number_;
  std::size_t open_ = 0;                              // admitted and not settled
  std::array<std::size_t, kMostReleases> open_of_{};  // of them: of a release
  KeyMint mint_;
  std::array<std::array<telemetry::Counter, 2>, kMostReleases> untold_;
};

// All lanes, and the secret that keeps callers from choosing keys that meet in a table.
class ReleaseLanes {
 public:
  ReleaseLanes(int workers, std::uint64_t secret) : secret_(secret) {
    for (int worker = 0; worker < workers; ++worker) lanes_.push_back(std::make_unique<ReleaseLane>(worker));
  }
  ReleaseLane& of(int worker) { return *lanes_.at(static_cast<std::size_t>(worker)); }
  const std::vector<std::unique_ptr<ReleaseLane>>& all() const { return lanes_; }
  // Never zero.
  std::uint64_t fingerprint(std::string_view key) const;

 private:
  std::uint64_t secret_;
  std::vector<std::unique_ptr<ReleaseLane>> lanes_;
};

}  // namespace marea::router
