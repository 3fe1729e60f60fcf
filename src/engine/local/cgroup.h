// The sandboxes' cgroups, on machines with cgroup v1, v2 or both ("hybrid": controllers on v1, an empty v2 tree). The
// OCI runtime makes them and sets the limits from config.json; this reads what happened inside, kills and removes.
// Paths are relative to the root of every hierarchy: "marea/TAG/INSTANCE".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

namespace marea::engine::local {

struct CgroupHierarchy {
  std::string mount_point;
  std::vector<std::string> controllers;  // of v1; v2: cgroup.controllers
  bool unified = false;                  // v2
  base::Fd root;                         // stays valid when the mount point is hidden
};

struct CpuQuota {
  std::int64_t quota_us = 0;  // of CPU time in each period, all CPUs together
  std::int64_t period_us = 0;
  friend bool operator==(const CpuQuota&, const CpuQuota&) = default;
};

class Cgroups {
 public:
  // Those of this process's mount namespace.
  static base::Result<Cgroups> open();

  const std::vector<CgroupHierarchy>& hierarchies() const { return hierarchies_; }
  bool has(const std::string& controller) const { return find(controller) != nullptr; }
  // A v2 tree without controllers beside v1 ones; crun refuses to start when it sees it.
  const CgroupHierarchy* empty_unified() const;
  // Takes that tree out of sight, in this mount namespace (which must be private). crun then makes plain folders where
  // it was: they lie in a file system of our own and are removed with the groups.
  void hide_empty_unified();
  // The file that lists the members of the group this process is in, open for writing; empty when it cannot be.
  base::Fd own_members() const;
  // Whether swap can be bounded together with memory.
  bool swap_accounting() const;

  // How many processes of the group the kernel has killed for its memory limit.
  std::int64_t out_of_memory_kills(const std::string& path) const;
  std::int64_t peak_memory_bytes(const std::string& path) const;
  std::int64_t memory_bytes(const std::string& path) const;  // now
  // Of all its processes, those that ended too; zero where no hierarchy counts it.
  base::Duration cpu_time(const std::string& path) const;
  bool populated(const std::string& path) const;
  // Buffers of sockets, where the hierarchy does not count them as memory (v1). Before the first socket is made.
  void bound_sockets(const std::string& path, std::int64_t bytes) const;
  // Ids of the processes in it, and of their threads, as far as they are there now.
  std::vector<int> processes(const std::string& path) const;
  std::vector<int> threads(const std::string& path) const;
  // All its processes, now and later, run on all CPUs but the machine's first, or again on all. False where that cannot
  // be: one CPU, or no cpuset controller.
  bool keep_off_first_cpu(const std::string& path, bool off) const;
  // What its processes may use, from now on; who stands still for the last quota goes on at once.
  bool limit_cpu(const std::string& path, const CpuQuota& limit) const;
  // SIGKILL to all processes; they end soon after.
  void kill(const std::string& path) const;
  // False while the kernel still holds it, which it does until the last process is reaped.
  bool remove(const std::string& path) const;
  // Names of the groups below `path`, in any hierarchy.
  std::vector<std::string> children(const std::string& path) const;

 private:
  const CgroupHierarchy* find(const std::string& controller) const;
  std::vector<CgroupHierarchy> hierarchies_;
  base::Fd shadow_;  // what lies where the empty tree was
};

// Pure: mount points of the cgroup file systems in the text of /proc/PID/mountinfo (proc(5)).
std::vector<CgroupHierarchy> parse_cgroup_mounts(const std::string& mountinfo);

// Pure: a list of CPUs as cpuset(7) writes it, "0-3,8", without its first; "" where it has only one.
std::string without_first_cpu(const std::string& list);

// Pure: the number after "KEY " on a line of its own ("oom_kill 3"); 0 when there is none.
std::int64_t parse_flat_key(const std::string& text, const std::string& key);

}  // namespace marea::engine::local
