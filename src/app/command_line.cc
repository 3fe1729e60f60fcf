#include "app/command_line.h"

#include <cstdio>
#include <cstring>

#include "app/keeper_main.h"
#include "app/role_main.h"
#include "app/serve.h"

namespace marea::app {

int run(int argc, char** argv) {
  using net::Role;
  if (argc < 2) {
    std::fputs("marea: no verbs yet\n", stderr);
    return 2;
  }
  if (std::strcmp(argv[1], "keeper") == 0) return keeper_main(argc - 2, argv + 2);
  for (const Role role : {Role::engine, Role::router, Role::control, Role::logs, Role::builder}) {
    if (net::to_string(role) == argv[1]) return role_main(role, argc - 2, argv + 2);
  }
  return 2;
}

}  // namespace marea::app
