#include "engine/local/network_ingress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "engine/local/network_thread.h"

namespace marea::engine::local {
namespace {

constexpr int kLoopback = 1;  // the index of `lo` in every network namespace

base::Result<base::Fd> make_socket() {
  base::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return base::fail(base::os_error("cannot make a socket in the sandbox"));
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Without it every socket of the stock would hold a port of its own from now on.
  ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(kIngressAddress);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return base::fail(base::os_error("cannot bind a socket in the sandbox"));
  }
  return socket;
}

}  // namespace

base::Result<void> connect_ingress(const base::Fd& network) {
  const NetworkVisit visit(network);
  if (!visit) return base::fail(base::os_error("cannot enter the sandbox's network"));
  base::Result<NetworkLink> link = NetworkLink::open();
  if (!link) return std::unexpected(link.error());
  base::Result<void> done = link->set_up(kLoopback);
  if (done) done = link->add_address(kLoopback, kIngressAddress, 32);
  return done;
}

base::Result<std::vector<base::Fd>> make_ingress_sockets(const base::Fd& network, int count) {
  const NetworkVisit visit(network);
  if (!visit) return base::fail(base::os_error("cannot enter the sandbox's network"));
  std::vector<base::Fd> out;
  out.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    base::Result<base::Fd> socket = make_socket();
    if (!socket) return std::unexpected(socket.error());
    out.push_back(std::move(*socket));
  }
  return out;
}

}  // namespace marea::engine::local
