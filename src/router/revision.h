// What all workers share of one revision: its instances and the queue of requests that wait for a slot. The mutex is
// taken only when somebody waits or the set of instances changed; a warm request reads two atomics.
//
// A request that finds no slot is queued, then dispatch() is called; whoever frees a slot while waiting() > 0 calls
// dispatch() too. Both orders are sequentially consistent, so that either the one who waits sees the slot or the one
// who frees it sees the waiter. First come, first served: while somebody waits, no newcomer may claim.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"
#include "model/platform_limits.h"
#include "model/reason.h"
#include "router/counts.h"
#include "router/instance.h"

namespace marea::router {

// Of one revision's queue.
struct QueueLimits {
  std::size_t requests = 5000;
  std::int64_t bytes = 96LL << 20;
};

// Why nobody can be served now, as one answer to the caller.
struct Refusal {
  int status = 503;
  base::Duration retry_after{};  // zero: none is told
  std::string why;               // a sentence
  model::Reason reason = model::Reason::none;
  std::optional<model::Limit> full;  // which limit of the queue it met
};

class Revision {
 public:
  struct Waiter {
    int worker = 0;
    std::uint64_t ticket = 0;  // the worker's own mark
    std::int64_t bytes = 0;    // that its connection holds meanwhile
    friend bool operator==(const Waiter& a, const Waiter& b) { return a.worker == b.worker && a.ticket == b.ticket; }
  };
  struct Grant {
    Waiter waiter;
    std::shared_ptr<Instance> instance;  // one slot of it is claimed for the waiter
  };
  Revision(base::RevisionName name, base::ServiceName service) : name_(std::move(name)), service_(std::move(service)) {}

  const base::RevisionName& name() const { return name_; }
  const base::ServiceName& service() const { return service_; }
  // Its mark (affinity.h); 0: clients need not come back to their instance.
  std::uint64_t affinity() const { return affinity_.load(std::memory_order_relaxed); }
  void set_affinity(std::uint64_t mark) { affinity_.store(mark, std::memory_order_relaxed); }

  int waiting() const { return waiting_.load(); }
  std::int64_t waiting_bytes() const;
  // Grows whenever the set of instances changes.
  std::uint32_t version() const { return version_.load(std::memory_order_acquire); }
  std::vector<std::shared_ptr<Instance>> instances() const;

  // Queues; gives the reason why not. Then call dispatch().
  std::shared_ptr<const Refusal> enqueue(Waiter waiter, const QueueLimits& limits = {});
  // False: it is not in the queue any more, its grant or refusal is on the way.
  bool cancel(const Waiter& waiter);
  // The answer to one who waited as long as a request may.
  Refusal late() const;
  // Gives free slots to the oldest waiters.
  std::vector<Grant> dispatch(base::Instant now);

  // What the worker counts of it; the same for as long as the revision lives.
  RevisionCounts& counts(int worker);
  // Of the workers that ever served it.
  std::vector<const RevisionCounts*> all_counts() const;

  // True for the first caller since main last called asked(): it must tell main that somebody waits.
  bool must_ask() { return !asking_.exchange(true); }
  void asked() { asking_.store(false); }

  // Main only.
  void add(std::shared_ptr<Instance> instance);
  bool remove(const Instance& instance);
  // Newcomers are refused with this while there is no instance; null lifts it. Gives those who wait and are refused.
  std::vector<Waiter> refuse(std::shared_ptr<const Refusal> refusal);

  // It has all that it may have. `unready`: of those some fail their readiness probe, and this is what one of them
  // says; `all`: so do all.
  void limit_by_max_scale(const std::string& unready, bool all);

  // What stops its growth now: none, max_scale, machine_full or readiness_probe_failed.
  std::atomic<model::Reason> limit{model::Reason::none};
  std::atomic<std::uint64_t> requests{0};  // answered
  std::atomic<std::uint64_t> failed{0};    // by the app, whether it answered or not

 private:
  base::RevisionName name_;
  base::ServiceName service_;
  std::atomic<std::uint64_t> affinity_{0};
  std::atomic<int> waiting_{0};
  std::atomic<std::uint32_t> version_{0};
  std::atomic<bool> asking_{false};
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Instance>> instances_;
  std::deque<Waiter> queue_;
  std::int64_t bytes_ = 0;  // of all in queue_
  std::shared_ptr<const Refusal> refusal_;
  std::string unready_;                                  // of limit_by_max_scale()
  std::vector<std::unique_ptr<RevisionCounts>> counts_;  // by worker; null: it never served it
};

// The instance with a free slot that has the fewest requests, one slot of it claimed; or nothing. `at` gives the
// instance of an element.
template <class Range, class At>
auto claim_least_loaded(Range& instances, base::Instant now, At at) -> decltype(&*instances.begin()) {
  for (;;) {
    decltype(&*instances.begin()) best = nullptr;
    int least = 0;
    for (auto& candidate : instances) {
      const Instance& instance = at(candidate);
      if (!instance.ready()) continue;
      const int load = instance.in_flight();
      if (load >= instance.concurrency() || (best != nullptr && load >= least)) continue;
      best = &candidate;
      least = load;
    }
    // Between look and claim another worker may have taken it; then look again.
    if (best == nullptr || at(*best).claim(now)) return best;
  }
}

}  // namespace marea::router
