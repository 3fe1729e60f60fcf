// Runs a program: an argument vector (never a shell), exactly the descriptors it is meant to have, fresh signal
// settings, its own session, and its end as an event on the loop. Resource type; destroying it kills the whole
// session's leader and reaps it, so that no program outlives its owner by accident.
//
//   auto process = Process::start(loop, {.argv = {"crun", "state", id}},
//                                 {.on_line = [&](std::string_view line) { … }, .on_exit = [&](int status) { … }});
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "net/loop.h"

namespace marea::net {

inline constexpr std::size_t kMostOutputLineBytes = 16U << 10;  // longer lines are cut into several

class LinePipe;

class Process final : public Watcher {
 public:
  struct Options {
    std::vector<std::string> argv;                 // argv[0] is searched in PATH unless it has a slash
    std::vector<std::string> env;                  // "NAME=value"; empty: ours
    std::vector<std::pair<int, int>> descriptors;  // {number in the child, ours}; 0, 1, 2 default to /dev/null
    std::string directory;                         // working directory; empty: ours
  };
  struct Events {
    // Each line of stdout and stderr, without its newline, as it comes; set: both are captured. All lines come before
    // on_exit.
    std::function<void(std::string_view line)> on_line;
    // Once; wait status as of waitpid(2). The Process may be destroyed inside.
    std::function<void(int status)> on_exit;
  };
  static base::Result<std::unique_ptr<Process>> start(Loop& loop, Options options, Events events);
  ~Process() override;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  // Signals the program and its session's process group.
  void signal(int number) const;

  void on_ready(std::uint32_t events) override;

 private:
  Process(Loop& loop, Events events, pid_t pid, base::Fd pidfd, base::Fd output);

  Loop& loop_;
  Events events_;
  pid_t pid_;
  base::Fd pidfd_;
  std::unique_ptr<LinePipe> output_;
};

// "exit code 3", "signal 9".
std::string describe_wait_status(int status);

}  // namespace marea::net
