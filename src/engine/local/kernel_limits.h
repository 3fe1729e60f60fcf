// The kernel's limits that namespaces do not divide: tables and counts that all sandboxes, and the machine itself, draw
// from. For each: the share of one sandbox and what holds it to that; where the machine's own value must be large
// enough for many shares, the file it is read from, for `marea doctor`. docs/limits.md tells them all, each with its
// test in tests/e2e/kernel_limits_test.py.
//
// Many of them the kernel counts per user of a user namespace *and* per user that made the namespace (ucounts). The
// maker would be root for every sandbox, and one of them could use up what all have: so each sandbox's namespace is
// made by a user of its own (user_namespace.h), and its limits are those of that user.
//
// Source: kernel/ucount.c; user_namespaces(7), namespaces(7), inotify(7), mq_overview(7), getrlimit(2), core(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace marea::engine::local {

// ---- shares of one sandbox, beside those of resource_shares.h
inline constexpr std::int64_t kMostProcesses = 1024;           // threads too; pids cgroup
inline constexpr std::int64_t kMostTerminals = 64;             // of the machine's 3,072 for others than itself
inline constexpr std::int64_t kMostTrackedConnections = 4096;  // through the machine's packet filter
inline constexpr std::int64_t kMostPacketsPerSecond = 50'000;  // outward; some 600 Mbit/s of full packets
inline constexpr std::int64_t kMostPacketBurst = 10'000;
// Of the memory limit, for buffers of TCP and UDP, which v1 counts apart; the kernel's pool for them (tcp_mem, udp_mem)
// is one for the whole machine. v2 counts them with the rest.
inline constexpr std::int64_t socket_bytes(std::int64_t memory_bytes) {
  return memory_bytes / 4;
}

// ---- the machine's values
struct MachineNeed {
  std::string_view name;    // stable, for scripts
  std::string_view file;    // below /proc/sys
  std::int64_t each = 0;    // of a sandbox
  std::int64_t beside = 0;  // for the machine itself
};
const std::vector<MachineNeed>& machine_needs();

// How many sandboxes with the default memory limit this machine bears: as many shares must fit.
std::int64_t sandboxes_of(std::int64_t memory_bytes);

// "kernel.pid_max" of "kernel/pid_max".
std::string sysctl_name(std::string_view file);

}  // namespace marea::engine::local
