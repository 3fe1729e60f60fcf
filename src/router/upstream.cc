#include "router/upstream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "router/client.h"
#include "router/worker.h"

namespace marea::router {

Upstream::Upstream(Worker& worker, std::shared_ptr<Home> home)
    : worker_(worker), home_(std::move(home)), stream_(worker.loop(), worker.pool()) {}

Upstream::~Upstream() {
  stream_.close(*this);
}

void Upstream::open(Instance::Socket socket) {
  const int on = 1;
  ::setsockopt(socket.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  state_ = socket.connected ? State::connected : State::connecting;
  if (state_ == State::connecting) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(home_->instance->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // Loopback handshakes end inside the first call; only the second one tells so.
    int result = -1;
    for (int i = 0; i < 2 && result != 0; ++i) {
      result = ::connect(socket.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
      if (result != 0 && errno == EISCONN) result = 0;
      if (result != 0 && errno != EINPROGRESS && errno != EALREADY) {
        state_ = State::refused;
        break;
      }
    }
    if (result == 0) state_ = State::connected;
  }
  if (!stream_.open(std::move(socket.fd), *this)) state_ = State::refused;
}

base::Fd Upstream::take_back() {
  if (!stream_.is_open()) return {};
  base::Fd fd(::dup(stream_.fd()));
  stream_.close(*this);
  return fd;
}

void Upstream::try_connect() {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(stream_.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  state_ = error == 0 ? State::connected : State::refused;
}

void Upstream::rest(base::Instant now, base::Instant until) {
  client_ = nullptr;
  reused_ = true;
  makes_way_ = false;
  rests_since_ = now;
  stream_.in().drop();
  worker_.set_deadline(*this, until);
}

void Upstream::make_way(base::Instant until) {
  if (makes_way_) return;
  makes_way_ = true;
  served_then_ = home_->instance->served();
  worker_.set_deadline(*this, until);
}

void Upstream::on_ready(std::uint32_t events) {
  stream_.note(events);
  if (state_ == State::connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) try_connect();
  if (client_ != nullptr) {
    client_->advance();
  } else if (stream_.readable()) {  // an end, or bytes that nobody asked for: either way it is of no more use
    leave();
  }
}

void Upstream::on_deadline() {
  if (client_ != nullptr) return;
  Instance& instance = *home_->instance;
  if (makes_way_ && instance.in_flight() > instance.tunnels() && instance.served() == served_then_)
    instance.found_one_at_a_time();
  leave();
}

void Upstream::leave() {
  auto& idle = home_->idle;
  const auto found = std::find_if(idle.begin(), idle.end(), [this](const auto& each) { return each.get() == this; });
  if (found == idle.end()) return;
  std::unique_ptr<Upstream> self = std::move(*found);
  idle.erase(found);
  worker_.bury(std::move(self));
}

}  // namespace marea::router
