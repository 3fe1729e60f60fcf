#include "engine/local/kernel_limits.h"

#include <algorithm>

#include "model/service.h"

namespace marea::engine::local {
namespace {

constexpr std::int64_t kLeastSandboxes = 16;

}  // namespace

const std::vector<MachineNeed>& machine_needs() {
  static const std::vector<MachineNeed> needs = {
      {"pids", "kernel/pid_max", kMostProcesses, 4096},
      {"threads", "kernel/threads-max", kMostProcesses, 4096},
      {"user-namespaces-count", "user/max_user_namespaces", 2, 64},
      {"network-namespaces-count", "user/max_net_namespaces", 1, 64},
      {"mount-namespaces-count", "user/max_mnt_namespaces", 1, 64},
      {"inotify-instances", "fs/inotify/max_user_instances", 0, 128},
      {"inotify-watches", "fs/inotify/max_user_watches", 0, 8192},
      {"tracked-connections", "net/netfilter/nf_conntrack_max", kMostTrackedConnections, 16'384},
      {"neighbours", "net/ipv4/neigh/default/gc_thresh3", 2, 256},
      {"terminals", "kernel/pty/max", kMostTerminals, 1024},
      {"open-files-of-all", "fs/file-max", 20'000, 100'000},
  };
  return needs;
}

std::int64_t sandboxes_of(std::int64_t memory_bytes) {
  return std::max(kLeastSandboxes, memory_bytes / 10 * 9 / model::kDefaultMemoryBytes);
}

std::string sysctl_name(std::string_view file) {
  std::string out(file);
  std::ranges::replace(out, '/', '.');
  return out;
}

}  // namespace marea::engine::local
