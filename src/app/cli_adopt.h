// The port is never a riddle: when a first `marea up` failed only because the app listens on another port than
// expected, up takes that port and writes it into the revision. Only if nothing older serves (there is nothing to
// lose), the app has exactly one listening port and it is no debugger's; and it must answer HTTP there.
#pragma once

#include <optional>
#include <string>

#include "app/cli_commands.h"

namespace marea::app {

// The one port that the instances of a list ({"items": […]}) were seen listening on, if it may be adopted. Pure.
std::optional<int> port_to_adopt(const Json& instances);

// Gives the service as it serves, or a failure: `failure` itself when there is nothing to adopt.
Outcome<Json> adopt_port(Verb& verb, const std::string& name, const Failure& failure);

}  // namespace marea::app
