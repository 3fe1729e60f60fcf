// Virtual time: what happens when, in one queue. Nothing waits; a day passes as fast as its events are worked off.
// Events of one moment happen in the order in which they were put in.
//
//   timeline.in(milliseconds(5), [&] { … });
//   while (timeline.step(until)) check();
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace marea::sim {

class Timeline final : public base::Clock {
 public:
  base::Instant now() const override { return now_; }
  base::WallTime wall() const override { return {kBegin + now_.time_since_epoch().count()}; }

  // A moment in the past counts as now.
  void at(base::Instant when, std::function<void()> what) {
    events_.push_back({std::max(when, now_), next_++, std::move(what)});
    std::ranges::push_heap(events_, later);
  }
  void in(base::Duration after, std::function<void()> what) { at(now_ + after, std::move(what)); }

  // Moves to the next event and lets it happen. False: there is none until then, and it is `until` now.
  bool step(base::Instant until) {
    if (events_.empty() || events_.front().when > until) {
      now_ = std::max(now_, until);
      return false;
    }
    std::ranges::pop_heap(events_, later);
    const Event event = std::move(events_.back());
    events_.pop_back();
    now_ = event.when;
    event.what();
    return true;
  }

 private:
  struct Event {
    base::Instant when;
    std::uint64_t number = 0;
    std::function<void()> what;
  };
  static constexpr std::int64_t kBegin = 1'700'000'000'000'000'000;
  static bool later(const Event& a, const Event& b) {
    return std::pair(a.when, a.number) > std::pair(b.when, b.number);
  }

  base::Instant now_{std::chrono::seconds(1000)};
  std::uint64_t next_ = 0;
  std::vector<Event> events_;
};

}  // namespace marea::sim
