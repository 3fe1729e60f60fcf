#include "app/cli_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace marea::app {
namespace {

using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class CliProgress : public ::testing::Test {
 protected:
  std::ostringstream out_;
  std::ostringstream err_;
  base::ManualClock clock_;
};

TEST_F(CliProgress, OnATerminalBytesAndStepsAreDrawnOnOneLineAtMostTenTimesASecond) {
  Console console(out_, err_, Words(Language::en), false, 60);
  Progress progress(console, clock_);
  constexpr std::int64_t kAll = 4 << 20;
  for (std::int64_t bytes = 0; bytes <= kAll; bytes += 1 << 10) {
    progress.sent("sending", bytes, kAll);
    clock_.advance(milliseconds(1));
  }
  const std::string shown = err_.str();
  EXPECT_EQ(std::ranges::count(shown, '\r'), 42);
  EXPECT_THAT(shown, Not(HasSubstr("\n")));
  EXPECT_THAT(shown, EndsWith("sending: 4.0/4.0 MiB (4.1 s)"));
  err_.str("");
  progress.build_line("STEP 1/2: RUN make");
  clock_.advance(milliseconds(200));
  progress.build_line("compiling a.cc");
  progress.build_line("compiling b.cc");
  progress.build_line("STEP 2/2: CMD");
  EXPECT_EQ(err_.str(),
            "\n\r\033[KSTEP 1/2: RUN make (0.0 s)\r\033[KSTEP 1/2: RUN make: compiling a.cc (0.2 s)\n"
            "\r\033[KSTEP 2/2: CMD (0.0 s)");
}

TEST_F(CliProgress, ElsewhereABuildIsPlainLines) {
  Console console(out_, err_, Words(Language::en), false);
  Progress progress(console, clock_);
  progress.sent("sending", 1, 2);
  progress.build_line("STEP 1/1: RUN make");
  progress.build_line("compiling");
  EXPECT_EQ(err_.str(), "STEP 1/1: RUN make\ncompiling\n");
}

}  // namespace
}  // namespace marea::app
