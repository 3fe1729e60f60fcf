#include "engine/local/network_egress.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "engine/local/network_thread.h"
#include "engine/local/oci_runtime.h"
#include "engine/local/small_file.h"
#include "net/role.h"

namespace marea::engine::local {
namespace {

// 198.18.0.0/15, set aside for benchmarks of networks (RFC 2544) and routed nowhere, cut into blocks of all slots, so
// that several mareas fit on a machine.
constexpr Ipv4 kFirst = (198U << 24) | (18U << 16);
constexpr Ipv4 kBlock = 6144;
constexpr Ipv4 kBlocks = 131072 / kBlock;
static_assert(kBlock >= 2 * net::kMostInstanceSlots);

constexpr const char* kSandboxDevice = "eth0";
constexpr std::size_t kMostRulesOutput = 300;

bool switch_on(const std::string& path) {
  if (read_small_file(path).starts_with('1')) return true;
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), "1", 1) == 1;
}

// Sandboxes speak IPv4 alone, and no link-local address may lead around the rules. (Linux 6.18 refuses the attribute
// addrgenmode at a veth pair's creation.) A kernel without IPv6 has no such setting.
bool without_ipv6(const std::string& device) {
  const std::string settings = "/proc/sys/net/ipv6/conf/" + device;
  return ::access(settings.c_str(), F_OK) != 0 || switch_on(settings + "/disable_ipv6");
}

// Devices that lead to the internet: those of default routes (proc(5), /proc/net/route).
std::vector<std::string> default_devices() {
  std::vector<std::string> out;
  std::istringstream lines(read_small_file("/proc/net/route"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string device;
    std::string destination;
    words >> device >> destination;
    if (destination == "00000000") out.push_back(device);
  }
  return out;
}

int slot_of(const std::string& device, const std::string& prefix) {
  return std::atoi(device.c_str() + prefix.size());
}

// Where the addresses begin: where the devices of an earlier life (`prefix`) have theirs, else a block nobody has.
Ipv4 first_address(const std::string& tag, const std::string& prefix) {
  ifaddrs* all = nullptr;
  std::set<Ipv4> taken;
  std::optional<Ipv4> ours;
  if (::getifaddrs(&all) == 0) {
    for (const ifaddrs* at = all; at != nullptr; at = at->ifa_next) {
      if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
      const Ipv4 address = ntohl(reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr.s_addr);
      if (std::string_view(at->ifa_name).starts_with(prefix)) {
        ours = address - 2U * static_cast<Ipv4>(slot_of(at->ifa_name, prefix));
      }
      if (address >= kFirst) taken.insert((address - kFirst) / kBlock);
    }
    ::freeifaddrs(all);
  }
  if (ours) return *ours;
  Ipv4 wanted = 0;
  for (const char digit : tag) wanted = wanted * 31U + static_cast<unsigned char>(digit);
  for (Ipv4 i = 0; i < kBlocks; ++i) {
    const Ipv4 block = (wanted + i) % kBlocks;
    if (!taken.contains(block)) return kFirst + block * kBlock;
  }
  return kFirst + wanted % kBlocks * kBlock;
}

std::vector<std::string> devices_with(const std::string& prefix) {
  std::vector<std::string> out;
  struct if_nameindex* all = ::if_nameindex();
  for (struct if_nameindex* at = all; at != nullptr && at->if_name != nullptr; ++at) {
    if (std::string_view(at->if_name).starts_with(prefix)) out.emplace_back(at->if_name);
  }
  ::if_freenameindex(all);
  return out;
}

base::Error rules_error(const std::string& why) {
  return {base::ErrorCode::dependency_missing,
          "cannot set the firewall rules of sandboxes",
          why,
          "apt-get install nftables, on a kernel with nf_tables; or give services marea.dev/egress: none",
          {}};
}

}  // namespace

bool is_loopback(Ipv4 address) {
  return address >> 24 == 127;
}

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

Resolvers find_resolvers() {
  Resolvers out = parse_resolvers(read_small_file("/etc/resolv.conf"));
  if (!std::ranges::all_of(out.servers, is_loopback)) {
    std::erase_if(out.servers, is_loopback);
    return out;
  }
  Resolvers behind = parse_resolvers(read_small_file("/run/systemd/resolve/resolv.conf"));
  std::erase_if(behind.servers, is_loopback);
  return behind.servers.empty() ? out : behind;
}

