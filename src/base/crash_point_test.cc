#include "base/crash_point.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace marea::base {
namespace {

#ifndef NDEBUG
TEST(CrashPoint, an_armed_one_kills_the_process_once) {
  std::string folder = testing::TempDir() + "crash-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  ::setenv("MAREA_CRASH", folder.c_str(), 1);
  std::ofstream(folder + "/engine.report.kept").put('x');
  crash_point("engine.plan.taken");  // not armed
  EXPECT_EXIT(crash_point("engine.report.kept"), testing::KilledBySignal(SIGKILL), "");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  crash_point("engine.report.kept");
  ::unsetenv("MAREA_CRASH");
  std::filesystem::remove_all(folder);
}
#endif

TEST(CrashPoint, labels_are_used_once_in_the_table) {
  std::array labels = kCrashPoints;
  std::ranges::sort(labels);
  EXPECT_EQ(std::ranges::adjacent_find(labels), labels.end());
}

}  // namespace
}  // namespace marea::base
