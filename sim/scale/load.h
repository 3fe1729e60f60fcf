// What the world `scale` is asked: requests with their arrival and service times, made from a seed. Five kinds of load,
// of which each seed draws the particulars: service times, start times, concurrency, levels. A day of the wave is
// pressed into an hour or less, so that 10,000 days can be lived.
//
// The trace of many rare services is made from published marginals, since the traces themselves are not at hand: rates
// over four decades, timers beside human traffic, most services rare and few requests theirs (Shahrad et al.,
// "Serverless in the Wild", ATC 2020, figures 5 and 6).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace marea::sim::scale {

struct Request {
  base::Duration at{};
  base::Duration service{};  // how long an instance works on it
};

struct LoadedService {
  int concurrency = 1;
  int max = 100;
  base::Duration start{};  // median time from the order to the first request taken
  double memory_gb = 0.5;
  std::vector<Request> requests;  // by time
};

struct Load {
  std::string_view name;
  base::Duration horizon{};  // until when instances are accounted for
  std::vector<LoadedService> services;
};

// In the order of kLoads.
inline constexpr std::array<std::string_view, 5> kLoads = {"steps", "ramp", "wave", "bursts", "rare"};
std::vector<Load> make_loads(std::uint64_t seed);

}  // namespace marea::sim::scale
