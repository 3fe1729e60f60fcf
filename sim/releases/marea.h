// The platform's own way of releasing, as it is: router's lanes and its watch with the ledger of keys, control's entry
// with judge and machine. What stands between them, written down here in virtual time: control counts what router
// tells, moves the release and acknowledges (control/control_releases.cc), and looks at it once a second.
//
// Assumed: from a move until all workers route by it kPublish passes (P11 allows as much), and links take no time.
#pragma once

#include <vector>

#include "control/release_entry.h"
#include "net/loop.h"
#include "router/release_watch.h"
#include "sim/releases/rule.h"

namespace marea::sim::releases {

inline constexpr base::Duration kPublish = std::chrono::milliseconds(20);

class Marea final : public Rule {
 public:
  Marea(const model::ReleasePolicy& policy, std::uint64_t seed);

  model::Weight weight(base::Duration at) override;
  void began(Visit& visit) override;
  void ended(const Visit& visit, const Answer& answer, base::Duration at) override;
  void canary_crashed(base::Duration at) override;
  void look(base::Duration at) override;
  base::Duration look_every() const override;
  const Standing& standing() const override { return standing_; }

  const model::ReleaseState& state() const { return entry_.state(); }

 private:
  router::ReleaseLane& lane_of(const Visit& visit);
  void pass_until(base::Duration at);
  // Brings what control wants to router, and to the workers, if its time has come.
  void adopt_routes(base::Duration at);
  void move(std::vector<decide::ReleaseInput> inputs, base::Duration at);
  void note(base::Duration at);

  base::ManualClock clock_;
  base::Instant begun_ = clock_.now();
  net::Loop loop_{clock_};
  control::ReleaseEntry entry_;
  model::ReleaseRoute wanted_;
  model::ReleaseRoute routed_;
  base::Duration adopted_at_{};  // `wanted_`
  router::ReleaseWatch watch_;
  std::uint32_t number_ = 0;  // of the release in router
  std::vector<model::ReleaseCounts> told_;
  base::Duration looked_at_{};
  Standing standing_;
};

}  // namespace marea::sim::releases
