// Which class is which role, with the real world passed in. The one place that knows all of them.
#pragma once

#include <memory>

#include "app/role_options.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "net/loop.h"
#include "net/role.h"
#include "pipeline/skopeo.h"

namespace marea::app {

struct RoleWorld {
  net::Loop& loop;
  base::Random& random;
  const base::Log& log;
  const RoleOptions& options;
  net::ToKeeper to_keeper;
};

// engine, router, control or logs.
base::Result<std::unique_ptr<net::RoleProcess>> make_role(net::Role role, RoleWorld world);

// The builder lives for one job; its descriptor is a link to control. Returns the exit code.
int run_builder_role(base::Fd control, pipeline::RegistryFiles files);

}  // namespace marea::app
