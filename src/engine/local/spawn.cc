#include "engine/local/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/local/data_dir.h"
#include "net/role.h"

namespace marea::engine::local {
namespace {

constexpr int kLinkFd = 3;
constexpr int kExitCannotStart = 126;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "marea: cannot start a role: %s: %s\n", what, std::strerror(errno));
  ::_exit(kExitCannotStart);
}

void bind_data_view(const std::string& data_dir) {
  if (::unshare(CLONE_NEWNS) != 0) die("unshare the mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) die("make mounts private");
  if (::mount(data_dir.c_str(), kDataView, nullptr, MS_BIND, nullptr) != 0) die("bind the data directory");
}

constexpr int kSafeFd = 64;  // above every number that is given

void arrange_descriptors(int link, const std::vector<int>& files) {
  std::vector<int> moved;  // so that no dup2 overwrites the source of a later one
  moved.reserve(files.size());
  for (const int file : files) moved.push_back(::fcntl(file, F_DUPFD_CLOEXEC, kSafeFd));
  if (link > kLinkFd && link < kSafeFd && !files.empty()) link = ::fcntl(link, F_DUPFD_CLOEXEC, kSafeFd);

  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, STDIN_FILENO) < 0) die("open /dev/null");
  if (link == kLinkFd) {
    ::fcntl(link, F_SETFD, 0);
  } else if (::dup2(link, kLinkFd) < 0) {
    die("pass the link");
  }
  int next = kLinkFd + 1;
  for (const int file : moved) {
    if (::dup2(file, next++) < 0) die("pass a file");
  }
  ::syscall(SYS_close_range, next, ~0U, 1U << 2U /* CLOSE_RANGE_CLOEXEC */);
}

// What requests wait for goes before what apps compute: all sandboxes together weigh as much as one process at nice 0
// where the roles are in the root group (v1), and as one slice beside that of the roles' service else. Without the
// right to it, as all others. Not engine: what it starts would inherit it.
void go_first(net::Role role) {
  constexpr int kNice = -5;  // three times the weight
  if (role == net::Role::router || role == net::Role::logs) ::setpriority(PRIO_PROCESS, 0, kNice);
}

// An app that writes lines as fast as it can makes logs compute: like such an app (cpu_confinement.h) it leaves the
// first CPU to requests.
void keep_off_first_cpu(net::Role role) {
  cpu_set_t cpus;
  if (role != net::Role::logs || ::sched_getaffinity(0, sizeof cpus, &cpus) != 0 || CPU_COUNT(&cpus) < 2) return;
  std::size_t first = 0;
  while (!CPU_ISSET(first, &cpus)) ++first;
  CPU_CLR(first, &cpus);
  ::sched_setaffinity(0, sizeof cpus, &cpus);
}

void become_user(uid_t uid) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0) {
    die("change the user");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("set no-new-privileges");
}

[[noreturn]] void exec_self(int exe, const RoleStart& start) {
  std::vector<std::string> words = {"marea", std::string(net::to_string(start.role))};
  words.insert(words.end(), start.arguments.begin(), start.arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::syscall(SYS_execveat, exe, "", argv.data(), environ, AT_EMPTY_PATH);
  die("run the program");
}

void reset_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Writes the whole text to a /proc file of `pid`.
bool write_proc(pid_t pid, const char* name, const std::string& text) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

struct Gate {
  base::Fd wait_end;
  base::Fd open_end;
};

base::Result<Gate> make_gate() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail(base::os_error("cannot make a pipe"));
  return Gate{base::Fd(ends[0]), base::Fd(ends[1])};
}

// The builder's life before its program: wait for the id map, become root of the new namespace, get a /proc of its own.
[[noreturn]] void run_builder(int exe, const RoleStart& start, int link, const Gate& gate) {
  char go = 0;
  if (::read(gate.wait_end.get(), &go, 1) != 1) ::_exit(kExitCannotStart);
  if (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) {
    die("become the builder");
  }
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) die("mount /proc");
  ::setpriority(PRIO_PROCESS, 0, 10);
  constexpr int kIdleIoClass = 3 << 13;
  ::syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, kIdleIoClass);
  ::setsid();
  arrange_descriptors(link, start.files);
  raise_descriptor_limit();
  reset_signals();
  exec_self(exe, start);
}

base::Result<pid_t> start_builder(const base::Fd& exe, const RoleStart& start, const base::Fd& link) {
  base::Result<Gate> gate = make_gate();
  if (!gate) return std::unexpected(gate.error());
  // Two steps, because the data directory may be reachable for the real root alone: a first child binds it, a second
  // one, a sibling by CLONE_PARENT, enters the user namespace on top of those mounts.
  const base::Result<Gate> report = make_gate();
  if (!report) return std::unexpected(report.error());
  const pid_t first = ::fork();
  if (first < 0) return base::fail(base::os_error("cannot fork"));
  if (first == 0) {
    bind_data_view(start.data_dir);
    constexpr unsigned long kFlags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_PARENT | SIGCHLD;
    const long second = ::syscall(SYS_clone, kFlags, nullptr, nullptr, nullptr, nullptr);
    if (second == 0) run_builder(exe.get(), start, link.get(), *gate);
    const auto pid = static_cast<pid_t>(second);
    if (second < 0 || ::write(report->open_end.get(), &pid, sizeof pid) != sizeof pid) die("clone the builder");
    ::_exit(0);
  }
  pid_t builder = -1;
  int status = 0;
  ::waitpid(first, &status, 0);
  if (status != 0 || ::read(report->wait_end.get(), &builder, sizeof builder) != sizeof builder) {
    return base::fail(base::ErrorCode::kernel_feature, "cannot start the builder", "no user namespace could be made",
                      "Allow user namespaces: sysctl -w user.max_user_namespaces=15000");
  }
  const std::string map = "0 " + std::to_string(net::kBuilderIdBase) + " " + std::to_string(net::kIdRangeSize) + "\n";
  if (!write_proc(builder, "uid_map", map) || !write_proc(builder, "gid_map", map) ||
      ::write(gate->open_end.get(), "x", 1) != 1) {
    const base::Error error = base::os_error("cannot map the builder's ids");
    ::kill(builder, SIGKILL);
    ::waitpid(builder, nullptr, 0);
    return base::fail(error);
  }
  return builder;
}

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

base::Result<pid_t> start_role(const RoleStart& start, const base::Fd& link) {
  const base::Fd exe(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  if (!exe) return base::fail(base::os_error("cannot open /proc/self/exe"));
  if (start.role == net::Role::builder) return start_builder(exe, start, link);
  const pid_t pid = ::fork();
  if (pid < 0) return base::fail(base::os_error("cannot fork"));
  if (pid == 0) {
    // Ctrl-C reaches the whole foreground group; the order of an end is keeper's to decide.
    ::setsid();
    bind_data_view(start.data_dir);
    arrange_descriptors(link.get(), start.files);
    raise_descriptor_limit();
    go_first(start.role);
    keep_off_first_cpu(start.role);
    const uid_t uid = net::role_uid(start.role);
    if (uid != 0) become_user(uid);
    reset_signals();
    exec_self(exe.get(), start);
  }
  return pid;
}

}  // namespace marea::engine::local
