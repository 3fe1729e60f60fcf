// Deadlines of a worker's connections: a wheel of coarse slots. Setting, moving and clearing one is a few stores and
// never allocates; a deadline that moves later stays where it is and is looked at again when its slot comes by. A
// deadline is never early and at most two slots late.
//
// Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987 (scheme 4 with lazy re-insertion).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace marea::router {

class Deadlines;

// Something that may run out of time. Unregisters itself.
class Deadline {
 public:
  Deadline() = default;
  virtual ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 protected:
  virtual void on_deadline() = 0;

 private:
  friend class Deadlines;
  Deadlines* wheel_ = nullptr;
  Deadline* before_ = nullptr;
  Deadline* after_ = nullptr;
  std::int64_t slot_ = 0;  // tick at which it is looked at
  std::int64_t due_ = 0;   // tick at which it is due; 0: never
};

class Deadlines {
 public:
  static constexpr base::Duration kTick = std::chrono::milliseconds(50);

  explicit Deadlines(base::Instant now);
  ~Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  void set(Deadline& entry, base::Instant when);
  void clear(Deadline& entry) { entry.due_ = 0; }
  // Calls on_deadline() of what is due; those may set, clear and destroy entries.
  void advance(base::Instant now);
  bool empty() const { return count_ == 0; }

 private:
  friend class Deadline;
  static constexpr std::size_t kSlots = 1024;  // 51 s ahead; farther ones come by more often than needed
  void link(Deadline& entry, std::int64_t slot);
  void unlink(Deadline& entry);
  std::int64_t tick_of(base::Instant when) const;

  base::Instant start_;
  std::int64_t now_ = 0;
  std::size_t count_ = 0;
  std::array<Deadline*, kSlots> slots_{};
};

}  // namespace marea::router
