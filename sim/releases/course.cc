#include "sim/releases/course.h"

#include <algorithm>

namespace marea::sim::releases {
namespace {

// After a rollback: what was in flight ends, and failed keys are counted to the last.
constexpr base::Duration kAfterwards = std::chrono::seconds(2);
// After the promotion of a harmless one: its watch goes on for a day, in which more of the same would be seen.
constexpr base::Duration kWatched = std::chrono::minutes(2);
// Before a user tries again: the first time this, then twice as long each time, and up to twice that.
constexpr double kBackoff = 0.25;

base::Duration start_of(std::uint64_t tick) {
  return tick * base::Duration(model::kReleaseTick);
}

std::uint64_t tick_of(base::Duration at) {
  return static_cast<std::uint64_t>(at / model::kReleaseTick);
}

}  // namespace

Course::Course(const Scenario& scenario, const People& people, std::uint64_t seed, Rule& rule)
    : scenario_(scenario),
      people_(people),
      rule_(rule),
      site_(scenario, seed ^ 0x5175U),
      traffic_(scenario, people, seed ^ 0x7AFFU),
      horizon_(static_cast<std::int64_t>(scenario.seconds * 1e9)),
      came_(people.size()),
      failed_(people.size()) {}

CourseEnd Course::run(bool until_proven) {
  std::uint64_t tick = 0;
  for (;; tick = next_tick(tick)) {
    const base::Duration end = start_of(tick + 1);
    tell_crashes(end);
    take_requests(end);
    land(tick);
    rule_.look(end);
    if (end >= horizon_ || over(end, until_proven)) return sum_up(end);
  }
}

bool Course::over(base::Duration at, bool until_proven) const {
  const Standing& standing = rule_.standing();
  if (until_proven && standing.proven) return true;
  if (scenario_.truth == Truth::harmless && standing.promoted && at - *standing.promoted > kWatched) return true;
  if (!standing.finished) return false;
  return standing.way == Way::promoted || at - standing.since > kAfterwards;
}

// The next one in which something happens, or the rule looks.
std::uint64_t Course::next_tick(std::uint64_t tick) const {
  if (in_flight_ > 0 || to_retry_ > 0) return tick + 1;
  const base::Duration now = start_of(tick + 1);
  const base::Duration every = rule_.look_every();
  const base::Duration look = (now / every + 1) * every - base::Duration(model::kReleaseTick);
  return std::max(tick + 1, tick_of(std::min(look, traffic_.next().at)));
}

void Course::tell_crashes(base::Duration until) {
  const std::vector<base::Duration>& crashes = site_.crashes();
  for (; crashes_told_ < crashes.size() && crashes[crashes_told_] < until; ++crashes_told_) {
    rule_.canary_crashed(crashes[crashes_told_]);
  }
}

void Course::take_requests(base::Duration until) {
  std::vector<Request>& again = retries_[tick_of(until - base::Duration(1)) % kWheel];
  for (const Request& request : again) begin(request);
  to_retry_ -= again.size();
  again.clear();
  for (; traffic_.next().at < until; traffic_.advance()) begin(traffic_.next());
}

Person Course::person_of(const Request& request, decide::KeyOrigin& origin) {
  if (request.user == kStranger) {
    origin = decide::KeyOrigin::minted;
    return people_.stranger(request.chance);
  }
  const Person& person = people_.of(request.user);
  if (!person.known) origin = came_[request.user] ? decide::KeyOrigin::returning : decide::KeyOrigin::minted;
  came_[request.user] = true;
  return person;
}

void Course::begin(const Request& request) {
  ++requests_;
  Flight flight{.visit = {.at = request.at}, .answer = {}, .request = request};
  const Person person = person_of(request, flight.visit.origin);
  const model::Weight weight = rule_.weight(request.at);
  if (weight != weight_) site_.canary_has(weight_ = weight, request.at);
  flight.visit.key = person.fingerprint;
  flight.visit.bucket = person.bucket;
  flight.visit.canary = person.bucket < weight;
  flight.answer = site_.answer(request, person, flight.visit.canary);
  rule_.began(flight.visit);
  ++in_flight_;
  landing_[tick_of(request.at + flight.answer.latency) % kWheel].push_back(flight);
}

void Course::land(std::uint64_t tick) {
  std::vector<Flight>& landing = landing_[tick % kWheel];
  for (const Flight& flight : landing) {
    const base::Duration at = flight.visit.at + flight.answer.latency;
    rule_.ended(flight.visit, flight.answer, at);
    if (flight.answer.cause != model::FailureCause::app) continue;
    if (flight.request.tries < scenario_.crowd.retries) ask_again(flight.request, at);
    if (!flight.visit.canary) continue;
    const std::uint32_t user = flight.request.user;
    if (user != kStranger && failed_[user]) continue;
    if (user != kStranger) failed_[user] = true;
    failures_.push_back({.sent = flight.visit.at, .ended = at});
  }
  in_flight_ -= landing.size();
  landing.clear();
}

void Course::ask_again(const Request& request, base::Duration ended) {
  Draws draws(request.chance + 1);
  const double wait = kBackoff * static_cast<double>(1U << static_cast<unsigned>(request.tries)) * (1 + draws.unit());
  const std::uint64_t tick = tick_of(ended + base::Duration(static_cast<std::int64_t>(wait * 1e9)));
  retries_[tick % kWheel].push_back(
      {.at = start_of(tick), .user = request.user, .chance = draws.word(), .tries = request.tries + 1});
  ++to_retry_;
}

CourseEnd Course::sum_up(base::Duration at) const {
  CourseEnd out{.standing = rule_.standing(), .at = at, .requests = requests_, .failed_keys = failures_.size()};
  if (failures_.size() < 3) return out;
  std::vector<base::Duration> ends;
  ends.reserve(failures_.size());
  for (const Failure& failure : failures_) ends.push_back(failure.ended);
  std::ranges::nth_element(ends, ends.begin() + 2);
  const base::Duration reacted = ends[2] + kReaction;
  out.late_keys = static_cast<std::uint64_t>(
      std::ranges::count_if(failures_, [&](const Failure& each) { return each.sent > reacted; }));
  return out;
}

}  // namespace marea::sim::releases
