// One running copy of a revision as all workers see it: who may still give it a request, and how many it has. The
// count is exact: an instance never holds more requests than its concurrency, whichever workers ask at once.
//
// Thread-safe. The count and the two reasons to give nothing are one atomic word in the ledger (net/ledger.h), so that
// "no more" and "none left" cannot pass each other unseen, and engine reads what the instance did.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/strong_id.h"
#include "net/ledger.h"

namespace marea::router {

class Instance {
 public:
  struct Options {
    base::InstanceId id;
    base::RevisionName revision;
    int concurrency = 1;
    std::uint16_t port = 0;
    base::Instant started{};            // of its app; none: it was ready before
    net::LedgerSlot* ledger = nullptr;  // outlives it; null: it counts for itself alone
    int lane = 0;                       // of the ledger
    bool throttled = false;             // outside of requests it gets hardly any CPU; set_throttled() later
  };
  // Born unready.
  explicit Instance(Options options)
      : options_(std::move(options)),
        own_(options_.ledger == nullptr ? std::make_unique<net::LedgerSlot>() : nullptr),
        seat_(own_ ? *own_ : *options_.ledger, options_.lane, net::mark_of(options_.id)),
        throttled_(options_.throttled) {}

  const base::InstanceId& id() const { return options_.id; }
  const base::RevisionName& revision() const { return options_.revision; }
  int concurrency() const { return options_.concurrency; }
  std::uint16_t port() const { return options_.port; }
  // Its mark (affinity.h); 0: clients need not come back to it.
  std::uint64_t affinity() const { return affinity_.load(std::memory_order_relaxed); }
  void set_affinity(std::uint64_t mark) { affinity_.store(mark, std::memory_order_relaxed); }

  // Takes a slot for one request; false: none is free, or it takes nothing now.
  bool claim(base::Instant now) { return seat_.claim(static_cast<std::uint32_t>(options_.concurrency), now); }

  // Gives the slot back; `served`: the request went to it. True: it was the last one of an instance that drains;
  // exactly one caller learns this, here or from drain().
  bool release(base::Instant now, bool served) {
    idle_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    return seat_.release(now, served);
  }

  // True when this made it ready (it was unready before). One that was ready before rests since its last request.
  bool make_ready(base::Instant now) {
    std::int64_t never = 0;
    idle_since_.compare_exchange_strong(never, now.time_since_epoch().count(), std::memory_order_relaxed);
    if (!seat_.ready()) ready_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    if (options_.started != base::Instant{}) seat_.bill(std::exchange(options_.started, {}), now);
    return seat_.make_ready();
  }
  // It takes nothing until the next make_ready(). True when this changed it.
  bool make_unready() { return seat_.make_unready(); }
  // It takes nothing ever again. True: it has no request, and this is the first call.
  bool drain() { return seat_.drain(); }

  bool ready() const { return seat_.ready(); }
  bool draining() const { return seat_.draining(); }
  int in_flight() const { return seat_.in_flight(); }
  // Requests that it was given and that ended, however they did.
  std::uint64_t served() const { return seat_.requests(); }
  // It accepts a connection only when the one before is closed, so an idle one keeps all others waiting.
  bool one_at_a_time() const { return one_at_a_time_.load(std::memory_order_relaxed); }
  void found_one_at_a_time() { one_at_a_time_.store(true, std::memory_order_relaxed); }
  // Those of the requests in flight that are tunnels: nobody waits for their end.
  int tunnels() const { return tunnels_.load(std::memory_order_relaxed); }
  void tunnel_opened() { tunnels_.fetch_add(1, std::memory_order_relaxed); }
  void tunnel_closed() { tunnels_.fetch_sub(1, std::memory_order_relaxed); }
  // When it became ready the last time.
  base::Instant ready_since() const {
    return base::Instant(base::Duration(ready_since_.load(std::memory_order_relaxed)));
  }
  // The moment its last request ended, or it became ready for the first time.
  base::Instant idle_since() const {
    return base::Instant(base::Duration(idle_since_.load(std::memory_order_relaxed)));
  }

  // Of one that is throttled: whoever has claimed a slot, or is about to probe it, calls wake(); true: it rested, and
  // engine must be told. rest() is true when nothing is in it and nobody woke it meanwhile: then engine may be told
  // that. Either the one who wakes it sees that it rests, or the one who lets it rest sees what is in it.
  bool throttled() const { return throttled_.load(std::memory_order_relaxed); }
  // Of one that is awake.
  void set_throttled(bool throttled) { throttled_.store(throttled); }
  bool wake() { return throttled() && !awake_.load() && !awake_.exchange(true); }
  bool rest() {
    awake_.store(false);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (in_flight() == 0) return true;
    awake_.store(true);
    return false;
  }
  int probes = 0;  // that look at it now; of the main loop
  bool awake() const { return awake_.load(); }
  void stay_awake() { awake_.store(true); }

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
  Options options_;
  std::unique_ptr<net::LedgerSlot> own_;
  net::LedgerSeat seat_;
  std::atomic<std::int64_t> idle_since_{0};
  std::atomic<std::int64_t> ready_since_{0};
  std::atomic<bool> one_at_a_time_{false};
  std::atomic<bool> throttled_;
  std::atomic<bool> awake_{true};
  std::atomic<std::uint64_t> affinity_{0};
  std::atomic<int> tunnels_{0};
  mutable std::mutex mutex_;
  std::vector<Socket> sockets_;
};

}  // namespace marea::router
