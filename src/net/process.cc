#include "net/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace marea::net {
namespace {

// Ours move above every number that a child may want, so that no dup2 overwrites the source of a later one.
constexpr int kFirstSafeFd = 64;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

struct SpawnPlan {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  std::vector<base::Fd> moved;
  std::vector<int> given;

  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void give(int number, int ours) {
    moved.emplace_back(::fcntl(ours, F_DUPFD_CLOEXEC, kFirstSafeFd));
    ::posix_spawn_file_actions_adddup2(&actions, moved.back().get(), number);
    given.push_back(number);
  }
  // Call after the last give(): whatever else we hold, close-on-exec or not, stays with us.
  void close_the_rest() {
    const int highest = std::ranges::max(given);
    for (int number = 0; number < highest; ++number) {
      if (std::ranges::find(given, number) == given.end()) ::posix_spawn_file_actions_addclose(&actions, number);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&actions, highest + 1);
  }
  void fresh_signals() {
    sigset_t set;
    ::sigfillset(&set);
    ::posix_spawnattr_setsigdefault(&attributes, &set);
    ::sigemptyset(&set);
    ::posix_spawnattr_setsigmask(&attributes, &set);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  }
};

}  // namespace

// Reads a program's output line by line.
class LinePipe final : public Watcher {
 public:
  LinePipe(Loop& loop, base::Fd fd, std::function<void(std::string_view)> on_line)
      : loop_(loop), fd_(std::move(fd)), on_line_(std::move(on_line)) {
    if (!loop_.add(fd_.get(), EPOLLIN, *this)) fd_.reset();
  }
  ~LinePipe() override { close(); }
  LinePipe(const LinePipe&) = delete;
  LinePipe& operator=(const LinePipe&) = delete;

  void on_ready(std::uint32_t /*events*/) override {
    if (!read_once()) close();
  }
  // What is left after the program's end. A grandchild that keeps the pipe open is not waited for.
  void drain() {
    while (fd_ && read_once()) {
      if (would_block_) break;
    }
    if (!partial_.empty()) on_line_(std::exchange(partial_, {}));
    close();
  }

 private:
  bool read_once() {
    std::array<char, 16384> buffer;
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    would_block_ = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (got <= 0) return would_block_;
    std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
    while (!rest.empty()) {
      const std::size_t newline = rest.find('\n');
      const std::size_t room = kMostOutputLineBytes - partial_.size();
      const bool ends = newline != std::string_view::npos && newline <= room;
      const std::size_t take = ends ? newline : std::min(rest.size(), room);
      partial_.append(rest.substr(0, take));
      rest.remove_prefix(take + (ends ? 1 : 0));
      if (ends || partial_.size() >= kMostOutputLineBytes) {
        const std::string line = std::exchange(partial_, {});
        on_line_(line);
      }
    }
    return true;
  }
  void close() {
    if (fd_) loop_.remove(fd_.get(), *this);
    fd_.reset();
  }

  Loop& loop_;
  base::Fd fd_;
  std::function<void(std::string_view)> on_line_;
  std::string partial_;
  bool would_block_ = false;
};

base::Result<std::unique_ptr<Process>> Process::start(Loop& loop, Options options, Events events) {
  if (options.argv.empty()) return base::fail(base::ErrorCode::internal, "cannot start a program without a name");
  const base::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  base::Fd read_end;
  base::Fd write_end;
  if (events.on_line) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail(base::os_error("cannot make a pipe"));
    read_end = base::Fd(ends[0]);
    write_end = base::Fd(ends[1]);
    ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  }
  SpawnPlan plan;
  const auto wanted = [&](int number) {
    return std::ranges::find(options.descriptors, number, &std::pair<int, int>::first) != options.descriptors.end();
  };
  for (const auto& [number, ours] : options.descriptors) plan.give(number, ours);
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    if (wanted(number)) continue;
    plan.give(number, number != STDIN_FILENO && write_end ? write_end.get() : null.get());
  }
  plan.close_the_rest();
  if (!options.directory.empty()) {
    ::posix_spawn_file_actions_addchdir_np(&plan.actions, options.directory.c_str());
  }
  plan.fresh_signals();
  std::vector<char*> argv = pointers(options.argv);
  std::vector<char*> env = pointers(options.env);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &plan.actions, &plan.attributes, argv.data(),
                                   options.env.empty() ? environ : env.data());
  if (error != 0) {
    base::Error failure = base::os_error("cannot run " + options.argv[0], error);
    if (error == ENOENT) {
      failure.code = base::ErrorCode::dependency_missing;
      failure.remedy = "Install it; `marea doctor` names the package";
    }
    return base::fail(std::move(failure));
  }
  base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  auto process =
      std::unique_ptr<Process>(new Process(loop, std::move(events), pid, std::move(pidfd), std::move(read_end)));
  return process;
}

Process::Process(Loop& loop, Events events, pid_t pid, base::Fd pidfd, base::Fd output)
    : loop_(loop), events_(std::move(events)), pid_(pid), pidfd_(std::move(pidfd)) {
  if (!pidfd_ || !loop_.add(pidfd_.get(), EPOLLIN, *this)) std::abort();  // nofile exhausted: nothing can work
  if (output) output_ = std::make_unique<LinePipe>(loop_, std::move(output), events_.on_line);
}

Process::~Process() {
  if (!pidfd_) return;
  loop_.remove(pidfd_.get(), *this);
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  if (pidfd_) ::kill(-pid_, number);
}

void Process::on_ready(std::uint32_t /*events*/) {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return;
  loop_.remove(pidfd_.get(), *this);
  pidfd_.reset();
  if (output_) output_->drain();
  const std::function<void(int)> on_exit = std::move(events_.on_exit);
  if (on_exit) on_exit(status);
}

std::string describe_wait_status(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace marea::net
