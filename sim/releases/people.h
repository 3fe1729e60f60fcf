// The users of a scenario, each with a key as browsers have it, and how often each of them asks. Which arm a key
// belongs to and what its fingerprint is say the platform's own functions.
#pragma once

#include <cstdint>
#include <vector>

#include "decide/split.h"
#include "router/release_lane.h"
#include "sim/releases/scenario.h"

namespace marea::sim::releases {

struct Person {
  std::uint64_t fingerprint = 0;
  std::uint16_t bucket = 0;
  bool frail = false;  // has failures
  bool hit = false;    // is met by what is wrong with a version
  bool known = false;  // has a key from before the release
  float pace = 1;      // factor of latencies
};

class People {
 public:
  // The salt of a release, and what the router's fingerprints are made with, follow from the seed.
  People(const Scenario& scenario, std::uint64_t seed);

  // Who asks, by a draw in [0, 1).
  std::uint32_t pick(double draw) const;
  const Person& of(std::uint32_t user) const { return people_[user]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(people_.size()); }
  // Somebody with a new key, by a draw of 64 bits.
  Person stranger(std::uint64_t draw) const;

 private:
  void weigh(std::vector<double> rates);
  Person with_key(std::uint64_t high, std::uint64_t low) const;

  decide::Split split_;
  router::ReleaseLanes lanes_;  // none; it makes fingerprints
  std::vector<Person> people_;
  // Walker's alias table: a draw chooses a column, and in it one of two.
  std::vector<float> keep_;
  std::vector<std::uint32_t> other_;
};

}  // namespace marea::sim::releases
