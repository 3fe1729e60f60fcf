#include "app/roles.h"

#include "app/logs_role.h"

namespace marea::app {

base::Result<std::unique_ptr<net::RoleProcess>> make_role(net::Role /*role*/, RoleWorld world) {
  return std::make_unique<LogsRole>(LogsRole::World{.loop = world.loop,
                                                    .log = world.log,
                                                    .folder = world.options.data + "/logs",
                                                    .to_keeper = std::move(world.to_keeper)});
}

int run_builder_role(base::Fd /*control*/) {
  return 1;
}

}  // namespace marea::app
