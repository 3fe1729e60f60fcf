// What all sandboxes of this engine share: the machine's side, opened once (sandbox_host.cc) and outliving them all.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/log.h"
#include "engine/local/cgroup.h"
#include "engine/local/network_egress.h"
#include "engine/local/network_thread.h"
#include "engine/local/oci_runtime.h"
#include "engine/local/sandbox.h"
#include "net/loop.h"
#include "net/mailbox.h"

namespace marea::engine::local {

inline constexpr std::size_t kMostPendingResults = 4 * static_cast<std::size_t>(net::kMostInstanceSlots);

struct SandboxMachine {
  net::Loop& loop;
  const base::Log& log;
  SandboxHostOptions options;
  OciRuntime runtime;
  Cgroups cgroups;
  std::string tag;   // of this data directory: tells our cgroups, devices and rules from another marea's
  std::string shim;  // the copy of marea-shim on the stage
  bool swap_accounting = false;
  std::string seccomp_program;  // empty: the runtime takes none
  NetworkEgress egress;
  std::optional<base::Error> no_egress;                       // why there is no way out of sandboxes on this machine
  std::function<void(const std::string& id)> clean_up_later;  // for what the kernel holds longer than we can wait
  // Results of `network`'s jobs, run on the loop.
  net::Mailbox<std::function<void()>> results{loop, kMostPendingResults,
                                              [](const std::function<void()>& run) { run(); }};
  NetworkThread visits;  // for what the loop waits for: never anything slow
  // A write to a cgroup's list of members waits for an RCU grace period, some 10 ms, unless another has just waited.
  // So one that changes nothing is made as soon as a sandbox is wanted, beside all that comes before the runtime's own.
  base::Fd own_members;
  NetworkThread grace;
  void begin_grace_period();
  NetworkThread network;  // after `results`: it finishes its jobs before it goes

  std::string cgroup_root() const { return "marea/" + tag; }
  std::string cgroup_of(const std::string& id) const { return cgroup_root() + "/" + id; }
  std::string run_folder() const { return options.data_dir + "/run"; }
  // An empty folder: as long as it is there, a later life of the engine knows the name.
  std::string trace_of(const std::string& id) const { return run_folder() + "/" + id; }
  // On the stage, which is memory: on a disk these files would be a tenth of what a start costs. Nobody needs them once
  // the sandbox runs, and they go with the engine.
  std::string stage_of(const std::string& id) const;
  std::string bundle_of(const std::string& id) const { return stage_of(id) + "/bundle"; }
  std::string runtime_state() const;
};

// A short text that stays the same for the same data directory, whatever path leads to it.
std::string tag_of(const struct stat& folder);

// Removes what a dead sandbox has left: cgroups, the runtime's files, the folder on the stage, its trace. False when
// the kernel still holds a cgroup; calling it again is right then.
bool clean_up(const SandboxMachine& machine, const std::string& id);

}  // namespace marea::engine::local
