// The `engine` role on this machine: checks it, cleans up what an earlier engine left, and runs instances on it.
#pragma once

#include <memory>

#include "app/roles.h"
#include "base/error.h"
#include "net/role.h"

namespace marea::app {

// Errors name the missing privilege, program or kernel feature, and the remedy.
base::Result<std::unique_ptr<net::RoleProcess>> make_engine_role(RoleWorld world);

}  // namespace marea::app
