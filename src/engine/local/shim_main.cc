// marea-shim: the first process of every sandbox, a static program without any library but libc, no heap and no
// exceptions. It waits on its socket for the order to start (shim_protocol.h), forks the app, stays PID 1: passes
// signals on, reaps what the app leaves behind, and ends with the app, which ends the whole PID namespace.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <linux/capability.h>

#include "engine/local/resource_shares.h"
#include "engine/local/shim_protocol.h"

namespace marea::engine::local {
namespace {

constexpr int kExitBadMessage = 125;
constexpr int kExitCannotRun = 126;
constexpr int kExitNotFound = 127;
constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

alignas(8) char message[kMostShimMessageBytes];
char* arguments[kMostShimWords + 1];
char* environment[kMostShimWords + 1];
gid_t groups[kMostShimGroups];
char path_buffer[4096];

// Reads the body of a message piece by piece; every failure ends the sandbox, since only engine writes here.
class Body {
 public:
  explicit Body(uint32_t bytes) : left_(bytes) {}
  void* take(uint32_t bytes) {
    if (bytes > left_) ::_exit(kExitBadMessage);
    char* at = message + used_;
    used_ += bytes;
    left_ -= bytes;
    return at;
  }
  uint32_t number() {
    uint32_t value = 0;
    ::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  char* text() {
    const uint32_t length = number();
    if (length >= left_) ::_exit(kExitBadMessage);
    char* at = static_cast<char*>(take(length + 1));
    if (::memchr(at, 0, length + 1) != at + length) ::_exit(kExitBadMessage);
    return at;
  }
  void words(char** into, uint32_t count) {
    if (count > kMostShimWords) ::_exit(kExitBadMessage);
    for (uint32_t i = 0; i < count; ++i) into[i] = text();
    into[count] = nullptr;
  }

 private:
  uint32_t used_ = 0;
  uint32_t left_;
};

void report(ShimEvent event, ShimStep step, int32_t value) {
  const ShimReport report{event, step, value};
  // engine may be down; then nobody needs to know.
  [[maybe_unused]] const ssize_t sent = ::send(kShimSocket, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Whole or nothing; false at the end of the stream.
bool receive(void* into, size_t bytes) {
  auto* at = static_cast<char*>(into);
  while (bytes > 0) {
    const ssize_t got = ::recv(kShimSocket, at, bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    bytes -= static_cast<size_t>(got);
  }
  return true;
}

struct Failure {
  ShimStep step;
  int32_t error;
};

[[noreturn]] void fail(int pipe, ShimStep step, int error) {
  const Failure failure{step, error};
  [[maybe_unused]] const ssize_t written = ::write(pipe, &failure, sizeof failure);
  ::_exit(kExitCannotRun);
}

void drop_bounding(bool all) {
  if (!all) {
    ::prctl(PR_CAPBSET_DROP, CAP_SETPCAP, 0, 0, 0);
    return;
  }
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
}

bool become(const ShimStart& start) {
  const bool keeps = start.uid == 0 && start.keep_capabilities != 0;
  drop_bounding(!keeps);
  if (::setgroups(start.groups, groups) != 0) return false;
  if (::setresgid(start.gid, start.gid, start.gid) != 0) return false;
  if (::setresuid(start.uid, start.uid, start.uid) != 0) return false;
  if (keeps) return true;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  return ::syscall(SYS_capset, &header, none) == 0;
}

// Like a container engine, makes a working directory that the image lacks.
bool enter(char* directory) {
  if (::chdir(directory) == 0) return true;
  if (errno != ENOENT || directory[0] != '/') return false;
  for (char* at = directory + 1; *at != 0; ++at) {
    if (*at != '/') continue;
    *at = 0;
    ::mkdir(directory, 0755);
    *at = '/';
  }
  ::mkdir(directory, 0755);
  return ::chdir(directory) == 0;
}

const char* path_of_environment() {
  for (char** entry = environment; *entry != nullptr; ++entry) {
    if (::strncmp(*entry, "PATH=", 5) == 0) return *entry + 5;
  }
  return kDefaultPath;
}

// As execvp(3) searches, but with the app's PATH and without handing unknown formats to a shell. Returns errno.
int execute() {
  const char* program = arguments[0];
  if (program[0] == 0) return ENOENT;
  if (::strchr(program, '/') != nullptr) {
    ::execve(program, arguments, environment);
    return errno;
  }
  int result = ENOENT;
  const size_t name_length = ::strlen(program);
  for (const char* at = path_of_environment(); at != nullptr;) {
    const char* end = ::strchrnul(at, ':');
    const auto length = static_cast<size_t>(end - at);
    if (length + name_length + 3 < sizeof path_buffer) {
      char* out = path_buffer;
      if (length == 0) *out++ = '.';
      ::memcpy(out, at, length);
      out += length;
      *out++ = '/';
      ::memcpy(out, program, name_length + 1);
      ::execve(path_buffer, arguments, environment);
      if (errno == EACCES) result = EACCES;
      if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) return errno;
    }
    at = *end == ':' ? end + 1 : nullptr;
  }
  return result;
}

void fresh_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void run_app(const ShimStart& start, char* directory, int pipe) {
  ::setsid();
  if (::dup2(kShimStdout, STDOUT_FILENO) < 0 || ::dup2(kShimStderr, STDERR_FILENO) < 0) {
    fail(pipe, ShimStep::fork, errno);
  }
  // The pipe reports a failed exec and closes by itself on success; all else is not the app's.
  if (::dup2(pipe, kShimSocket) < 0) fail(pipe, ShimStep::fork, errno);
  ::fcntl(kShimSocket, F_SETFD, FD_CLOEXEC);
  ::syscall(SYS_close_range, kShimSocket + 1, ~0U, 0);
  // While still root, as the working directory of a container may be closed to the app's user.
  const bool entered = enter(directory);
  const int enter_error = errno;
  if (!become(start)) fail(kShimSocket, ShimStep::change_user, errno);
  if (!entered) fail(kShimSocket, ShimStep::change_directory, enter_error);
  fresh_signals();
  const int error = execute();
  fail(kShimSocket, error == ENOENT ? ShimStep::find_program : ShimStep::run_program, error);
}

[[noreturn]] void not_started(ShimStep step, int error) {
  report(ShimEvent::not_started, step, error);
  ::_exit(step == ShimStep::find_program ? kExitNotFound : kExitCannotRun);
}

pid_t start_app(uint32_t bytes) {
  Body body(bytes);
  ShimStart start;
  ::memcpy(&start, body.take(sizeof start), sizeof start);
  if (start.groups > kMostShimGroups || start.arguments == 0) ::_exit(kExitBadMessage);
  for (uint32_t i = 0; i < start.groups; ++i) groups[i] = body.number();
  char* directory = body.text();
  body.words(arguments, start.arguments);
  body.words(environment, start.environment);

  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) not_started(ShimStep::fork, errno);
  const pid_t app = ::fork();
  if (app < 0) not_started(ShimStep::fork, errno);
  if (app == 0) run_app(start, directory, ends[1]);
  ::close(ends[1]);
  Failure failure{ShimStep::none, 0};
  ssize_t got = 0;
  do {
    got = ::read(ends[0], &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  ::close(ends[0]);
  ::close(kShimStdout);
  ::close(kShimStderr);
  // Secrets do not stay in the memory of a process that lives as long as the app.
  ::explicit_bzero(message, sizeof message);
  if (got == sizeof failure) not_started(failure.step, failure.error);
  report(ShimEvent::started, ShimStep::none, 0);
  return app;
}

// One message of engine. Returns the app's pid, which start sets.
pid_t obey(pid_t app) {
  ShimHeader header;
  if (!receive(&header, sizeof header)) {
    // engine is gone. A waiting sandbox is useless without it; a running app goes on, a new engine finds it.
    if (app < 0) ::_exit(0);
    ::close(kShimSocket);
    return app;
  }
  if (header.bytes > sizeof message || !receive(message, header.bytes)) ::_exit(kExitBadMessage);
  switch (header.command) {
    case ShimCommand::start:
      if (app >= 0) ::_exit(kExitBadMessage);
      return start_app(header.bytes);
    case ShimCommand::signal: {
      Body body(header.bytes);
      const auto number = static_cast<int>(body.number());
      if (app < 0) ::_exit(128 + number);
      ::kill(app, number);
      return app;
    }
  }
  ::_exit(kExitBadMessage);
}

void reap(pid_t app) {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    if (pid != app) continue;  // an orphan of the app's
    report(ShimEvent::exited, ShimStep::none, status);
    ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  }
}

void on_signals(int signals, pid_t app) {
  signalfd_siginfo info;
  while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const auto number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) continue;
    if (app < 0) ::_exit(128 + number);
    ::kill(app, number);
  }
  if (app >= 0) reap(app);
}

}  // namespace

int serve() {
  // Not readable and not traceable through /proc by an app that is root of the sandbox.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  take_resource_shares();
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  const int signals = ::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return kExitCannotRun;
  ::fcntl(kShimSocket, F_SETFD, FD_CLOEXEC);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) ::dup2(null, number);

  pid_t app = -1;
  pollfd watched[2] = {{kShimSocket, POLLIN, 0}, {signals, POLLIN, 0}};
  for (;;) {
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) return kExitCannotRun;
    if (watched[1].revents != 0) on_signals(signals, app);
    if (watched[0].revents != 0) {
      app = obey(app);
      if (::fcntl(kShimSocket, F_GETFD) < 0) watched[0].fd = -1;
    }
  }
}

}  // namespace marea::engine::local

int main() {
  return marea::engine::local::serve();
}
