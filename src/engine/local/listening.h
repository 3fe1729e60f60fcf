// The TCP sockets on which programs listen, as the kernel prints them per network namespace: to tell "nothing listens"
// from "it listens on another port or address".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "model/instance.h"

namespace marea::engine::local {

// Pure: the text of /proc/PID/net/tcp or tcp6 (proc(5)); only sockets in state LISTEN, and of these those whose inodes
// are in `only`.
std::vector<model::ListeningSocket> parse_listening(const std::string& text,
                                                    const std::set<std::uint64_t>* only = nullptr);

// Of the network namespace of `pid`; empty when the process is gone.
std::vector<model::ListeningSocket> listening_in(pid_t pid);

// Those that one of these processes has open.
std::vector<model::ListeningSocket> listening_of(pid_t pid, const std::vector<int>& processes);

}  // namespace marea::engine::local
