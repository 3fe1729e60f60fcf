// One instance's sandbox, from nothing to its end, as events on the loop: root file system, user and network
// namespaces, limits, output pipes, and marea-shim waiting inside as PID 1. What happens inside is engine/local's
// secret, also of how many containers it is made (sandbox_group.h); whoever holds a Sandbox only says prepare, start
// and stop.
//
//   prepare → prepared → start → started → ended
//                 any of them may go straight to ended; ended comes exactly once, and by then no process of the sandbox
//                 is left and its mounts, namespaces and cgroups are gone or handed to the host's cleanup queue.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "engine/local/cpu_grant.h"
#include "engine/local/machine_load.h"
#include "model/instance.h"
#include "model/revision.h"
#include "net/loop.h"
#include "net/role.h"

namespace marea::engine::local {

inline constexpr base::Duration kUnusedGrace = std::chrono::seconds(2);  // from SIGTERM on, for one that never served

struct SandboxOrder {
  base::InstanceId id;
  int slot = 0;  // 0 … net::kMostInstanceSlots - 1, used by no other sandbox: ids and addresses come from it
  model::Revision revision;
};

struct SandboxEnd {
  // none: it ended because it was asked to. sandbox_failed, app_exited, app_killed, out_of_memory else.
  model::Reason reason = model::Reason::none;
  std::string detail;                     // a sentence for people: what the runtime or the kernel said
  std::optional<model::ExitStatus> exit;  // of the app, when it ever ran
  std::string container;                  // the sidecar that all of this is about; empty: the app
  std::int64_t peak_memory_bytes = 0;
  base::Duration cpu{};
  model::Usage usage;  // filled by the one who knows the rest (engine_process.h)
};

// What its processes have used so far.
struct SandboxUse {
  base::Duration cpu{};
  std::int64_t peak_memory_bytes = 0;
};

// Of a sandbox of several containers that is about to end: what nobody can read again once a container is removed.
struct SandboxParting {
  std::optional<SandboxEnd> cause;                    // of an end that nobody asked for
  std::vector<std::optional<SandboxEnd>> containers;  // the app's first; of those that still run nothing
};

// What only the engine that made it has seen, and an adopting one must be told.
struct SandboxPast {
  bool app_started = false;
  bool asked_to_stop = false;  // SIGTERM was sent: it is not sent twice
  SandboxParting parting = {};
};

class Sandbox {
 public:
  struct Events {
    std::function<void()> on_prepared;  // sockets can be made, start() may be called
    // The app's program was executed. Until it returns, an adopting engine would hear it too.
    std::function<void()> on_started;
    // The end is known, and what tells it is about to be removed; may be empty.
    std::function<void(SandboxEnd)> on_dying;
    // One of several containers has ended or is the cause of the end, others are still there; may be empty.
    std::function<void(const SandboxParting&)> on_parting = {};
    // A sidecar has ended or does not answer: the instance is to be ended soon, and is told to end by its owner, so
    // that requests may end before. At most once.
    std::function<void(const SandboxEnd&)> on_failing;
    std::function<void(SandboxEnd)> on_ended;  // once; the Sandbox may be destroyed inside
  };
  virtual ~Sandbox() = default;
  // Executes the app. Called once, after on_prepared.
  virtual void start() = 0;
  // SIGTERM to the app, SIGKILL to all after `grace`. Idempotent; a later call can only shorten the grace.
  virtual void stop(base::Duration grace) = 0;
  // The app was found ready: what waits for it may start.
  virtual void app_ready() = 0;
  // Unconnected non-blocking TCP sockets inside its network namespace, bound to 169.254.8.1 port 0: connecting one to
  // 127.0.0.1:PORT reaches the app.
  virtual base::Result<std::vector<base::Fd>> make_sockets(int count) = 0;
  // The TCP sockets that its processes listen on now, without ours.
  virtual std::vector<model::ListeningSocket> listening() const = 0;
  virtual SandboxUse use() const = 0;
  virtual std::int64_t memory_bytes() const = 0;  // of all its containers, now
  // Its processes run on all CPUs but the machine's first and have a long time slice (base/time_slice.h), or on all
  // CPUs with a short one again. What the kernel does not offer does not happen.
  virtual void confine(bool confined) = 0;
  // From prepared on, of several containers at any time; a new one has the usual grant. False: it may have what it had,
  // or part of either.
  virtual bool give_cpu(CpuGrant grant) = 0;
};

// What keeper held of a sandbox: of the app's container, and of each sidecar; empty ones are gone.
using HeldDescriptors = std::vector<std::vector<base::Fd>>;

// The machine's side: the runtime, the cgroup roots, the nft table, ids, and the cleanup of what earlier lives left.
class SandboxHost {
 public:
  virtual ~SandboxHost() = default;
  virtual const std::string& runtime() const = 0;  // "crun 1.8.1"
  // How many slots this machine bears (ids, memory are the caller's to count).
  virtual std::int64_t memory_bytes() const = 0;  // of the machine, total
  virtual MachineLoad load() = 0;                 // of the machine, now
  // Begins to prepare at once.
  virtual base::Result<std::unique_ptr<Sandbox>> create(SandboxOrder order, Sandbox::Events events) = 0;
  // Takes over a sandbox of an engine that died, alive or not, with what keeper held for each of its containers
  // (hold_key). Fails for one whose app was not started yet: it is a leftover. No event comes before the loop's next
  // turn.
  virtual base::Result<std::unique_ptr<Sandbox>> adopt(SandboxOrder order, SandboxPast past, HeldDescriptors held,
                                                       Sandbox::Events events) = 0;
  // Ends and removes whatever earlier lives left (processes, cgroups, mounts, devices), but for those adopted: once,
  // after all adoptions and before the first create().
  virtual void remove_leftovers(const std::map<base::InstanceId, int>& adopted_slots) = 0;
};

// Under which keeper holds the descriptors of a container for the next engine: 0 is the app's, 1 the first sidecar's.
std::string hold_key(const base::InstanceId& id, std::size_t container = 0);

struct SandboxHostOptions {
  std::string data_dir;  // absolute; DATA/run is engine's own
  std::string runtime;   // "crun", "runc" or "" = the best that is installed
  std::string shim;      // absolute path of marea-shim
  // Output pipes go to logs through it: Hold{logs, "out/SERVICE/REVISION/INSTANCE"}, of a sidecar with "/CONTAINER";
  // and Hold{engine, hold_key(id)}.
  net::ToKeeper to_keeper;
};

// Checks the machine and opens it. Errors name the missing privilege, program or kernel feature and the remedy.
base::Result<std::unique_ptr<SandboxHost>> open_sandbox_host(net::Loop& loop, const base::Log& log,
                                                             SandboxHostOptions options);

}  // namespace marea::engine::local
