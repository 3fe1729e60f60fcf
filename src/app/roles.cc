#include "app/roles.h"

#include <algorithm>
#include <thread>

#include "app/control_role.h"
#include "app/engine_role.h"
#include "app/logs_role.h"
#include "pipeline/builder_role.h"
#include "router/router.h"

namespace marea::app {

namespace {

std::unique_ptr<net::RoleProcess> make_router(const RoleWorld& world) {
  constexpr auto kMostWorkers = static_cast<unsigned>(router::kMostWorkers);
  return std::make_unique<router::Router>(router::Router::World{
      .loop = world.loop,
      .random = world.random,
      .log = world.log,
      .routes_file = world.options.data + "/router/routes",
      .records_folder = world.options.records ? world.options.data + "/requests" : std::string(),
      .workers = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, kMostWorkers)),
      .limits = world.options.limits});
}

std::unique_ptr<net::RoleProcess> make_logs(RoleWorld world) {
  return std::make_unique<LogsRole>(LogsRole::World{.loop = world.loop,
                                                    .log = world.log,
                                                    .folder = world.options.data + "/logs",
                                                    .to_keeper = std::move(world.to_keeper),
                                                    .bytes_per_second = world.options.limits[model::Limit::log_bytes]});
}

}  // namespace

base::Result<std::unique_ptr<net::RoleProcess>> make_role(net::Role role, RoleWorld world) {
  switch (role) {
    case net::Role::router: return make_router(world);
    case net::Role::control:
      return ControlRole::open({.loop = world.loop,
                                .random = world.random,
                                .log = world.log,
                                .data = world.options.data,
                                .http_port = world.options.http_port,
                                .to_keeper = std::move(world.to_keeper),
                                .limits = world.options.limits,
                                .place = world.options.place,
                                .most_disk_percent = world.options.disk_limit});
    case net::Role::logs: return make_logs(std::move(world));
    case net::Role::engine: return make_engine_role(std::move(world));
    case net::Role::keeper:
    case net::Role::builder: break;
  }
  return base::fail(base::ErrorCode::internal, "no such role");
}

int run_builder_role(base::Fd control, pipeline::RegistryFiles files) {
  return pipeline::run_builder(std::move(control), std::move(files));
}

}  // namespace marea::app
