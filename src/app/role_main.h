// The main() of every role that keeper starts: descriptor 3 is the link to keeper, the arguments are those that
// serve.cc wrote. Returns the exit code; a role ends when its keeper does.
#pragma once

#include "net/messages.h"

namespace marea::app {

int role_main(net::Role role, int argc, char** argv);

}  // namespace marea::app
