// The way into a sandbox: sockets made inside its network namespace and handed out, so that no packet leaves it. They
// come from kIngressAddress, an address of the sandbox's own loopback device: a visitor never looks like localhost.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "engine/local/network_link.h"

namespace marea::engine::local {

inline constexpr Ipv4 kIngressAddress = (169U << 24) | (254U << 16) | (8U << 8) | 1U;

// Both are to be called on NetworkThread.
base::Result<void> connect_ingress(const base::Fd& network);
// Unconnected, non-blocking, bound to kIngressAddress port 0 (the port is chosen when they connect).
base::Result<std::vector<base::Fd>> make_ingress_sockets(const base::Fd& network, int count);

}  // namespace marea::engine::local
