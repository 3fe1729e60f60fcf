#include <algorithm>
#include <sstream>

#include "engine/local/kernel_limits.h"
#include "engine/local/network_egress.h"

namespace marea::engine::local {
namespace {

// Special-purpose ranges (RFC 6890) that are no part of the internet.
constexpr const char* kClosed =
    "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.168.0.0/16, "
    "198.18.0.0/15, 224.0.0.0/4, 240.0.0.0/4";

std::string resolver_set(const Resolvers& resolvers) {
  std::string elements;
  for (const Ipv4 server : resolvers.servers) {
    if (is_loopback(server)) continue;
    elements += (elements.empty() ? "" : ", ") + to_text(server);
  }
  const std::string line = elements.empty() ? "" : "    elements = { " + elements + " }\n";
  return "  set resolvers {\n    type ipv4_addr\n" + line + "  }\n";
}

// DNS questions to the machine's end of the pair go to the resolver on its loopback.
std::string loopback_resolver(const EgressPlan& plan) {
  const auto found = std::ranges::find_if(plan.resolvers.servers, is_loopback);
  if (found == plan.resolvers.servers.end()) return {};
  const std::string from = "    iifname \"" + plan.prefix + "*\" fib daddr type local ";
  const std::string to = " dport 53 dnat ip to " + to_text(*found) + "\n";
  return "  chain dns {\n    type nat hook prerouting priority dstnat; policy accept;\n" + from + "udp" + to + from +
         "tcp" + to + "  }\n";
}

}  // namespace

std::string egress_rules(const EgressPlan& plan) {
  const std::string from = "    iifname \"" + plan.prefix + "*\" ";
  const std::string to = "    oifname \"" + plan.prefix + "*\" ";
  std::ostringstream out;
  // Naming the table first lets `delete` succeed on a machine that never had it; nft applies the file as a whole.
  out << "table inet " << plan.table << "\ndelete table inet " << plan.table << "\ntable inet " << plan.table << " {\n"
      << "  set closed {\n    type ipv4_addr\n    flags interval\n    elements = { " << kClosed << " }\n  }\n"
      << resolver_set(plan.resolvers) << "  set busy {\n    type ipv4_addr\n    flags dynamic\n    size 8192\n  }\n"
      << "  set pace {\n    type ipv4_addr\n    flags dynamic\n    size 8192\n  }\n"
      << "  chain dns_only {\n"
      << "    ip daddr @resolvers udp dport 53 accept\n    ip daddr @resolvers tcp dport 53 accept\n"
      << "  }\n"
      << "  chain outward {\n"
      << "    ct state established,related accept\n    ct state invalid drop\n    meta nfproto ipv6 drop\n"
      << "    ct state new add @busy { ip saddr ct count over " << kMostTrackedConnections << " } drop\n"
      << "    jump dns_only\n"
      << "    ip daddr @closed reject with icmp type admin-prohibited\n    accept\n"
      << "  }\n"
      // A sandbox's own addresses only: 169.254.8.1 or another's would be answered elsewhere.
      << "  chain sources {\n    type filter hook prerouting priority raw; policy accept;\n"
      << from << "fib saddr . iif oif missing drop\n"
      << from << "update @pace { ip saddr limit rate over " << kMostPacketsPerSecond << "/second burst "
      << kMostPacketBurst << " packets } drop\n  }\n"
      << loopback_resolver(plan)  //
      << "  chain forwarded {\n    type filter hook forward priority filter; policy accept;\n"
      << from << "jump outward\n"
      << to << "ct state established,related accept\n"
      << to << "drop\n  }\n"
      << "  chain machine {\n    type filter hook input priority filter; policy accept;\n"
      << from << "ct status dnat accept\n"
      << from << "jump dns_only\n"
      << from << "drop\n  }\n"
      << "  chain leaving {\n    type nat hook postrouting priority srcnat; policy accept;\n"
      << from << "masquerade\n  }\n}\n";
  return out.str();
}

}  // namespace marea::engine::local
