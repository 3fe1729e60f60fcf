#include "net/loop.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace marea::net {

Timer::Timer(Loop& loop, std::function<void()> callback) : loop_(loop), callback_(std::move(callback)) {}

Timer::~Timer() {
  cancel();
}

void Timer::arm_at(base::Instant when) {
  cancel();
  when_ = when;
  loop_.place(*this);
}

void Timer::arm_in(base::Duration delay) {
  arm_at(loop_.now() + delay);
}

void Timer::cancel() {
  if (armed()) loop_.erase(*this);
}

Loop::Loop(const base::Clock& clock) : clock_(clock), epoll_(::epoll_create1(EPOLL_CLOEXEC)), now_(clock.now()) {
  if (!epoll_) std::abort();  // no descriptor left at start: nothing can work
}

Loop::~Loop() {
  for (Timer* timer : heap_) timer->index_ = -1;
}

base::Result<void> Loop::add(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{.events = events, .data = {.ptr = &watcher}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return base::fail(base::os_error("cannot watch descriptor " + std::to_string(fd)));
  }
  return {};
}

void Loop::modify(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{.events = events, .data = {.ptr = &watcher}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::remove(int fd, Watcher& watcher) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (int i = event_next_; i < event_count_; ++i) {
    epoll_event& event = events_.at(static_cast<std::size_t>(i));
    if (event.data.ptr == &watcher) event.data.ptr = nullptr;
  }
}

void Loop::place(Timer& timer) {
  timer.index_ = static_cast<std::int32_t>(heap_.size());
  timer.pass_ = pass_;
  heap_.push_back(&timer);
  sift(heap_.size() - 1);
}

void Loop::erase(Timer& timer) {
  const auto index = static_cast<std::size_t>(timer.index_);
  timer.index_ = -1;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  heap_[index] = last;
  last->index_ = static_cast<std::int32_t>(index);
  sift(index);
}

void Loop::sift(std::size_t index) {
  const auto swap_with = [&](std::size_t other) {
    std::swap(heap_[index], heap_[other]);
    heap_[index]->index_ = static_cast<std::int32_t>(index);
    heap_[other]->index_ = static_cast<std::int32_t>(other);
    index = other;
  };
  while (index > 0 && heap_[index]->when_ < heap_[(index - 1) / 2]->when_) swap_with((index - 1) / 2);
  for (;;) {
    std::size_t least = index;
    for (std::size_t child = 2 * index + 1; child <= 2 * index + 2 && child < heap_.size(); ++child) {
      if (heap_[child]->when_ < heap_[least]->when_) least = child;
    }
    if (least == index) return;
    swap_with(least);
  }
}

void Loop::run_due_timers() {
  // Only what was due when this began: what is armed for "now" meanwhile runs in the next turn, after its events.
  ++pass_;
  while (!heap_.empty() && heap_.front()->when_ <= now_ && heap_.front()->pass_ != pass_) {
    Timer* timer = heap_.front();
    erase(*timer);
    const std::function<void()> callback = timer->callback_;  // the callback may destroy its timer
    callback();
  }
}

void Loop::turn(base::Duration most) {
  timespec timeout{};
  base::Duration wait = most;
  if (!heap_.empty()) wait = std::min(wait, std::max(base::Duration{0}, heap_.front()->when_ - clock_.now()));
  timeout.tv_sec = wait.count() / 1'000'000'000;
  timeout.tv_nsec = wait.count() % 1'000'000'000;
  event_count_ = ::epoll_pwait2(epoll_.get(), events_.data(), kEventsPerTurn, &timeout, nullptr);
  if (event_count_ < 0) event_count_ = 0;  // EINTR
  now_ = clock_.now();
  for (event_next_ = 0; event_next_ < event_count_;) {
    const epoll_event& event = events_.at(static_cast<std::size_t>(event_next_));
    ++event_next_;
    if (event.data.ptr != nullptr) static_cast<Watcher*>(event.data.ptr)->on_ready(event.events);
  }
  event_count_ = 0;
  run_due_timers();
}

void Loop::run() {
  stopping_ = false;
  while (!stopping_) turn(std::chrono::seconds(3600));
}

}  // namespace marea::net
