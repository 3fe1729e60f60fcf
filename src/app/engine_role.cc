#include "app/engine_role.h"

#include <utility>

#include "base/time_slice.h"
#include "engine/local/engine_process.h"
#include "engine/local/sandbox.h"

namespace marea::app {

base::Result<std::unique_ptr<net::RoleProcess>> make_engine_role(RoleWorld world) {
  namespace local = engine::local;
  base::ask_for_time_slice(0, base::kShortSlice);  // every sandbox inherits it
  base::Result<std::unique_ptr<local::SandboxHost>> host =
      local::open_sandbox_host(world.loop, world.log,
                               {.data_dir = world.options.data,
                                .runtime = world.options.runtime == "auto" ? "" : world.options.runtime,
                                .shim = world.options.shim,
                                .to_keeper = world.to_keeper});
  if (!host) return std::unexpected(std::move(host.error()));
  base::Result<local::RunFolder> run = local::RunFolder::open(world.options.data + "/run");
  if (!run) return std::unexpected(std::move(run.error()));
  return std::make_unique<local::EngineProcess>(local::EngineProcess::World{.loop = world.loop,
                                                                            .random = world.random,
                                                                            .log = world.log,
                                                                            .host = std::move(*host),
                                                                            .run = std::move(*run),
                                                                            .to_keeper = std::move(world.to_keeper),
                                                                            .limits = world.options.limits});
}

}  // namespace marea::app
