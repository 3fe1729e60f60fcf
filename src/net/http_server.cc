#include "net/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "net/http_connection.h"

namespace marea::net {
namespace {

constexpr int kAcceptsPerEvent = 16;
constexpr std::size_t kRequestBytes = 64U << 10;
constexpr auto kOutOfDescriptorsPause = std::chrono::milliseconds(100);

HttpPeer peer_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  HttpPeer peer{.address = "unix", .uid = {}, .pid = {}, .tls = false};
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return peer;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto* address = reinterpret_cast<const sockaddr_in*>(&storage);
    ::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
    peer.address = std::string(text.data()) + ":" + std::to_string(ntohs(address->sin_port));
  } else if (storage.ss_family == AF_INET6) {
    const auto* address = reinterpret_cast<const sockaddr_in6*>(&storage);
    ::inet_ntop(AF_INET6, &address->sin6_addr, text.data(), text.size());
    peer.address = "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(address->sin6_port));
  } else if (storage.ss_family == AF_UNIX) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
      peer.uid = credentials.uid;
      peer.pid = credentials.pid;
    }
  }
  return peer;
}

void make_non_blocking(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

// One listening socket.
class HttpServer::Acceptor final : public Watcher {
 public:
  Acceptor(HttpServer& server, base::Fd fd)
      : server_(server), fd_(std::move(fd)), resume_(server.loop_, [this] { watch(EPOLLIN); }) {}
  ~Acceptor() override { server_.loop_.remove(fd_.get(), *this); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  base::Result<void> start() {
    make_non_blocking(fd_.get());
    return server_.loop_.add(fd_.get(), EPOLLIN, *this);
  }

  void on_ready(std::uint32_t /*events*/) override {
    for (int i = 0; i < kAcceptsPerEvent; ++i) {
      base::Fd connected(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (connected) {
        server_.serve(std::move(connected));
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The backlog keeps the descriptor ready: without a pause the loop would spin.
        server_.close_idle_longest();
        watch(0);
        resume_.arm_in(kOutOfDescriptorsPause);
      }
      return;
    }
  }

 private:
  void watch(std::uint32_t events) { server_.loop_.modify(fd_.get(), events, *this); }

  HttpServer& server_;
  base::Fd fd_;
  Timer resume_;
};

HttpServer::HttpServer(Loop& loop, HttpLimits limits, HttpRoute route)
    : loop_(loop),
      limits_(limits),
      route_(std::move(route)),
      burial_(loop, [this] { bury(); }),
      scratch_(kRequestBytes) {}

HttpServer::~HttpServer() = default;

base::Result<void> HttpServer::listen(base::Fd listener) {
  auto acceptor = std::make_unique<Acceptor>(*this, std::move(listener));
  if (auto started = acceptor->start(); !started) return started;
  acceptors_.push_back(std::move(acceptor));
  return {};
}

void HttpServer::serve(base::Fd connected) {
  make_non_blocking(connected.get());
  const int on = 1;
  ::setsockopt(connected.get(), IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof on);  // fails on Unix sockets, which have no delay
  if (connections_.size() >= limits_.connections && !close_idle_longest()) return full(std::move(connected));
  HttpPeer peer = peer_of(connected.get());
  auto connection = std::make_unique<HttpConnection>(*this, std::move(connected), std::move(peer));
  if (connection->start()) connections_.emplace(connection.get(), std::move(connection));
}

void HttpServer::full(base::Fd connected) {
  const HttpResponse refusal = status_response(503, "too many connections to the API are open");
  const std::string text = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: " +
                           refusal.fields.front().second +
                           "\r\nContent-Length: " + std::to_string(refusal.body.size()) + "\r\n\r\n" + refusal.body;
  // A fresh socket's buffer takes it at once or never.
  [[maybe_unused]] const ssize_t sent = ::send(connected.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool HttpServer::close_idle_longest() {
  HttpConnection* oldest = nullptr;
  for (const auto& [connection, owned] : connections_) {
    if (!connection->idle()) continue;
    if (oldest == nullptr || connection->idle_since() < oldest->idle_since()) oldest = connection;
  }
  if (oldest == nullptr) return false;
  oldest->close("room for another connection is needed");
  return true;
}

void HttpServer::closed(HttpConnection& connection) {
  auto node = connections_.extract(&connection);
  if (node) dead_.push_back(std::move(node.mapped()));
  if (!burial_.armed()) burial_.arm_in({});
}

void HttpServer::bury() {
  const std::vector<std::unique_ptr<HttpConnection>> dead = std::exchange(dead_, {});
  if (stopping_ && connections_.empty() && done_) std::exchange(done_, nullptr)();
}

void HttpServer::stop(std::function<void()> done) {
  stopping_ = true;
  done_ = std::move(done);
  acceptors_.clear();
  while (close_idle_longest()) {
  }
  if (!burial_.armed()) burial_.arm_in({});
}

}  // namespace marea::net
