// How many requests each instance has in it, and what it did so far, in memory that outlives the roles: keeper holds
// it, router's workers write it with every request, engine reads it for the bill. A new router inherits the counts of
// one that still lives, so that limits stay exact while one takes over from another; the counts of a dead one are
// cleared, and what it began is closed.
//
//   keeper:  Ledger::make() once, held for engine and router
//   router:  Ledger::attach(fd, now); LedgerSeat seat(*ledger.slot(message.slot), ledger.lane(), mark_of(message.id));
//   engine:  Ledger::view(fd); read(*ledger.slot(slot), mark_of(id), now)
//
// A slot belongs to the instance whose mark it bears. Its word has two lanes, one for each router that lives: the lane
// holds that router's count and its two reasons to give nothing, so that "no more" and "none left" cannot pass each
// other unseen; what concurrency bounds is the sum of both. A lane is owned through a record lock on the memory file,
// which the kernel releases with the process. A lane bears a tag made of the mark: whoever still holds a request of a
// slot's last tenant does not touch the count of the next one.
//
// Readers believe nothing: a router may write what it likes. Times are of the monotonic clock, which all roles share.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/strong_id.h"

namespace marea::net {

inline constexpr base::Duration kBillingStep = std::chrono::milliseconds(100);  // Cloud Run's
inline constexpr int kLedgerLanes = 2;
inline constexpr const char* kLedgerKey = "ledger";  // under which keeper holds it for engine and router

// The layout of the shared memory. Zero bytes are a slot that nobody has.
struct alignas(128) LedgerSlot {  // two cache lines, which processors fetch as a pair
  std::atomic<std::uint64_t> mark{0};
  std::atomic<std::uint64_t> word{0};       // a lane in each half: draining, unready, 18 bits of tag, 12 bits of count
  std::atomic<std::uint64_t> requests{0};   // that ended
  std::atomic<std::int64_t> busy_ns{0};     // in which at least one was in it, up to the last time that none was
  std::atomic<std::int64_t> busy_since{0};  // 0: none is in it
  std::atomic<std::int64_t> billed_ns{0};   // the same in billing steps, with its start
  std::atomic<std::int64_t> billed_until{0};
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && sizeof(LedgerSlot) == 128);

// Of an instance's name; never 0.
std::uint64_t mark_of(const base::InstanceId& id);

struct LedgerReading {
  std::uint64_t requests = 0;
  int in_flight = 0;
  base::Duration busy{};    // with the time that runs now
  base::Duration billed{};  // what runs now counts as far as it is
  friend bool operator==(const LedgerReading&, const LedgerReading&) = default;
};
// Nothing in it when the slot has another mark.
LedgerReading read(const LedgerSlot& slot, std::uint64_t mark, base::Instant now);

// An instance's place as one router has it. Thread-safe; a value, the slot outlives it.
class LedgerSeat {
 public:
  // Takes the slot over for the instance, unready; what is known of the same instance is kept.
  LedgerSeat(LedgerSlot& slot, int lane, std::uint64_t mark);

  // Takes a place for one request; false: there is none, or nothing is to be given.
  bool claim(std::uint32_t concurrency, base::Instant now) {
    std::uint64_t word = slot_->word.load(std::memory_order_relaxed);
    for (;;) {
      if ((half(word) & ~kCountMask) != tag_) return false;
      const std::uint32_t before = total(word);
      if (before >= concurrency) return false;
      if (!slot_->word.compare_exchange_weak(word, word + one())) continue;
      if (before == 0) slot_->busy_since.store(now.time_since_epoch().count());
      return true;
    }
  }
  // Gives it back; `served`: the instance got the request. True: it was this lane's last one, and the lane drains.
  bool release(base::Instant now, bool served) {
    std::uint64_t word = slot_->word.load();
    if (served && (half(word) & kTagMask) == tag_) slot_->requests.fetch_add(1, std::memory_order_relaxed);
    for (;;) {
      if ((half(word) & kTagMask) != tag_ || (half(word) & kCountMask) == 0) return false;  // a new tenant
      // While our request is in it, the period that it is in cannot end, and its beginner has told when it began.
      const bool last = total(word) == 1;
      const std::int64_t since = last ? slot_->busy_since.load() : 0;
      if (!slot_->word.compare_exchange_weak(word, word - one())) continue;
      if (last) end_period(*slot_, since, now);
      return half(word - one()) == (tag_ | kQuiet);
    }
  }
  // True when this changed it.
  bool make_ready() { return (change(0, kUnready) & kUnready) != 0; }
  bool make_unready() { return (change(kUnready, 0) & kUnready) == 0; }
  // Nothing is given any more. True: nothing is in the lane, and this is the first call.
  bool drain() {
    const std::uint32_t before = change(kQuiet, 0);
    return (before & (kDraining | kCountMask)) == 0;
  }
  bool ready() const { return (mine() & kQuiet) == 0; }
  bool draining() const { return (mine() & kDraining) != 0; }
  int in_flight() const { return static_cast<int>(total(slot_->word.load(std::memory_order_relaxed))); }
  std::uint64_t requests() const { return slot_->requests.load(std::memory_order_relaxed); }
  // A time that counts although no request is in it: the instance's start.
  void bill(base::Instant from, base::Instant to);

