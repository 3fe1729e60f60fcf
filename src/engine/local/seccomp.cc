#include "engine/local/seccomp.h"

#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

namespace marea::engine::local {
namespace {

using Json = nlohmann::json;

constexpr auto kAllowed = std::to_array<std::string_view>({
    // files
    "access",
    "chdir",
    "chmod",
    "chown",
    "chroot",
    "close",
    "close_range",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fchown",
    "fchownat",
    "fcntl",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fremovexattr",
    "fsetxattr",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "futimesat",
    "getcwd",
    "getdents",
    "getdents64",
    "getxattr",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "ioctl",
    "lchown",
    "lgetxattr",
    "link",
    "linkat",
    "listxattr",
    "llistxattr",
    "lremovexattr",
    "lseek",
    "lsetxattr",
    "lstat",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pipe",
    "pipe2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "removexattr",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "setxattr",
    "splice",
    "stat",
    "statfs",
    "statx",
    "symlink",
    "symlinkat",
    "sync",
    "sync_file_range",
    "syncfs",
    "tee",
    "truncate",
    "umask",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimes",
    "vmsplice",
    "write",
    "writev",
    "ustat",
    "memfd_create",
    "cachestat",
    // memory
    "brk",
    "get_mempolicy",
    "madvise",
    "map_shadow_stack",
    "mbind",
    "membarrier",
    "memfd_secret",
    "mincore",
    "mlock",
    "mlock2",
    "mlockall",
    "mmap",
    "mprotect",
    "mremap",
    "mseal",
    "msync",
    "munlock",
    "munlockall",
    "munmap",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "process_madvise",
    "process_mrelease",
    "set_mempolicy",
    "set_mempolicy_home_node",
    "remap_file_pages",
    // processes and threads
    "arch_prctl",
    "capget",
    "capset",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "fork",
    "futex",
    "futex_requeue",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "get_robust_list",
    "get_thread_area",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getsid",
    "gettid",
    "getuid",
    "ioprio_get",
    "ioprio_set",
    "kill",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "pidfd_open",
    "pidfd_send_signal",
    "prctl",
    "prlimit64",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_tgsigqueueinfo",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_getscheduler",
    "sched_rr_get_interval",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "sched_yield",
    "seccomp",
    "set_robust_list",
    "set_thread_area",
    "set_tid_address",
    "setfsgid",
    "setfsuid",
    "setgid",
    "setgroups",
    "setpgid",
    "setpriority",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setrlimit",
    "setsid",
    "setuid",
    "sigaltstack",
    "tgkill",
    "tkill",
    "uname",
    "vfork",
    "wait4",
    "waitid",
    "sysinfo",
    "times",
    // time and events
    "alarm",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_ctl_old",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "epoll_wait_old",
    "eventfd",
    "eventfd2",
    "getitimer",
    "gettimeofday",
    "nanosleep",
    "pause",
    "poll",
    "ppoll",
    "pselect6",
    "select",
    "setitimer",
    "signalfd",
    "signalfd4",
    "time",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_settime",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    // sockets; socket itself has a rule per address family
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socketpair",
    // System V and POSIX messages, semaphores, shared memory: in the sandbox's own IPC namespace
    "mq_getsetattr",
    "mq_notify",
    "mq_open",
    "mq_timedreceive",
    "mq_timedsend",
    "mq_unlink",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "getrandom",
});

constexpr auto kRefused = std::to_array<std::string_view>({
    // the file system tree and other namespaces
    "mount",
    "umount2",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "pivot_root",
    "setns",
    "unshare",
    "swapon",
    "swapoff",
    "quotactl",
    "quotactl_fd",
    "open_by_handle_at",
    "name_to_handle_at",
    "fanotify_init",
    "fanotify_mark",
    // the kernel itself
    "bpf",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "perf_event_open",
    "syslog",
    "acct",
    "iopl",
    "ioperm",
    "lookup_dcookie",
    "nfsservctl",
    "vhangup",
    // other processes
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "kcmp",
    "pidfd_getfd",
    "move_pages",
    "migrate_pages",
    // keyrings, which no namespace divides
    "keyctl",
    "add_key",
    "request_key",
    // the machine's clock and name
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "stime",
    "sethostname",
    "setdomainname",
    "userfaultfd",
});

constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                         CLONE_NEWPID | CLONE_NEWNET | 0x80U /* CLONE_NEWTIME */;

// personality(2) values that only change what is shown: Linux, 32-bit emulation, and "ask" (moby's list).
constexpr std::array<std::uint64_t, 5> kPersonalities = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};

constexpr std::array<std::uint64_t, 3> kFamilies = {AF_UNIX, AF_INET, AF_INET6};

// Netlink protocols that need no privilege and that libc and tools use: routes, socket lists, device events.
constexpr std::array<std::uint64_t, 3> kNetlink = {0, 4, 15};

Json equals(unsigned index, std::uint64_t value) {
  return {{"index", index}, {"value", value}, {"op", "SCMP_CMP_EQ"}};
}

Json rule(std::string_view name, Json args) {
  return {{"names", {name}}, {"action", "SCMP_ACT_ALLOW"}, {"args", std::move(args)}};
}

Json names_rule(std::span<const std::string_view> names, std::string_view action) {
  return {{"names", std::vector<std::string>(names.begin(), names.end())}, {"action", action}};
}

constexpr std::string_view kArchitecture =
#if defined(__x86_64__)
    "SCMP_ARCH_X86_64";
#elif defined(__aarch64__)
    "SCMP_ARCH_AARCH64";
#else
#error "add the libseccomp name of this architecture"
#endif

}  // namespace

std::span<const std::string_view> allowed_system_calls() {
  return kAllowed;
}

std::span<const std::string_view> refused_system_calls() {
  return kRefused;
}

Json seccomp_profile() {
  Json rules = Json::array();
  rules.push_back(names_rule(kAllowed, "SCMP_ACT_ALLOW"));
  Json refused = names_rule(kRefused, "SCMP_ACT_ERRNO");
  refused["errnoRet"] = EPERM;
  rules.push_back(std::move(refused));
  rules.push_back(
      rule("clone", {{{"index", 0}, {"value", kNewNamespaces}, {"valueTwo", 0}, {"op", "SCMP_CMP_MASKED_EQ"}}}));
  for (const std::uint64_t value : kPersonalities) {
    rules.push_back(rule("personality", Json::array({equals(0, value)})));
  }
  for (const std::uint64_t family : kFamilies) rules.push_back(rule("socket", Json::array({equals(0, family)})));
  for (const std::uint64_t protocol : kNetlink) {
    rules.push_back(rule("socket", Json::array({equals(0, AF_NETLINK), equals(2, protocol)})));
  }
  return {{"defaultAction", "SCMP_ACT_ERRNO"},
          {"defaultErrnoRet", ENOSYS},
          {"architectures", {kArchitecture}},
          {"syscalls", std::move(rules)}};
}

}  // namespace marea::engine::local
