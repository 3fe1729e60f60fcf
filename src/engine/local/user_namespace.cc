#include "engine/local/user_namespace.h"

#include <fcntl.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "engine/local/resource_shares.h"
#include "net/role.h"

namespace marea::engine::local {
namespace {

// In the child: makes the namespace, says so with one byte, waits to be killed. Nothing but system calls: the heap is
// that of a process with threads.
[[noreturn]] void hold_namespace(uid_t owner, int report) {
  take_resource_shares();  // the kernel keeps those of the maker as the namespace's
  // Keeps what it may do, as some kernels let only root make user namespaces.
  ::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
  char done = 0;
  if (::syscall(SYS_setresuid, owner, owner, owner) != 0 || ::unshare(CLONE_NEWUSER) != 0) {
    done = static_cast<char>(errno);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // a change of user clears it
  if (::write(report, &done, 1) != 1 || done != 0) ::_exit(1);
  for (;;) ::poll(nullptr, 0, -1);
}

bool write_text(const std::string& path, const std::string& text) {
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

base::Error cannot_make() {
  base::Error error = base::os_error("cannot make a user namespace", base::ErrorCode::kernel_feature);
  error.remedy = "Allow them: sysctl -w user.max_user_namespaces=15000";
  return error;
}

base::Result<base::Fd> map_and_open(pid_t child, uid_t base) {
  const std::string proc = "/proc/" + std::to_string(child);
  const std::string map = "0 " + std::to_string(base) + " " + std::to_string(net::kIdRangeSize) + "\n";
  if (!write_text(proc + "/uid_map", map) || !write_text(proc + "/gid_map", map)) {
    return base::fail(base::os_error("cannot map a sandbox's ids"));
  }
  base::Fd out(::open((proc + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!out) return base::fail(base::os_error("cannot open a user namespace"));
  return out;
}

}  // namespace

base::Result<base::Fd> make_user_namespace(uid_t owner, uid_t base) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail(base::os_error("cannot make a pipe"));
  const base::Fd read_end(ends[0]);
  base::Fd write_end(ends[1]);
  // Not fork(): its end is nobody's business but ours, and no handler of another library has to run.
  const long child = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child == 0) hold_namespace(owner, write_end.get());
  if (child < 0) return base::fail(cannot_make());
  write_end.reset();
  char failure = 0;
  base::Result<base::Fd> out;
  if (::read(read_end.get(), &failure, 1) == 1 && failure == 0) {
    out = map_and_open(static_cast<pid_t>(child), base);
  } else {
    errno = failure == 0 ? EAGAIN : failure;
    out = base::fail(cannot_make());
  }
  ::kill(static_cast<pid_t>(child), SIGKILL);
  ::waitpid(static_cast<pid_t>(child), nullptr, 0);
  return out;
}

}  // namespace marea::engine::local
