// The two versions at work: what becomes of a request, given who serves it and when. It draws requests one by one and
// knows nothing of keys, ticks or tests.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "model/release_counts.h"
#include "sim/releases/people.h"
#include "sim/releases/scenario.h"
#include "sim/releases/traffic.h"

namespace marea::sim::releases {

struct Answer {
  base::Duration latency{};
  model::FailureCause cause = model::FailureCause::none;
  bool cold = false;  // it waited for a start, or no app got it
};

// Nobody waits longer for an answer.
inline constexpr base::Duration kMostLatency = std::chrono::seconds(10);

class Site {
 public:
  Site(const Scenario& scenario, std::uint64_t seed);

  // More of the load means more instances of the canary, which are young.
  void canary_has(model::Weight weight, base::Duration at);
  Answer answer(const Request& request, const Person& person, bool canary) const;
  // When the canary's process exits, ascending.
  const std::vector<base::Duration>& crashes() const { return crashes_; }

 private:
  double failing(const Version& version, const Person& person, double second) const;
  double slowness(const Version& version, double second, Draws& draws) const;
  bool platform_fails(bool canary, double second, Draws& draws) const;
  Answer with_crashes(Answer answer, base::Duration at) const;

  const Scenario& scenario_;
  std::vector<float> latencies_;  // of the median, at evenly spaced quantiles
  std::vector<base::Duration> crashes_;
  std::vector<double> born_;  // of the canary's instances: second
};

}  // namespace marea::sim::releases
