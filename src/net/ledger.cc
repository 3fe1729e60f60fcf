#include "net/ledger.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "net/role.h"

namespace marea::net {
namespace {

constexpr std::size_t kBytes = sizeof(LedgerSlot) * kMostInstanceSlots;

std::int64_t in_steps(std::int64_t ns) {
  const std::int64_t step = kBillingStep.count();
  return (ns + step - 1) / step * step;
}

// Nobody pays twice for one step: what lies before the end of the last one is paid.
void bill_period(LedgerSlot& slot, std::int64_t since, std::int64_t until) {
  std::int64_t paid = slot.billed_until.load();
  for (;;) {
    const std::int64_t from = std::max(since, paid);
    if (until <= from) return;
    const std::int64_t steps = in_steps(until - from);
    if (!slot.billed_until.compare_exchange_weak(paid, from + steps)) continue;
    slot.billed_ns.fetch_add(steps);
    return;
  }
}

std::int64_t count(base::Instant moment) {
  return moment.time_since_epoch().count();
}

}  // namespace

std::uint64_t mark_of(const base::InstanceId& id) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : id.str()) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  hash ^= hash >> 29U;
  return hash == 0 ? 1 : hash;
}

LedgerReading read(const LedgerSlot& slot, std::uint64_t mark, base::Instant now) {
  if (slot.mark.load() != mark) return {};
  LedgerReading out{.requests = slot.requests.load()};
  const std::uint64_t word = slot.word.load();
  for (const std::uint64_t lane : {word & ~0U, word >> 32U}) {
    const auto half = static_cast<std::uint32_t>(lane);
    if ((half & LedgerSeat::kTagMask) == LedgerSeat::tag_of(mark)) {
      out.in_flight += static_cast<int>(half & LedgerSeat::kCountMask);
    }
  }
  const std::int64_t since = slot.busy_since.load();
  const std::int64_t paid = slot.billed_until.load();
  std::int64_t busy = slot.busy_ns.load();
  std::int64_t billed = slot.billed_ns.load();
  if (since > 0 && since < count(now)) {
    busy += count(now) - since;
    billed += std::max<std::int64_t>(0, count(now) - std::max(since, paid));
  }
  out.busy = base::Duration(std::max<std::int64_t>(0, busy));
  out.billed = base::Duration(std::max<std::int64_t>(0, billed));
  return out;
}

LedgerSeat::LedgerSeat(LedgerSlot& slot, int lane, std::uint64_t mark)
    : slot_(&slot), shift_(lane == 0 ? 0 : 32), tag_(tag_of(mark)) {
  if (slot.mark.load() != mark) {
    slot.requests = 0;
    slot.busy_ns = slot.busy_since = slot.billed_ns = slot.billed_until = 0;
    slot.mark = mark;
  }
  std::uint64_t word = slot.word.load();
  for (;;) {
    const std::uint32_t before = half(word);
    // The same instance, given up and named again: its requests are still in it.
    const std::uint32_t kept = (before & kTagMask) == tag_ ? before & kCountMask : 0;
    const std::uint64_t rest = word & ~(std::uint64_t{~0U} << shift_);
    if (slot.word.compare_exchange_weak(word, rest | std::uint64_t{tag_ | kUnready | kept} << shift_)) return;
  }
}

void LedgerSeat::bill(base::Instant from, base::Instant to) {
  bill_period(*slot_, count(from), count(to));
}

void LedgerSeat::end_period(LedgerSlot& slot, std::int64_t since, base::Instant now) {
  if (since == 0) return;
  slot.busy_ns.fetch_add(std::max<std::int64_t>(0, count(now) - since), std::memory_order_relaxed);
  bill_period(slot, since, count(now));
  slot.busy_since.compare_exchange_strong(since, 0);  // unless the next period has begun
}

void LedgerSeat::clear_lane(LedgerSlot& slot, int lane, base::Instant now) {
  const unsigned shift = lane == 0 ? 0 : 32;
  std::uint64_t word = slot.word.load();
  if (static_cast<std::uint32_t>(word >> shift) == 0) return;
  std::int64_t since = 0;
  do {
    since = slot.busy_since.load();
  } while (!slot.word.compare_exchange_weak(word, word & ~(std::uint64_t{~0U} << shift)));
  const auto lost = static_cast<std::uint32_t>(word >> shift);
  const auto other = static_cast<std::uint32_t>(word >> (32U - shift));
  slot.requests.fetch_add(lost & kCountMask);
  const bool others = (other & kTagMask) == (lost & kTagMask) && (other & kCountMask) > 0;
  if ((lost & kCountMask) > 0 && !others) end_period(slot, since, now);
}

void Ledger::Unmap::operator()(LedgerSlot* slots) const {
  ::munmap(slots, kBytes);
}

base::Result<base::Fd> Ledger::make() {
  base::Fd fd(::memfd_create("marea-ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(kBytes)) != 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return base::fail(base::os_error("cannot make the ledger of requests"));
  }
  return fd;
}

base::Result<Ledger> Ledger::map(base::Fd fd, int protection) {
  struct stat about{};
  if (::fstat(fd.get(), &about) != 0) return base::fail(base::os_error("cannot use the ledger of requests"));
  if (about.st_size != static_cast<off_t>(kBytes)) {
    return base::fail(base::ErrorCode::invalid_argument, "cannot use the ledger of requests", "it has another form");
  }
  void* memory = ::mmap(nullptr, kBytes, protection, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return base::fail(base::os_error("cannot map the ledger of requests"));
  Ledger out;
  out.fd_ = std::move(fd);
  out.slots_.reset(static_cast<LedgerSlot*>(memory));
  return out;
}

base::Result<Ledger> Ledger::view(base::Fd fd) {
  return map(std::move(fd), PROT_READ);
}

base::Result<Ledger> Ledger::attach(base::Fd fd, base::Instant now) {
  base::Result<Ledger> out = map(std::move(fd), PROT_READ | PROT_WRITE);
  if (!out) return out;
  for (int lane = 0; lane < kLedgerLanes; ++lane) {
    struct flock lock{.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = lane, .l_len = 1, .l_pid = 0};
    if (::fcntl(out->fd_.get(), F_SETLK, &lock) != 0) continue;
    out->lane_ = lane;
    for (int slot = 0; slot < kMostInstanceSlots; ++slot) LedgerSeat::clear_lane(*out->slot(slot), lane, now);
    return out;
  }
  return base::fail(base::ErrorCode::already_exists, "cannot use the ledger of requests",
                    "two other routers live and use it");
}

LedgerSlot* Ledger::slot(int index) {
  return index < 0 || index >= kMostInstanceSlots ? nullptr : slots_.get() + index;
}

}  // namespace marea::net
