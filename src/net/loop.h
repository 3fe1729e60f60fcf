// One thread's event loop: epoll (level-triggered unless asked otherwise) and timers. Everything that lives on a loop
// is used from its thread alone; the one exception is Mailbox (net/mailbox.h). Inside one turn now() stands still.
//
// Contract: a Watcher outlives its registration; it may remove itself or any other watcher inside on_ready(); events
// of a removed watcher that were already fetched are dropped. Timers are owned by their users and unregister
// themselves.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

namespace marea::net {

class Watcher {
 public:
  virtual ~Watcher() = default;
  // `events` as of epoll_wait: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR, EPOLLRDHUP.
  virtual void on_ready(std::uint32_t events) = 0;
};

class Loop;

// A one-shot timer. Resource type; its callback may re-arm or destroy it.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> callback);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm_at(base::Instant when);
  void arm_in(base::Duration delay);
  void cancel();
  bool armed() const { return index_ >= 0; }

 private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> callback_;
  base::Instant when_{};
  std::int32_t index_ = -1;  // place in the loop's heap
  std::uint64_t pass_ = 0;   // of run_due_timers(), during or after which it was armed
};

class Loop {
 public:
  explicit Loop(const base::Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  base::Result<void> add(int fd, std::uint32_t events, Watcher& watcher);
  void modify(int fd, std::uint32_t events, Watcher& watcher);
  // Call before closing the descriptor.
  void remove(int fd, Watcher& watcher);

  base::Instant now() const { return now_; }
  const base::Clock& clock() const { return clock_; }

  // Runs until stop().
  void run();
  // One turn: waits at most `most` for events, then runs what is due. For tests and for run().
  void turn(base::Duration most);
  void stop() { stopping_ = true; }

 private:
  friend class Timer;
  void place(Timer& timer);
  void erase(Timer& timer);
  void sift(std::size_t index);
  void run_due_timers();

  static constexpr int kEventsPerTurn = 256;

  const base::Clock& clock_;
  base::Fd epoll_;
  base::Instant now_;
  bool stopping_ = false;
  std::vector<Timer*> heap_;  // binary min-heap by when_
  std::uint64_t pass_ = 0;    // runs of run_due_timers()
  std::array<epoll_event, kEventsPerTurn> events_{};
  int event_count_ = 0;
  int event_next_ = 0;
};

}  // namespace marea::net
