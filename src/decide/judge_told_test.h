// What router would tell a judge, for its tests: ticks by hand, and those of a world of users.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "decide/judge.h"
#include "decide/release_users_test.h"

namespace marea::decide {

// A tick in which so many keyed units enter; where any do, 10,000 are at risk.
inline model::ReleaseTick new_units(std::uint64_t number, std::uint32_t stable, std::uint32_t canary) {
  const auto arm = [](std::uint32_t units) {
    const std::uint32_t at_risk = units > 0 ? 10'000 : 0;
    return model::ArmCounts{.entered = units, .at_risk = at_risk, .at_risk_slow = at_risk, .timed = units};
  };
  return {.number = number, .weight = 5000, .keyed = {.stable = arm(stable), .canary = arm(canary)}};
}

inline model::ReleaseCounts counts_with(std::vector<model::ReleaseTick> ticks) {
  model::ReleaseCounts counts{.release = "r1", .closed = ticks.empty() ? 1 : ticks.back().number + 1};
  counts.ticks = std::move(ticks);
  return counts;
}

inline Judge new_judge(JudgePolicy policy = {}) {
  return Judge(std::move(policy), JudgeState{});
}

inline const Evidence& of(const Verdict& verdict, JudgedMetric metric) {
  return *std::ranges::find(verdict.evidence, metric, &Evidence::metric);
}

// Router's view of a world: feeds are `every` ticks apart.
class Told {
 public:
  explicit Told(UsersTerms terms, std::uint64_t seed = 1, std::uint64_t every = 10)
      : users_(std::move(terms), seed), every_(every) {}

  model::ReleaseCounts next() {
    model::ReleaseCounts counts{.release = "r1"};
    for (std::uint64_t i = 0; i < every_; ++i) {
      model::ReleaseTick tick = users_.tick();
      if (users_.firsts().stable_failed + users_.firsts().canary_failed > 0) counts.firsts.push_back(users_.firsts());
      if (Users::tells(tick)) counts.ticks.push_back(std::move(tick));
    }
    counts.closed = users_.number();
    counts.stable.requests = users_.requests(false);
    counts.canary.requests = users_.requests(true);
    return counts;
  }
  double second() const { return users_.second(); }

 private:
  Users users_;
  std::uint64_t every_;
};

// A canary of half of the keys, of which one fails in each tick; nobody tells of first requests.
inline model::ReleaseTick failing_tick(std::uint64_t number) {
  model::ReleaseTick tick = new_units(number, 1, 1);
  tick.keyed.canary.failed = 1;
  return tick;
}

// The second of the first verdict that is `wanted`.
inline std::optional<double> found(Judge& judge, Told& world, Answer wanted, double most) {
  while (world.second() < most) {
    if (judge.feed(world.next()).answer == wanted) return world.second();
  }
  return std::nullopt;
}

}  // namespace marea::decide
