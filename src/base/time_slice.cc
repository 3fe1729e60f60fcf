#include "base/time_slice.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace marea::base {
namespace {

// struct sched_attr of Linux 3.14, which no libc of Debian 12 declares.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // of an ordinary task: its slice, in nanoseconds
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

bool read(int thread, SchedulingAttributes& into) {
  return ::syscall(SYS_sched_getattr, thread, &into, sizeof into, 0) == 0 && into.policy == SCHED_OTHER;
}

}  // namespace

void ask_for_time_slice(int thread, Duration slice) {
  SchedulingAttributes now;
  if (!read(thread, now)) return;
  now.runtime = static_cast<std::uint64_t>(slice.count());
  ::syscall(SYS_sched_setattr, thread, &now, 0);
}

Duration time_slice_of(int thread) {
  SchedulingAttributes now;
  return read(thread, now) ? Duration(static_cast<Duration::rep>(now.runtime)) : Duration{0};
}

}  // namespace marea::base
