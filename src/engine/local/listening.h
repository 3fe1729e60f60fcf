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

// Descriptors that are looked at, of all processes together: an app may open as many as it likes, and engine waits.
inline constexpr std::size_t kMostDescriptors = 10'000;

// Those that one of these processes has open, as far as they are among the first `most` descriptors, lowest first.
std::vector<model::ListeningSocket> listening_of(pid_t pid, const std::vector<int>& processes,
                                                 std::size_t most = kMostDescriptors);

}  // namespace marea::engine::local
