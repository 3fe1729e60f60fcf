// Network devices, addresses and routes through rtnetlink (rtnetlink(7)): the `ip` program would cost a start a
// hundred times as much. A socket speaks to the network namespace in which it was made, whatever becomes of the thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace marea::engine::local {

// IPv4 address in host byte order.
using Ipv4 = std::uint32_t;
std::string to_text(Ipv4 address);

class NetworkLink {
 public:
  // Of the calling thread's network namespace.
  static base::Result<NetworkLink> open();

  // 0 when there is no such device.
  int index_of(const std::string& device);
  // A pair of connected devices; `peer` is born in the namespace `peer_namespace`. Neither has IPv6.
  base::Result<void> add_veth(const std::string& name, const std::string& peer, int peer_namespace);
  base::Result<void> add_address(int device, Ipv4 address, unsigned prefix_bits);
  base::Result<void> set_up(int device);
  // What is sent through the device is cut into packets before it leaves, not behind it: else up to 64 KiB pass packet
  // filters as one (segmentation offload). Costs the sender CPU.
  base::Result<void> send_single_packets(int device);
  base::Result<void> add_default_route(int device, Ipv4 gateway);
  // Its peer goes too. A missing device is no error.
  base::Result<void> remove(const std::string& device);

 private:
  explicit NetworkLink(base::Fd socket) : socket_(std::move(socket)) {}
  base::Result<void> ask(const std::string& request, const std::string& what);

  base::Fd socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace marea::engine::local
