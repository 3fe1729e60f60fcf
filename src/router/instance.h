// One running copy of a revision as all workers see it: who may still give it a request, and how many it has. The
// count is exact: an instance never holds more requests than its concurrency, whichever workers ask at once.
//
// Thread-safe. One atomic word holds the count and the two reasons to give nothing, so that "no more" and "none left"
// cannot pass each other unseen.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/strong_id.h"

namespace marea::router {

class Instance {
 public:
  struct Options {
    base::InstanceId id;
    base::RevisionName revision;
    int concurrency = 1;
    std::uint16_t port = 0;
  };
  // Born unready.
  explicit Instance(Options options) : options_(std::move(options)) {}

  const base::InstanceId& id() const { return options_.id; }
  const base::RevisionName& revision() const { return options_.revision; }
  int concurrency() const { return options_.concurrency; }
  std::uint16_t port() const { return options_.port; }

  // Takes a slot for one request; false: none is free, or it takes nothing now.
  bool claim() {
    std::uint32_t word = word_.load(std::memory_order_relaxed);
    while (word < static_cast<std::uint32_t>(options_.concurrency)) {  // the flags are above every count
      if (word_.compare_exchange_weak(word, word + 1)) return true;
    }
    return false;
  }

  // Gives the slot back. True: it was the last one of an instance that drains; exactly one caller learns this, here or
  // from drain().
  bool release(base::Instant now) {
    idle_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    released_.fetch_add(1, std::memory_order_relaxed);
    return word_.fetch_sub(1) - 1 == kQuiet;
  }

  // True when this made it ready (it was unready before).
  bool make_ready(base::Instant now) {
    idle_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    return (word_.fetch_and(~kUnready) & kUnready) != 0;
  }
  // It takes nothing until the next make_ready(). True when this changed it.
  bool make_unready() { return (word_.fetch_or(kUnready) & kUnready) == 0; }
  // It takes nothing ever again. True: it has no request, and this is the first call.
  bool drain() {
    const std::uint32_t before = word_.fetch_or(kDraining | kUnready);
    return (before & kDraining) == 0 && count(before) == 0;
  }

  bool ready() const { return (word_.load(std::memory_order_relaxed) & (kUnready | kDraining)) == 0; }
  bool draining() const { return (word_.load(std::memory_order_relaxed) & kDraining) != 0; }
  int in_flight() const { return static_cast<int>(count(word_.load(std::memory_order_relaxed))); }
  // Requests that ended, however they did.
  std::uint32_t released() const { return released_.load(std::memory_order_relaxed); }
  // It accepts a connection only when the one before is closed, so an idle one keeps all others waiting.
  bool one_at_a_time() const { return one_at_a_time_.load(std::memory_order_relaxed); }
  void found_one_at_a_time() { one_at_a_time_.store(true, std::memory_order_relaxed); }
  // The moment its last request ended, or it became ready.
  base::Instant idle_since() const {
    return base::Instant(base::Duration(idle_since_.load(std::memory_order_relaxed)));
  }

  // A socket inside its network namespace: unconnected, or already connected to the app by the readiness probe.
  struct Socket {
    base::Fd fd;
    bool connected = false;
  };
  std::optional<Socket> take_socket() {
    const std::scoped_lock lock(mutex_);
    if (sockets_.empty()) return std::nullopt;
    Socket socket = std::move(sockets_.back());
    sockets_.pop_back();
    return socket;
  }
  // The next take_socket() gets it.
  void put_socket(Socket socket) {
    const std::scoped_lock lock(mutex_);
    sockets_.push_back(std::move(socket));
  }
  std::size_t sockets() const {
    const std::scoped_lock lock(mutex_);
    return sockets_.size();
  }

 private:
  static constexpr std::uint32_t kUnready = 1U << 30U;
  static constexpr std::uint32_t kDraining = 1U << 31U;
  // drain() sets both flags, and make_ready() never follows it: both are called by the main loop only.
  static constexpr std::uint32_t kQuiet = kDraining | kUnready;
  static constexpr std::uint32_t count(std::uint32_t word) { return word & ~(kUnready | kDraining); }

  Options options_;
  std::atomic<std::uint32_t> word_{kUnready};
  std::atomic<std::int64_t> idle_since_{0};
  std::atomic<std::uint32_t> released_{0};
  std::atomic<bool> one_at_a_time_{false};
  mutable std::mutex mutex_;
  std::vector<Socket> sockets_;
};

}  // namespace marea::router
