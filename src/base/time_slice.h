// How long a thread may keep a CPU from another that wakes up, when both have the same claim.
#pragma once

#include <chrono>

#include "base/clock.h"

namespace marea::base {

// Whoever has the shorter slice runs at once when it wakes up beside one with a longer; the shares of the CPU stay what
// they were. Requests are a chain of short wake-ups: with the kernel's own 3 ms for all, each link of it waits that
// long beside a program that computes.
inline constexpr Duration kShortSlice = std::chrono::microseconds(200);
inline constexpr Duration kLongSlice = std::chrono::milliseconds(100);  // the longest that Linux gives

// Of one thread, 0: this one; a slice of zero is the kernel's own. Threads and programs that it starts from then on
// inherit it. Since Linux 6.12 (EEVDF, sched_setattr(2)); older kernels ignore it. Never fails: it is a wish.
void ask_for_time_slice(int thread, Duration slice);
// Zero where the kernel does not tell.
Duration time_slice_of(int thread);

}  // namespace marea::base
