#include "net/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>

namespace marea::net {
namespace {

class ProcessTest : public testing::Test {
 protected:
  // Runs to the end and returns the wait status.
  int run(Process::Options options) {
    std::optional<int> status;
    auto process = Process::start(loop_, std::move(options),
                                  {.on_line = [&](std::string_view line) { lines_.emplace_back(line); },
                                   .on_exit = [&](int ended) { status = ended; }});
    EXPECT_TRUE(process) << (process ? "" : process.error().line());
    while (process && !status) loop_.turn(std::chrono::seconds(5));
    return status.value_or(-1);
  }

  base::SystemClock clock_;
  Loop loop_{clock_};
  std::vector<std::string> lines_;
};

TEST_F(ProcessTest, lines_of_both_streams_arrive_before_the_end) {
  EXPECT_EQ(run({.argv = {"sh", "-c", "echo one; echo two >&2; printf three; exit 7"}}), 7 << 8);
  EXPECT_EQ(lines_, (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(ProcessTest, a_long_line_is_cut_not_hoarded) {
  EXPECT_EQ(run({.argv = {"sh", "-c", "head -c 40000 /dev/zero | tr '\\0' x"}}), 0);
  ASSERT_EQ(lines_.size(), 3U);
  EXPECT_EQ(lines_[0].size(), kMostOutputLineBytes);
  EXPECT_EQ(lines_[2].size(), 40000 - 2 * kMostOutputLineBytes);
}

TEST_F(ProcessTest, the_child_has_the_given_descriptors_and_no_other) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const base::Fd read_end(ends[0]);
  const base::Fd write_end(ends[1]);
  EXPECT_EQ(run({.argv = {"sh", "-c", "echo hello >&5; ls /proc/self/fd | tr '\\n' ' '"},
                 .descriptors = {{5, write_end.get()}, {3, read_end.get()}}}),
            0);
  std::array<char, 6> text{};
  ASSERT_EQ(::read(read_end.get(), text.data(), text.size()), 6);
  EXPECT_EQ(std::string_view(text.data(), 6), "hello\n");
  // 4 is the folder that ls itself reads.
  EXPECT_EQ(lines_.at(0), "0 1 2 3 4 5 ");
}

TEST_F(ProcessTest, the_child_starts_with_default_signals) {
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(run({.argv = {"sh", "-c", "kill -PIPE $$; echo survived"}}), SIGPIPE);
  EXPECT_TRUE(lines_.empty());
}

TEST_F(ProcessTest, a_missing_program_is_named_with_a_remedy) {
  const auto process = Process::start(loop_, {.argv = {"no-such-program"}}, {});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().code, base::ErrorCode::dependency_missing);
  EXPECT_EQ(process.error().what, "cannot run no-such-program");
}

TEST_F(ProcessTest, destroying_it_ends_the_whole_group) {
  pid_t pid = 0;
  {
    auto process = Process::start(loop_, {.argv = {"sh", "-c", "sleep 1000 & sleep 1000"}}, {});
    ASSERT_TRUE(process);
    pid = (*process)->pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(ProcessTest, it_may_be_destroyed_inside_its_own_end) {
  std::unique_ptr<Process> process;
  bool ended = false;
  process = std::move(*Process::start(loop_, {.argv = {"true"}}, {.on_exit = [&](int) {
                                        process.reset();
                                        ended = true;
                                      }}));
  while (!ended) loop_.turn(std::chrono::seconds(5));
  EXPECT_EQ(process, nullptr);
}

}  // namespace
}  // namespace marea::net
