// A sandbox's way out to the internet: which resolvers it may ask, and (with egress: internet) a device pair with
// addresses of its own.
#pragma once

#include <string>
#include <vector>

#include "engine/local/network_link.h"
#include "model/service.h"

namespace marea::engine::local {

struct Resolvers {
  std::vector<Ipv4> servers;
  std::vector<std::string> other_lines;  // search, options: as they are
};

// Pure: the text of /etc/resolv.conf (resolv.conf(5)). IPv6 servers are passed over: sandboxes have none.
Resolvers parse_resolvers(const std::string& text);

// The sandbox's /etc/resolv.conf.
std::string resolver_file(const Resolvers& resolvers, model::Egress egress);

}  // namespace marea::engine::local
