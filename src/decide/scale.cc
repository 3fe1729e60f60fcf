#include "decide/scale.h"

#include <algorithm>
#include <cmath>

namespace marea::decide {
namespace {

using model::Reason;

constexpr double kServiceMemory = 300;  // seconds over which the service time is averaged
constexpr double kStartMemory = 0.3;    // the newest start's share in the average
constexpr int kRefutingStarts = 2;
constexpr double kLeastService = 0.0001;  // seconds; nothing answers through two sockets in less

double seconds(base::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

base::Duration duration(double value) {
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(value));
}

int in_instances(int requests, int target) {
  return (requests + target - 1) / target;
}

}  // namespace

void Scale::started(base::Duration took) {
  start_ = start_known_ ? duration(seconds(start_) * (1 - kStartMemory) + seconds(took) * kStartMemory) : took;
  start_known_ = true;
}

ScaleWish Scale::look(const ScaleTerms& terms, const ScaleView& view, base::Instant now) {
  const Count seen = count(view);
  learn(terms, view, seen, now);
  ScaleWish wish;
  const int needed_now = needed(terms, view, seen, now);
  wish.wanted = std::max(seen.serving(), std::min(std::max(needed_now, terms.min), terms.max));
  if (wish.wanted > seen.serving()) {
    wish.reason = needed_now > seen.serving() ? Reason::request_waiting : Reason::min_scale;
  } else if (needed_now > terms.max) {
    wish.reason = Reason::max_scale;
  } else if (view.waiting == 0) {
    shrink(terms, view, seen, now, wish);
  } else {
    surplus_since_.reset();
  }
  if (view.waiting + seen.in_flight > 0) wish.next_look = std::min(wish.next_look, now + kLookEvery);
  return wish;
}

Scale::Count Scale::count(const ScaleView& view) const {
  Count out;
  for (const ScaleInstance& each : view.instances) {
    if (!each.ready) {
      ++out.starting;
      continue;
    }
    ++out.ready;
    out.in_flight += each.in_flight;
    if (each.in_flight > 0 || (looked_ && each.since > looked_at_)) ++out.used;
    out.last_used = std::max(out.last_used, each.since);
  }
  return out;
}

void Scale::learn(const ScaleTerms& terms, const ScaleView& view, const Count& count, base::Instant now) {
  const int in_flight = count.in_flight + view.in_flight_away;
  const int in_system = view.waiting + in_flight;
  const double ended = looked_ ? static_cast<double>(view.ended - ended_) : 0.0;
  const double came = std::max(0.0, ended + in_system - in_system_);
  const double passed = looked_ ? seconds(now - looked_at_) : 0.0;

  const double fade = std::exp(-passed / kServiceMemory);
  // A request that is seen after a long silence came within the last look's time.
  const double watched = std::min(passed, seconds(kLookEvery));
  request_seconds_ = request_seconds_ * fade + watched * (in_flight + in_flight_) / 2;
  requests_ = requests_ * fade + ended;
  if (requests_ >= 1 && request_seconds_ > 0) {
    service_ = duration(std::max(kLeastService, request_seconds_ / requests_));
  } else if (in_flight > 0) {
    service_ = std::max(service_, duration(request_seconds_ / in_flight));  // so long at least
  }
  arrivals_ = arrivals_ * std::exp(-passed / seconds(kRateTime)) + came;

  if (came > 0) {
    if (idle_since_) gaps_.add(now - *idle_since_);
    idle_since_.reset();
    // Where one instance has one slot, even what came and went between two looks shows.
    int level = in_instances(in_system, terms.target);
    if (terms.concurrency == 1) level = std::max(level, count.used);
    levels_.add(std::min(level, std::max(1, count.serving())), came, now);
  }
  if (in_system == 0 && !idle_since_) idle_since_ = count.ready > 0 ? count.last_used : now;
  if (view.waiting == 0) waiting_since_.reset();
  if (view.waiting > 0 && !waiting_since_) waiting_since_ = now;
  looked_ = true;
  looked_at_ = now;
  ended_ = view.ended;
  in_system_ = in_system;
  in_flight_ = in_flight;
}

int Scale::needed(const ScaleTerms& terms, const ScaleView& view, const Count& count, base::Instant now) const {
  // Who waits occupies a slot of those that start: beside them nobody is short of one.
  const int aimed = in_instances(count.in_flight + view.waiting, terms.target);
  const bool over_target = terms.target < terms.concurrency && aimed > count.serving();
  if (view.waiting == 0) return over_target ? aimed : 0;
  const double start = seconds(start_);
  const double service = seconds(service_);
  const double rate = arrivals_ / seconds(kRateTime);
  const double drain_of_one = terms.concurrency / service;
  const double gain = 1 - std::clamp(view.cpu_saturation, 0.0, kMostSaturation);
  double backlog = view.waiting + (rate - count.ready * drain_of_one) * start;
  for (const ScaleInstance& each : view.instances) {
    if (!each.ready) backlog -= drain_of_one * std::min(start, seconds(now - each.since));
  }
  const int all_served = in_instances(count.in_flight + view.waiting, terms.concurrency);
  int instances = count.serving();
  // One beyond the maximum tells that the maximum alone stops it.
  while (instances <= terms.max && instances < all_served && backlog > 0) {
    const double drain = instances * drain_of_one - rate;
    const double saved = backlog * backlog / 2 * (1 / drain - 1 / (drain + drain_of_one)) * gain;
    if (instances > 0 && drain > 0 && saved < service) break;
    ++instances;
  }
  // A queue that outlasts two starts refutes the prediction, such as when requests suddenly take much longer.
  const base::Duration patience = std::max(kLookEvery, start_ * kRefutingStarts);
  if (waiting_since_ && count.starting == 0 && now - *waiting_since_ >= patience)
    instances = std::max(instances, count.serving() + 1);
  return std::max({instances, over_target ? aimed : 0, 1});
}

base::Duration Scale::keep_time(const ScaleTerms& terms) const {
  if (terms.idle_timeout) return std::max(*terms.idle_timeout, terms.scale_down_delay);
  const double ratio = seconds(start_) / seconds(service_);
  const base::Duration worth =
      std::min(duration(seconds(kStartWorth) * std::sqrt(ratio)), std::max(kLeastHold, start_ * kMostStartTimes));
  return std::max(gaps_.keep(worth), terms.scale_down_delay);
}

void Scale::shrink(const ScaleTerms& terms, const ScaleView& view, const Count& count, base::Instant now,
                   ScaleWish& wish) {
  base::Duration hold = std::max({kLeastHold, start_ * kHoldStarts, terms.scale_down_delay});
  int kept = levels_.level(1 - kUnmetShare * std::sqrt(seconds(service_) / (seconds(service_) + seconds(start_))));
  if (terms.idle_timeout) {
    hold = keep_time(terms);
    kept = 0;
  }
  if (idle_since_ && !terms.idle_timeout) {
    const base::Instant due = *idle_since_ + keep_time(terms);
    if (now >= due) {
      hold = base::Duration{};
      kept = 0;
    } else {
      kept = std::max(kept, 1);
      wish.next_look = due;
    }
  }
  const int floor = std::max({terms.min, kept, in_instances(count.in_flight, terms.target)});
  const int surplus = std::min(count.ready, count.serving() - floor);
  if (surplus <= 0) {
    surplus_since_.reset();
    return;
  }
  if (!surplus_since_) surplus_since_ = now;
  const bool silence = terms.idle_timeout || floor == 0;
  retire_surplus(view, {.count = surplus, .hold = hold, .idle = silence ? Reason::idle_timeout : Reason::scaled_in},
                 now, wish);
}

// Those that are of no use, then those with the fewest requests, of them those that are idle longest.
void Scale::retire_surplus(const ScaleView& view, const Surplus& surplus, base::Instant now, ScaleWish& wish) const {
  std::vector<int> candidates;
  for (int index = 0; index < std::ssize(view.instances); ++index) {
    if (view.instances[static_cast<std::size_t>(index)].ready) candidates.push_back(index);
  }
  const auto at = [&](int index) -> const ScaleInstance& { return view.instances[static_cast<std::size_t>(index)]; };
  std::ranges::stable_sort(candidates, [&](int a, int b) {
    if (at(a).available != at(b).available) return !at(a).available;
    if (at(a).in_flight != at(b).in_flight) return at(a).in_flight < at(b).in_flight;
    return at(a).since < at(b).since;
  });
  candidates.resize(static_cast<std::size_t>(surplus.count));
  for (const int index : candidates) {
    // A busy one has been too many for as long as there was one too many.
    const bool idle = at(index).in_flight == 0;
    const base::Instant since = idle ? at(index).since : *surplus_since_;
    if (now - since >= surplus.hold) {
      wish.retire.push_back({.index = index, .reason = idle ? surplus.idle : Reason::scaled_in});
      --wish.wanted;
    } else {
      wish.next_look = std::min(wish.next_look, since + surplus.hold);
    }
  }
}

}  // namespace marea::decide
