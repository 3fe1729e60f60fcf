#include "base/time_slice.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace marea::base {
namespace {

TEST(TimeSlice, IsInheritedByThreadsAndProcesses) {
  std::thread([] {
    const Duration kernels = time_slice_of(0);
    ask_for_time_slice(0, kShortSlice);
    const Duration mine = time_slice_of(0);
    if (mine != kShortSlice) GTEST_SKIP() << "NOT TESTED: this kernel has no slices of one's own (Linux 6.12)";
    Duration thread_has{};
    std::thread([&] { thread_has = time_slice_of(0); }).join();
    EXPECT_EQ(thread_has, kShortSlice);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(time_slice_of(0) == kShortSlice ? 0 : 1);
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    ask_for_time_slice(0, Duration{0});
    EXPECT_EQ(time_slice_of(0), kernels);
  }).join();
}

TEST(TimeSlice, OfNobodyIsZero) {
  EXPECT_EQ(time_slice_of(1 << 30), Duration{0});
}

}  // namespace
}  // namespace marea::base
