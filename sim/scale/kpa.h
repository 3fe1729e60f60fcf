// Knative's autoscaler (KPA) as it is documented and as its source has it, with its defaults: the compared one.
// Sources: knative/serving pkg/autoscaler/scaling/autoscaler.go (Scale), pkg/autoscaler/aggregation/bucketing.go
// (averages of 1 s buckets over the 60 s and 6 s windows), pkg/reconciler/autoscaling/kpa/scaler.go (scale to zero:
// inactive after the stable window, then as long as the activator has not been in the path for the grace period),
// config/core/configmaps/autoscaler.yaml (the defaults).
//
// In its favour: no hop costs time, no control plane is slow (a pod is ordered at the tick itself), queue-proxy and
// activator report exactly, and the youngest idle pods go first.
#pragma once

#include <deque>

#include "sim/scale/plant.h"

namespace marea::sim::scale {

class Kpa final : public Scaler {
 public:
  // `phase`: of its ticks, as a share of one.
  Kpa(const LoadedService& service, double phase);
  Advice look(const Plant& plant, base::Instant now) override;
  bool scatters() const override { return !activator_in_path_; }

 private:
  void report(const Plant& plant, base::Instant now);
  double average(int seconds) const;
  int desired(int ready, base::Instant now);
  std::vector<int> surplus(const Plant& plant, int wanted) const;

  double target_;
  double capacity_;
  base::Instant next_report_{};
  base::Instant next_tick_{};
  base::Duration phase_;
  double reported_ = 0;         // request-seconds until the last report
  std::deque<double> buckets_;  // average concurrency per second, newest last, the stable window
  base::Instant panic_at_ = base::Instant::min();
  int most_in_panic_ = 0;
  bool activator_in_path_ = true;
  base::Instant in_path_since_{};
  base::Instant active_since_{};
  bool awake_ = false;
  int wanted_ = 0;
};

}  // namespace marea::sim::scale
