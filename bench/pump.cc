// bench-pump LISTEN_PORT BACKEND_PORT: moves bytes between each caller and a connection of its own to the backend, and
// does nothing else: two reads, two writes and a share of an epoll_wait per request. No proxy that answers from user
// space can cost less, so this is the floor of what a proxied request costs on this machine.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace {

constexpr int kMostReady = 256;
constexpr std::size_t kBlock = 16384;

struct Side {
  int fd = -1;
  Side* other = nullptr;
};

// Caller and backend; both sides end together.
struct Pair {
  Side caller, backend;
};

sockaddr_in loopback(int port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

int open_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  return fd;
}

void watch(int poll, Side& side) {
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data = {.ptr = &side}};
  epoll_ctl(poll, EPOLL_CTL_ADD, side.fd, &event);
}

void accept_caller(int listener, int poll, int backend_port) {
  const int caller = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (caller < 0) return;
  const int one = 1;
  setsockopt(caller, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const int backend = open_socket();
  const sockaddr_in at = loopback(backend_port);
  if (connect(backend, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    close(caller);
    close(backend);
    return;
  }
  // Never freed: a run has a few hundred connections, and an event of the same round may still name the pair.
  auto* pair = std::make_unique<Pair>().release();
  pair->caller = {.fd = caller, .other = &pair->backend};
  pair->backend = {.fd = backend, .other = &pair->caller};
  watch(poll, pair->caller);
  watch(poll, pair->backend);
}

void end(Side& side) {
  close(side.fd);
  close(side.other->fd);
  side.fd = side.other->fd = -1;
}

void move(Side& side) {
  if (side.fd < 0) return;
  static std::array<char, kBlock> block;
  const ssize_t got = recv(side.fd, block.data(), block.size(), MSG_DONTWAIT);
  if (got <= 0) return end(side);
  const auto wanted = static_cast<std::size_t>(got);
  if (send(side.other->fd, block.data(), wanted, MSG_NOSIGNAL | MSG_DONTWAIT) != got) end(side);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench-pump LISTEN_PORT BACKEND_PORT\n", stderr);
    return 2;
  }
  const int listener = open_socket();
  const sockaddr_in at = loopback(std::atoi(argv[1]));
  if (bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || listen(listener, 1024) != 0) {
    std::perror("bench-pump");
    return 1;
  }
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, kMostReady> events;
  for (;;) {
    const int ready = epoll_wait(poll, events.data(), kMostReady, -1);
    for (int i = 0; i < ready; ++i) {
      auto* side = static_cast<Side*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (side == nullptr) {
        accept_caller(listener, poll, std::atoi(argv[2]));
      } else {
        move(*side);
      }
    }
  }
}
