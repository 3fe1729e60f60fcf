#include "app/roles.h"

#include <algorithm>
#include <thread>

#include "app/logs_role.h"
#include "pipeline/builder_role.h"
#include "router/router.h"

namespace marea::app {

base::Result<std::unique_ptr<net::RoleProcess>> make_role(net::Role role, RoleWorld world) {
  if (role == net::Role::router) {
    constexpr unsigned kMostWorkers = 64;
    return std::make_unique<router::Router>(router::Router::World{
        .loop = world.loop,
        .random = world.random,
        .log = world.log,
        .routes_file = world.options.data + "/router/routes",
        .workers = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, kMostWorkers))});
  }
  return std::make_unique<LogsRole>(LogsRole::World{.loop = world.loop,
                                                    .log = world.log,
                                                    .folder = world.options.data + "/logs",
                                                    .to_keeper = std::move(world.to_keeper)});
}

int run_builder_role(base::Fd control) {
  return pipeline::run_builder(std::move(control));
}

}  // namespace marea::app
