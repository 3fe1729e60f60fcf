// A bounded queue between one thread that writes and one that reads: no lock, no system call, no allocation after it
// was made. A full one refuses; it never waits.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <vector>

namespace marea::router {

template <class Event>
class EventRing {
 public:
  // `room`: a power of two.
  explicit EventRing(std::size_t room) : events_(std::bit_ceil(room)) {}

  // ---- the writer
  // At least so many pushes succeed.
  std::size_t free() {
    if (known_free() < events_.size() / 2) read_seen_ = read_.load(std::memory_order_acquire);
    return known_free();
  }
  bool push(const Event& event) {
    if (free() == 0) return false;
    const std::size_t at = written_.load(std::memory_order_relaxed);
    events_[at & (events_.size() - 1)] = event;
    written_.store(at + 1, std::memory_order_release);
    return true;
  }

  // ---- the reader
  // Gives `use` everything that was there when it began.
  template <class Use>
  void drain(Use use) {
    const std::size_t until = written_.load(std::memory_order_acquire);
    std::size_t at = read_.load(std::memory_order_relaxed);
    for (; at != until; ++at) use(events_[at & (events_.size() - 1)]);
    read_.store(at, std::memory_order_release);
  }

 private:
  std::size_t known_free() const { return events_.size() - (written_.load(std::memory_order_relaxed) - read_seen_); }

  std::vector<Event> events_;
  alignas(64) std::atomic<std::size_t> written_{0};  // grows for ever, as all three
  std::size_t read_seen_ = 0;
  alignas(64) std::atomic<std::size_t> read_{0};
};

}  // namespace marea::router
