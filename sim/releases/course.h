// One rollout of one scenario by one rule, from the moment in which the canary can take requests to its end, in virtual
// time: requests come, are split, are served by one of the versions, end, and some of them come again.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "sim/releases/people.h"
#include "sim/releases/rule.h"
#include "sim/releases/scenario.h"
#include "sim/releases/site.h"
#include "sim/releases/traffic.h"

namespace marea::sim::releases {

struct CourseEnd {
  Standing standing;
  base::Duration at{};  // when it was watched no longer
  std::uint64_t requests = 0;
  std::uint64_t failed_keys = 0;  // users whose requests the canary failed
  // Of them: failed for the first time by a request that was sent more than kReaction after the third of them had
  // failed. A rule that needs three has none.
  std::uint64_t late_keys = 0;
};
inline constexpr base::Duration kReaction = std::chrono::milliseconds(50);

class Course {
 public:
  Course(const Scenario& scenario, const People& people, std::uint64_t seed, Rule& rule);
  // `until_proven`: ends also when the canary is called proven good.
  CourseEnd run(bool until_proven = false);

 private:
  struct Flight {
    Visit visit;
    Answer answer;
    Request request;
  };
  struct Failure {
    base::Duration sent{};
    base::Duration ended{};
  };

  void take_requests(base::Duration until);
  void begin(const Request& request);
  void land(std::uint64_t tick);
  void ask_again(const Request& request, base::Duration ended);
  void tell_crashes(base::Duration until);
  bool over(base::Duration at, bool until_proven) const;
  std::uint64_t next_tick(std::uint64_t tick) const;
  Person person_of(const Request& request, decide::KeyOrigin& origin);
  CourseEnd sum_up(base::Duration at) const;

  // Longer than the longest latency and the longest wait before a retry.
  static constexpr std::size_t kWheel = 1024;

  const Scenario& scenario_;
  const People& people_;
  Rule& rule_;
  Site site_;
  Traffic traffic_;
  base::Duration horizon_;
  std::vector<std::vector<Flight>> landing_{kWheel};   // by the tick of their end
  std::vector<std::vector<Request>> retries_{kWheel};  // by the tick in which they come again
  std::size_t in_flight_ = 0;
  std::size_t to_retry_ = 0;
  std::size_t crashes_told_ = 0;
  model::Weight weight_ = 0;
  std::uint64_t requests_ = 0;
  std::vector<bool> came_;    // users who have been here in this release
  std::vector<bool> failed_;  // users whose requests the canary failed
  std::vector<Failure> failures_;
};

}  // namespace marea::sim::releases