std::string resolver_file(const EgressPlan& plan, model::Egress egress, int slot) {
  if (egress != model::Egress::internet) return "# this revision has no way out: marea.dev/egress\n";
  std::string out;
  for (const std::string& line : plan.resolvers.other_lines) out += line + "\n";
  for (const Ipv4 server : plan.resolvers.servers) {
    out += "nameserver " + to_text(is_loopback(server) ? plan.machine_address(slot) : server) + "\n";
  }
  return out;
}

base::Result<void> NetworkEgress::open(const base::Clock& clock, const std::string& tag, const std::string& folder) {
  plan_.table = "marea_" + tag;
  plan_.prefix = "mv" + tag;
  plan_.resolvers = find_resolvers();
  base::Result<NetworkLink> link = NetworkLink::open();
  if (!link) return std::unexpected(link.error());
  link_ = std::move(*link);
  plan_.first = first_address(tag, plan_.prefix);
  const std::string path = folder + "/.rules.nft";
  std::ofstream(path, std::ios::trunc) << egress_rules(plan_);
  base::Result<ProgramEnd> end = run_to_end(clock, {"nft", "-f", path});
  if (!end) return base::fail(rules_error(end.error().why));
  if (end->status != 0) return base::fail(rules_error("nft: " + end->output.substr(0, kMostRulesOutput)));
  open_ = true;
  return {};
}

void NetworkEgress::remove_devices_but(const std::set<int>& slots) {
  for (const std::string& device : devices_with(plan_.prefix)) {
    if (!slots.contains(slot_of(device, plan_.prefix))) disconnect(slot_of(device, plan_.prefix));
  }
}

void NetworkEgress::close(const base::Clock& clock) {
  if (open_) [[maybe_unused]]
    const base::Result<ProgramEnd> end = run_to_end(clock, {"nft", "delete", "table", "inet", plan_.table});
  open_ = false;
}

base::Result<void> NetworkEgress::connect(const base::Fd& network, int slot) {
  const std::string device = plan_.device(slot);
  base::Result<void> done = link_->add_veth(device, kSandboxDevice, network.get());
  if (!done) return done;
  if (!without_ipv6(device)) return base::fail(base::os_error("cannot keep IPv6 off " + device));
  const int outer = link_->index_of(device);
  done = link_->add_address(outer, plan_.machine_address(slot), 31);
  if (done) done = link_->set_up(outer);
  if (!done) return done;
  const std::string settings = "/proc/sys/net/ipv4/conf/";
  bool forwards = switch_on(settings + device + "/forwarding");
  if (std::ranges::any_of(plan_.resolvers.servers, is_loopback)) switch_on(settings + device + "/route_localnet");
  for (const std::string& uplink : default_devices()) {
    if (!forwarding_.contains(uplink) && switch_on(settings + uplink + "/forwarding")) forwarding_.insert(uplink);
    forwards = forwards && forwarding_.contains(uplink);
  }
  if (!forwards) return base::fail(base::os_error("cannot let the machine forward packets of sandboxes"));
  const NetworkVisit visit(network);
  if (!visit) return base::fail(base::os_error("cannot enter the sandbox's network"));
  if (!without_ipv6(kSandboxDevice)) return base::fail(base::os_error("cannot keep IPv6 off a sandbox"));
  base::Result<NetworkLink> inside = NetworkLink::open();
  if (!inside) return std::unexpected(inside.error());
  const int inner = inside->index_of(kSandboxDevice);
  done = inside->add_address(inner, plan_.sandbox_address(slot), 31);
  if (done) done = inside->send_single_packets(inner);  // the rules' rate counts packets
  if (done) done = inside->set_up(inner);
  if (done) done = inside->add_default_route(inner, plan_.machine_address(slot));
  return done;
}

void NetworkEgress::disconnect(int slot) {
  // An error means that the kernel removes it later, with the namespace.
  if (link_) [[maybe_unused]]
    const base::Result<void> removed = link_->remove(plan_.device(slot));
}

}  // namespace marea::engine::local
