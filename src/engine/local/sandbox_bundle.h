// Everything that must exist before the OCI runtime is called: folders, the mounted root, /etc files, config.json, the
// pipes of the app's output.
#pragma once

#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "engine/local/sandbox.h"
#include "engine/local/sandbox_machine.h"
#include "engine/local/sandbox_part.h"

namespace marea::engine::local {

// engine checks every order again: a broken or hostile control must not become a path, an id or a cgroup elsewhere.
base::Result<void> check_order(const SandboxOrder& order);

// Gives the sandbox's user namespace, which the runtime finds through the descriptor: keep it until that has ended.
base::Result<base::Fd> make_bundle(const SandboxMachine& machine, const SandboxOrder& order, const SandboxPart& part);

struct OutputPipes {
  base::Fd out_read;  // non-blocking
  base::Fd err_read;
  base::Fd out_write;
  base::Fd err_write;
};
// The write ends belong to `owner` (an id of the machine), so that the app can open /dev/stdout again, for writing
// only.
base::Result<OutputPipes> make_output_pipes(uid_t owner, gid_t group);

// The first id of a slot's range.
uid_t id_base(int slot);

}  // namespace marea::engine::local
