#include "router/acceptor.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "router/switchboard.h"
#include "router/worker.h"

namespace marea::router {
namespace {

// Few at a time, so that a burst spreads over the workers.
constexpr int kAcceptsPerTurn = 4;
// After the last descriptor or the last allowed connection: look again.
constexpr base::Duration kPause = std::chrono::milliseconds(20);

Peer peer_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
  in_addr v4 = reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
  if (address.ss_family != AF_INET) {
    if (!IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
      ClientKey network = 0;
      std::memcpy(&network, &v6->sin6_addr, sizeof network);
      return {.address = text.data(), .ipv6 = true, .client = be64toh(network)};
    }
    std::memcpy(&v4, &v6->sin6_addr.s6_addr[12], sizeof v4);
  }
  ::inet_ntop(AF_INET, &v4, text.data(), text.size());
  return {.address = text.data(), .ipv6 = false, .client = client_of_ipv4(ntohl(v4.s_addr))};
}

// Said without waiting, to whoever has its share of connections already: it would cost what the limit is to spare.
void turn_away(const base::Fd& connection) {
  constexpr std::string_view kBody = "429 Too Many Requests\nthis client has too many connections open\n";
  static const std::string answer =
      "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\nConnection: "
      "close\r\nContent-Length: " +
      std::to_string(kBody.size()) + "\r\n\r\n" + std::string(kBody);
  std::array<char, 4096> unread;
  ::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(connection.get(), SHUT_WR);
  // What lies unread at the close would reset the connection under the answer.
  for (int reads = 0; reads < 4 && ::recv(connection.get(), unread.data(), unread.size(), MSG_DONTWAIT) > 0; ++reads) {
  }
}

}  // namespace

Acceptor::Acceptor(Worker& worker, base::Fd listener)
    : worker_(worker), listener_(std::move(listener)), resume_(worker.loop(), [this] { watch(); }) {
  watch();
}

Acceptor::~Acceptor() {
  if (watching_) worker_.loop().remove(listener_.get(), *this);
}

void Acceptor::watch() {
  watching_ = worker_.loop().add(listener_.get(), EPOLLIN | EPOLLEXCLUSIVE, *this).has_value();
  if (!watching_) resume_.arm_in(kPause);
}

void Acceptor::pause() {
  worker_.loop().remove(listener_.get(), *this);
  watching_ = false;
  resume_.arm_in(kPause);
}

void Acceptor::on_ready(std::uint32_t /*events*/) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    Bounds& bounds = worker_.bounds();
    if (bounds.full() || bounds.tight()) {  // the next ones wait in the socket
      bounds.hit(bounds.full() ? model::Limit::connections : model::Limit::buffer_bytes);
      pause();
      return;
    }
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    base::Fd connection(
        ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause();
      return;
    }
    const int on = 1;
    ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Peer from = peer_of(peer);
    if (!bounds.clients.enter(from.client, bounds[model::Limit::connections_per_client])) {
      bounds.hit(model::Limit::connections_per_client);
      turn_away(connection);
      continue;
    }
    worker_.accepted(std::move(connection), std::move(from));
  }
}

}  // namespace marea::router
