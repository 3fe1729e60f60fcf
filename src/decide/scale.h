// How many instances a revision should have, in its simplest honest form: one more is started only when somebody waits
// and no slot is free or coming; one is stopped only when it has been idle for the revision's idle timeout. Pure: the
// caller passes what it sees and the time.
#pragma once

#include "base/clock.h"
#include "model/reason.h"

namespace marea::decide {

// A revision as the router sees it at one moment. Draining instances count nowhere.
struct ScaleLoad {
  int waiting = 0;      // requests without a slot
  int in_flight = 0;    // requests that have one
  int instances = 0;    // open or starting
  int concurrency = 1;  // slots of one instance, ≥ 1
  int min = 0;
  int max = 0;
};

struct ScaleWish {
  int wanted = 0;                              // instances, never above max
  model::Reason reason = model::Reason::none;  // request_waiting or min_scale where it wants more than there are,
                                               // max_scale where max alone stops it
  friend bool operator==(const ScaleWish&, const ScaleWish&) = default;
};

// Never below `instances`: shrinking is retires()'s business.
ScaleWish wish(const ScaleLoad& load);

struct IdleInstance {
  base::Instant idle_since{};  // the moment its last request ended, or it became ready
  base::Duration idle_timeout{};
  int instances = 0;  // of its revision, itself included
  int min = 0;
};

// True: it should be stopped now.
bool retires(const IdleInstance& instance, base::Instant now);

}  // namespace marea::decide
