#include "sim/releases/scenario.h"

namespace marea::sim::releases {
namespace {

constexpr double kDay = 24.0 * 3600;

std::vector<Scenario> harmless() {
  return {
      {.name = "iid", .what = "20,000 users who ask alike, 1 % of requests fail", .twin = true},
      {.name = "calm", .what = "the same with one failure in a thousand", .weather = {.failing = 0.001}},
      {.name = "heavy", .what = "log-normal users, sigma 1.5", .crowd = {.spread = 1.5}, .twin = true},
      {.name = "frail", .what = "3 % of the users have all the failures", .crowd = {.frail = 0.03}},
      {.name = "frail2000",
       .what = "the same of 2,000 log-normal users",
       .crowd = {.users = 2000, .spread = 1.5, .frail = 0.03}},
      {.name = "retries",
       .what = "a dependency stumbles, users try again up to three times",
       .crowd = {.retries = 3},
       .weather = {.stumbles = true},
       .twin = true},
      {.name = "wave",
       .what = "a day in eight minutes, failures follow the load",
       .load = {.shape = LoadShape::wave},
       .weather = {.with_load = true},
       .twin = true},
      {.name = "ramp",
       .what = "the load grows by nineteen, failures with it",
       .load = {.shape = LoadShape::ramp},
       .weather = {.with_load = true},
       .twin = true},
      {.name = "spikes", .what = "quiet, and every minute a burst", .load = {.shape = LoadShape::spikes}, .twin = true},
      {.name = "uneven", .what = "2 % of the users picked keys of the first buckets", .crowd = {.picked = 0.02}},
      {.name = "strangers", .what = "30 % of the requests keep no cookie", .crowd = {.cookieless = 0.3}, .twin = true},
      {.name = "cold",
       .what = "a start delays 8 % of the canary's requests, 0.5 % of stable's",
       .stable = {.cold = 0.005},
       .canary = {.cold = 0.08},
       .twin = true},
      {.name = "platform",
       .what = "platform fails 30 % of the canary's, 5 % of stable's, for a while",
       .weather = {.platform = 0.05, .platform_canary = 0.3},
       .twin = true},
      {.name = "young", .what = "a new instance is 50 % slower, for a while", .canary = {.young = 0.5}, .twin = true},
      {.name = "outage", .what = "common cause: both fail half for 100 s", .weather = {.outage = true}},
      {.name = "badstable", .what = "stable fails five times as often", .stable = {.failing = 5}},
  };
}

std::vector<Scenario> harmful() {
  constexpr Truth kBad = Truth::harmful;
  constexpr double kLong = 1200;
  return {
      {.name = "rr2@10%",
       .what = "twice the failures",
       .truth = kBad,
       .fixed = true,
       .seconds = kLong,
       .canary = {.failing = 2}},
      {.name = "rr3@10%",
       .what = "three times",
       .truth = kBad,
       .fixed = true,
       .seconds = kLong,
       .canary = {.failing = 3}},
      {.name = "total@10%",
       .what = "all fail",
       .truth = kBad,
       .fixed = true,
       .seconds = kLong,
       .canary = {.failing = 1000}},
      {.name = "fast@10%",
       .what = "all fail, and answers take 15 ms, not 60",
       .truth = kBad,
       .fixed = true,
       .seconds = kLong,
       .canary = {.failing = 1000},
       .weather = {.median = 0.015}},
      {.name = "rr2", .what = "twice the failures", .truth = kBad, .seconds = kLong, .canary = {.failing = 2}},
      {.name = "rr3", .what = "three times", .truth = kBad, .seconds = kLong, .canary = {.failing = 3}},
      {.name = "calm5",
       .what = "0.1 % fail at stable, five times as many at the canary",
       .truth = kBad,
       .seconds = kLong,
       .canary = {.failing = 5},
       .weather = {.failing = 0.001}},
      {.name = "total", .what = "all fail", .truth = kBad, .seconds = kLong, .canary = {.failing = 1000}},
      {.name = "shift", .what = "half as slow again", .truth = kBad, .seconds = kLong, .canary = {.slower = 1.5}},
      {.name = "tail", .what = "3 % take 8 times as long", .truth = kBad, .seconds = kLong, .canary = {.tail = 0.03}},
      {.name = "crash", .what = "exits every 20 s", .truth = kBad, .seconds = kLong, .canary = {.crashes = 20}},
      {.name = "leak",
       .what = "10 times the failures after 8 min",
       .truth = kBad,
       .seconds = kLong,
       .canary = {.failing = 10, .grows = 480}},
      {.name = "some",
       .what = "5 % of users: half of theirs fail",
       .truth = kBad,
       .seconds = kLong,
       .canary = {.failing = 50, .hit = 0.05}},
  };
}

std::vector<Scenario> quiet() {
  const Load load{.rate = 1.0 / 60};
  constexpr double kSeconds = kDay + 3600;
  return {
      {.name = "quiet",
       .what = "one request a minute, nothing wrong",
       .truth = Truth::quiet,
       .seconds = kSeconds,
       .load = load},
      {.name = "quietbad",
       .what = "one request a minute, all fail",
       .truth = Truth::quiet,
       .seconds = kSeconds,
       .load = load,
       .canary = {.failing = 1000}},
  };
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> out = harmless();
    for (const auto& more : {harmful(), quiet()}) out.insert(out.end(), more.begin(), more.end());
    return out;
  }();
  return all;
}

Scenario twin_of(const Scenario& scenario, double failing) {
  Scenario out = scenario;
  out.truth = Truth::harmful;
  out.canary.failing = failing * scenario.stable.failing;
  return out;
}

model::ReleasePolicy policy_of(const Scenario& scenario) {
  model::ReleasePolicy policy;
  if (!scenario.fixed) return policy;
  constexpr base::Duration kWhole = std::chrono::hours(1);
  policy.ladder = {{.weight = 10 * model::kOnePercent, .warm_up = {}, .minimum = kWhole, .maximum = kWhole}};
  return policy;
}

}  // namespace marea::sim::releases
