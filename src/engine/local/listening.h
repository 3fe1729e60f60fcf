// The TCP sockets on which programs listen, as the kernel prints them per network namespace: to tell "nothing listens"
// from "it listens on another port or address".
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "model/instance.h"

namespace marea::engine::local {

// Pure: the text of /proc/PID/net/tcp or tcp6 (proc(5)); only sockets in state LISTEN.
std::vector<model::ListeningSocket> parse_listening(const std::string& text);

// Of the network namespace of `pid`; empty when the process is gone.
std::vector<model::ListeningSocket> listening_in(pid_t pid);

}  // namespace marea::engine::local
