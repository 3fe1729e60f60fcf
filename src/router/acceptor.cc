#include "router/acceptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "router/switchboard.h"
#include "router/worker.h"

namespace marea::router {
namespace {

// Few at a time, so that a burst spreads over the workers.
constexpr int kAcceptsPerTurn = 4;
// After the last descriptor or the last allowed connection: look again.
constexpr base::Duration kPause = std::chrono::milliseconds(20);

std::pair<std::string, bool> text_of(const sockaddr_storage& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (peer.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&peer);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return {text.data(), false};
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&peer);
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
    ::inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text.data(), text.size());
    return {text.data(), false};
  }
  ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  return {text.data(), true};
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
    if (worker_.switchboard().connections.load(std::memory_order_relaxed) >= kMostConnections) {
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
    auto [address, ipv6] = text_of(peer);
    worker_.accepted(std::move(connection), std::move(address), ipv6);
  }
}

}  // namespace marea::router
