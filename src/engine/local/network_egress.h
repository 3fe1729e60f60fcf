// A sandbox's way out to the internet: a device pair with addresses of its own, and one nftables table for all of them.
// Open: the internet, and DNS at the machine's resolvers. Closed: the machine itself, other sandboxes, private,
// shared, link-local (the metadata endpoint) and multicast ranges, and IPv6, which sandboxes do not have.
//
// Devices are named PREFIX + slot, so that the rules match by prefix and never change while instances come and go.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/local/network_link.h"
#include "model/service.h"

namespace marea::engine::local {

struct Resolvers {
  std::vector<Ipv4> servers;
  std::vector<std::string> other_lines;  // search, options: as they are
};

// Pure: the text of /etc/resolv.conf (resolv.conf(5)). IPv6 servers are passed over: sandboxes have none.
Resolvers parse_resolvers(const std::string& text);

// This machine's. Where /etc/resolv.conf names a loopback address alone (systemd-resolved, dnsmasq), the servers
// behind it where systemd says them; else the loopback server itself, which Egress makes reachable.
Resolvers find_resolvers();

// The way from a sandbox to a resolver on the machine's loopback: 198.18.0.0 + …, translated by our rules.
bool is_loopback(Ipv4 address);

struct EgressPlan {
  std::string table;   // "marea_TAG"
  std::string prefix;  // of device names: "mvTAG"
  Ipv4 first = 0;      // slot n: the machine has first + 2n, the sandbox first + 2n + 1
  Resolvers resolvers;
  Ipv4 machine_address(int slot) const { return first + 2U * static_cast<Ipv4>(slot); }
  Ipv4 sandbox_address(int slot) const { return machine_address(slot) + 1; }
  std::string device(int slot) const { return prefix + std::to_string(slot); }
};

// Pure: the nft file that replaces our table.
std::string egress_rules(const EgressPlan& plan);

// The sandbox's /etc/resolv.conf.
std::string resolver_file(const EgressPlan& plan, model::Egress egress, int slot);

class NetworkEgress {
 public:
  // Loads the rules in one step, so that sandboxes of an earlier life are never without; their devices stay, and their
  // addresses are what it goes on with. `tag`: see SandboxMachine; `folder`: for the file.
  base::Result<void> open(const base::Clock& clock, const std::string& tag, const std::string& folder);
  // Removes the devices of all other slots.
  void remove_devices_but(const std::set<int>& slots);
  // Removes the rules.
  void close(const base::Clock& clock);
  const EgressPlan& plan() const { return plan_; }

  // Both on NetworkThread.
  base::Result<void> connect(const base::Fd& network, int slot);
  void disconnect(int slot);

 private:
  EgressPlan plan_;
  std::optional<NetworkLink> link_;
  std::set<std::string> forwarding_;  // the machine's own devices that we let forward
  bool open_ = false;
};

}  // namespace marea::engine::local
