#include "net/messages.h"

namespace marea::net {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::keeper: return "keeper";
    case Role::engine: return "engine";
    case Role::router: return "router";
    case Role::control: return "control";
    case Role::logs: return "logs";
    case Role::builder: return "builder";
  }
  return "unknown";
}

}  // namespace marea::net
