#include "router/deadlines.h"

#include <algorithm>

namespace marea::router {

Deadline::~Deadline() {
  if (wheel_ != nullptr) wheel_->unlink(*this);
}

Deadlines::Deadlines(base::Instant now) : start_(now) {}

Deadlines::~Deadlines() {
  for (Deadline*& head : slots_) {
    while (head != nullptr) unlink(*head);
  }
}

std::int64_t Deadlines::tick_of(base::Instant when) const {
  return (when - start_) / kTick;
}

void Deadlines::set(Deadline& entry, base::Instant when) {
  // The tick after the one in which it falls: never early.
  entry.due_ = std::max(tick_of(when), now_) + 1;
  if (entry.wheel_ != nullptr) {
    if (entry.slot_ <= entry.due_) return;
    unlink(entry);
  }
  link(entry, std::min(entry.due_, now_ + static_cast<std::int64_t>(kSlots) - 1));
}

void Deadlines::link(Deadline& entry, std::int64_t slot) {
  Deadline*& head = slots_.at(static_cast<std::size_t>(slot) % kSlots);
  entry.wheel_ = this;
  entry.slot_ = slot;
  entry.before_ = nullptr;
  entry.after_ = head;
  if (head != nullptr) head->before_ = &entry;
  head = &entry;
  ++count_;
}

void Deadlines::unlink(Deadline& entry) {
  Deadline*& head = slots_.at(static_cast<std::size_t>(entry.slot_) % kSlots);
  if (head == &entry) head = entry.after_;
  if (entry.before_ != nullptr) entry.before_->after_ = entry.after_;
  if (entry.after_ != nullptr) entry.after_->before_ = entry.before_;
  entry.wheel_ = nullptr;
  entry.before_ = entry.after_ = nullptr;
  --count_;
}

void Deadlines::advance(base::Instant now) {
  const std::int64_t last = tick_of(now);
  while (now_ < last) {
    if (count_ == 0) {
      now_ = last;
      return;
    }
    ++now_;
    // Entries that are set again meanwhile go to later slots, so this one empties.
    while (Deadline* entry = slots_.at(static_cast<std::size_t>(now_) % kSlots)) {
      unlink(*entry);
      if (entry->due_ == 0) continue;
      if (entry->due_ > now_) {
        link(*entry, std::min(entry->due_, now_ + static_cast<std::int64_t>(kSlots) - 1));
        continue;
      }
      entry->due_ = 0;
      entry->on_deadline();
    }
  }
}

}  // namespace marea::router
