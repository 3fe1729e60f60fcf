// How keeper starts the other roles: this same program again, as another user, with its own view of the file system.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "net/messages.h"

namespace marea::engine::local {

struct RoleStart {
  net::Role role = net::Role::router;
  std::string data_dir;                // bound to kDataView in the role's own mount namespace
  std::vector<std::string> arguments;  // after "marea ROLE"
  std::vector<int> files = {};         // become its descriptors 4, 5, …
};

// Starts `start.role` with `link` as its descriptor 3, `start.files` after it and nothing else but stdin (null), stdout
// and stderr.
// Unprivileged roles get their uid, no groups, no capabilities and no-new-privileges; engine stays root; builder gets a
// user namespace of its own (ids 0…65,535 onto the builder's range), with mount, PID and IPC namespaces. Returns the
// pid.
//
// The program is started by descriptor (/proc/self/exe), so it may lie where the role's user could not read it.
base::Result<pid_t> start_role(const RoleStart& start, const base::Fd& link);

// As many as the system allows. Children inherit it.
void raise_descriptor_limit();

}  // namespace marea::engine::local
