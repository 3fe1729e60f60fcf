#include "engine/local/network_egress.h"

#include <arpa/inet.h>

#include <sstream>

namespace marea::engine::local {

Resolvers parse_resolvers(const std::string& text) {
  Resolvers out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    std::string value;
    words >> key >> value;
    in_addr address{};
    if (key == "nameserver") {
      if (::inet_pton(AF_INET, value.c_str(), &address) == 1) out.servers.push_back(ntohl(address.s_addr));
    } else if (key == "search" || key == "domain" || key == "options") {
      out.other_lines.push_back(line);
    }
  }
  return out;
}

std::string resolver_file(const Resolvers& resolvers, model::Egress egress) {
  if (egress != model::Egress::internet) return "# this revision has no way out: marea.dev/egress\n";
  std::string out;
  for (const std::string& line : resolvers.other_lines) out += line + "\n";
  for (const Ipv4 server : resolvers.servers) out += "nameserver " + to_text(server) + "\n";
  return out;
}

}  // namespace marea::engine::local