 private:
  friend class Ledger;
  friend LedgerReading read(const LedgerSlot&, std::uint64_t, base::Instant);
  static constexpr std::uint32_t kCountMask = (1U << 12U) - 1;  // above model::kMostConcurrency
  static constexpr std::uint32_t kTagMask = ((1U << 18U) - 1) << 12U;
  static constexpr std::uint32_t kUnready = 1U << 30U;
  static constexpr std::uint32_t kDraining = 1U << 31U;
  // drain() sets both, and make_ready() never follows it.
  static constexpr std::uint32_t kQuiet = kDraining | kUnready;

  static std::uint32_t tag_of(std::uint64_t mark) { return static_cast<std::uint32_t>(mark >> 32U) & kTagMask; }
  static void end_period(LedgerSlot& slot, std::int64_t since, base::Instant now);
  static void clear_lane(LedgerSlot& slot, int lane, base::Instant now);

  std::uint64_t one() const { return std::uint64_t{1} << shift_; }
  std::uint32_t half(std::uint64_t word) const { return static_cast<std::uint32_t>(word >> shift_); }
  // Of both lanes, as far as they are about this instance.
  std::uint32_t total(std::uint64_t word) const {
    const auto other = static_cast<std::uint32_t>(word >> (32U - shift_));
    return (half(word) & kCountMask) + ((other & kTagMask) == tag_ ? other & kCountMask : 0);
  }
  // Ours, or what a lane is that gives nothing, when the slot has a new tenant.
  std::uint32_t mine() const {
    const std::uint32_t now = half(slot_->word.load(std::memory_order_relaxed));
    return (now & kTagMask) == tag_ ? now : tag_ | kQuiet;
  }
  // Gives the lane as it was.
  std::uint32_t change(std::uint32_t set, std::uint32_t clear) {
    std::uint64_t word = slot_->word.load();
    for (;;) {
      const std::uint32_t before = half(word);
      if ((before & kTagMask) != tag_) return tag_ | kQuiet;
      const std::uint64_t lane = std::uint64_t{(before | set) & ~clear} << shift_;
      const std::uint64_t rest = word & ~(std::uint64_t{~0U} << shift_);
      if (slot_->word.compare_exchange_weak(word, rest | lane)) return before;
    }
  }

  LedgerSlot* slot_;
  unsigned shift_;
  std::uint32_t tag_;
};

// The mapping. Resource type; seats and slots are good as long as it lives.
class Ledger {
 public:
  // The memory file: kMostInstanceSlots slots, of a size that nobody can change.
  static base::Result<base::Fd> make();
  // For a router: takes a lane whose owner is dead and clears it. The descriptor must be this process's only one of
  // the file: to close any other gives the lane up.
  static base::Result<Ledger> attach(base::Fd fd, base::Instant now);
  // For a reader.
  static base::Result<Ledger> view(base::Fd fd);
  // Null when there is no such slot.
  LedgerSlot* slot(int index);
  const LedgerSlot* slot(int index) const { return const_cast<Ledger*>(this)->slot(index); }
  int lane() const { return lane_; }

 private:
  struct Unmap {
    void operator()(LedgerSlot* slots) const;
  };
  static base::Result<Ledger> map(base::Fd fd, int protection);

  base::Fd fd_;
  std::unique_ptr<LedgerSlot, Unmap> slots_;
  int lane_ = 0;
};

}  // namespace marea::net
