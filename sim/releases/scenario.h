// What the world `releases` releases, to whom, and in which weather. A scenario says what each version does to requests
// and users, in the terms of an operator: shares that fail, latencies, crashes. Nothing here knows what a judge counts.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/release_policy.h"

namespace marea::sim::releases {

enum class Truth : std::uint8_t {
  harmless,  // the canary is no worse than stable: a rollback is false
  harmful,   // a rollback is wanted, the sooner the better
  quiet      // too little is asked for anybody to know
};

// Who asks.
struct Crowd {
  std::uint32_t users = 20'000;
  double spread = 0;      // sigma of the log-normal rates at which they ask; 0: all alike
  double frail = 1;       // share of users who have all the failures, 1 / frail times as many each
  double known = 0.5;     // share of users who have a key from before the release
  double picked = 0;      // share of users whose keys were tried until they lay in the first buckets (kPickedBelow)
  double cookieless = 0;  // share of requests whose caller keeps no cookie
  int retries = 0;        // of a request that failed, by its user
};
inline constexpr std::uint32_t kPickedBelow = 500;

enum class LoadShape : std::uint8_t {
  steady,
  wave,   // a day pressed into eight minutes: between 0.1 and 1.9 times the rate
  ramp,   // from 0.1 to 1.9 times the rate in twelve minutes
  spikes  // seventy seconds at 0.3 times the rate, then four at 13 times
};

struct Load {
  LoadShape shape = LoadShape::steady;
  double rate = 200;  // requests a second on average
};

// What a version does to the requests that it gets.
struct Version {
  double failing = 1;  // factor of the share of requests that fail
  double grows = 0;    // seconds in which the factor grows from 1, evenly; 0: it is there at once
  double hit = 1;      // share of users whom the factor meets
  double slower = 1;   // factor of each latency
  double tail = 0;     // share of requests that take kTailFactor times as long
  double young = 0;    // a new instance takes so much longer, as a share; it wears off (kYouth)
  double cold = 0;     // share of requests that wait for a start
  double crashes = 0;  // mean seconds between two crashes of its process; 0: none
};
inline constexpr double kTailFactor = 8;
inline constexpr double kYouth = 12;  // seconds in which a new instance gets 63 % of the way

// What happens to both versions alike, but for the platform's trouble.
struct Weather {
  double failing = 0.01;   // share of requests that fail
  double median = 0.06;    // seconds that an answer takes; log-normal with sigma 0.7, so 5.1 times as long at p99
  bool stumbles = false;   // for ten seconds of every seventy, twenty times as many fail
  bool outage = false;     // from second 100 to 200 half of the requests fail
  bool with_load = false;  // the share that fails grows and shrinks with the load
  double platform = 0;     // share of stable's requests that the platform fails in seconds 100 to 160 and 400 to 430
  double platform_canary = 0;
};

struct Scenario {
  std::string_view name;
  std::string_view what;
  Truth truth = Truth::harmless;
  // The canary has 10 % throughout, and nobody advances: how P12 asks for the time to detect something.
  bool fixed = false;
  double seconds = 720;  // how long it is watched, at most
  Crowd crowd = {};
  Load load = {};
  Version stable = {};
  Version canary = {};
  Weather weather = {};
  // The same with a canary that fails as often as the policy's promotion tolerance says is asked, too: whoever calls
  // that one good is wrong. Where it is not, a failure of a request says little of a user's (docs/releases.md).
  bool twin = false;
};

const std::vector<Scenario>& scenarios();
// The canary fails so many times as often, from the start, and in all else is as in `scenario`.
Scenario twin_of(const Scenario& scenario, double failing);
// marea's policy in a scenario: the default one, or 10 % throughout.
model::ReleasePolicy policy_of(const Scenario& scenario);

}  // namespace marea::sim::releases
