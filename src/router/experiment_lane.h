// How workers tell the main loop of requests in a running experiment, and of events that were posted: a lane each, as
// releases have (release_lane.h). A request is told when it is over, and its key before, when it is given its arm,
// unless it says that it has come before. A full lane makes an event untold, which is counted; nobody waits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "decide/experiment_ledger.h"
#include "router/event_ring.h"
#include "router/key_cookie.h"
#include "router/user_token.h"
#include "telemetry/counters.h"

namespace marea::router {

inline constexpr std::size_t kMostExperiments = 16;          // counted at a time: some 36 MiB of keys each, at most
inline constexpr std::size_t kExperimentEvents = 1U << 14U;  // of one worker, in a tick

struct ExperimentEvent {
  std::uint32_t experiment = 0;  // its number in this router
  enum class Kind : std::uint8_t { enter, request, post } kind = Kind::request;
  decide::ExperimentEntrant entrant;
  decide::ExperimentRequest request;
  decide::ExperimentPost posted;
};

// A worker's.
class ExperimentLane {
 public:
  explicit ExperimentLane(const UserSecret& users) : ring_(kExperimentEvents), users_(users) {}

  // ---- the worker
  ClientKeyText mint(std::uint64_t tick) { return mint_.next(tick); }
  UserTokens& users() { return users_; }
  void tell(const ExperimentEvent& event) {
    if (!ring_.push(event)) untold_.at(event.experiment % kMostExperiments).add();
  }

  // ---- the main loop
  template <class Use>
  void drain(Use use) {
    ring_.drain(use);
  }
  std::uint64_t untold(std::uint32_t experiment) const { return untold_.at(experiment % kMostExperiments).value(); }

 private:
  EventRing<ExperimentEvent> ring_;
  KeyMint mint_;
  UserTokens users_;
  std::array<telemetry::Counter, kMostExperiments> untold_;
};

// All lanes, and the secret of fingerprints (key_cookie.h).
class ExperimentLanes {
 public:
  ExperimentLanes(int workers, std::uint64_t secret) : secret_(secret) {
    UserSecret users{};
    base::SystemRandom::fill(users);
    for (int worker = 0; worker < workers; ++worker) lanes_.push_back(std::make_unique<ExperimentLane>(users));
  }
  ExperimentLane& of(int worker) { return *lanes_.at(static_cast<std::size_t>(worker)); }
  const std::vector<std::unique_ptr<ExperimentLane>>& all() const { return lanes_; }
  std::uint64_t fingerprint(std::string_view key) const { return key_fingerprint(secret_, key); }

 private:
  std::uint64_t secret_;
  std::vector<std::unique_ptr<ExperimentLane>> lanes_;
};

}  // namespace marea::router
