// bench-backend: the app behind every proxy that is measured. Listens on $PORT, keeps connections, and answers every
// request without a body at once with 64 bytes, /headers with the head it got. One thread; costs as little as it can.
// `bench-backend --exit` ends at once: what remains is what starting a program costs.
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
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kMostEvents = 256;
constexpr std::size_t kMostHeadBytes = 8192;

struct Connection {
  int fd = -1;
  std::string input;
};

std::string with_head(std::string_view body) {
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
  return answer.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

const std::string kAnswer = with_head("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n");

// False when the connection is over. An answer that does not fit at once ends it: nobody measured lets that happen.
bool serve(Connection& connection) {
  std::array<char, kMostHeadBytes> block;
  const ssize_t got = read(connection.fd, block.data(), block.size());
  if (got <= 0) return false;
  connection.input.append(block.data(), static_cast<std::size_t>(got));
  for (;;) {
    const std::size_t end = connection.input.find("\r\n\r\n");
    if (end == std::string::npos) return connection.input.size() < kMostHeadBytes;
    const bool echo = connection.input.starts_with("GET /headers ");
    const std::string answer = echo ? with_head(connection.input.substr(0, end + 2)) : std::string();
    const std::string_view sent = echo ? std::string_view(answer) : std::string_view(kAnswer);
    if (write(connection.fd, sent.data(), sent.size()) != static_cast<ssize_t>(sent.size())) return false;
    if (connection.input.find("\r\nConnection: close\r\n") < end) return false;
    connection.input.erase(0, end + 4);
  }
}

int listen_on(std::uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_ANY);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || listen(listener, 1024) != 0) {
    std::perror("bench-backend");
    std::exit(1);
  }
  return listener;
}

void accept_one(int listener, int poll) {
  auto connection = std::make_unique<Connection>();
  connection->fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection->fd < 0) return;
  const int one = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = connection.get()}};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, connection->fd, &event) == 0) {
    // epoll keeps it.
    [[maybe_unused]] Connection* kept = connection.release();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string_view("--exit")) return 0;
  const char* port = std::getenv("PORT");
  const int listener = listen_on(static_cast<std::uint16_t>(std::atoi(port == nullptr ? "8080" : port)));
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, kMostEvents> events;
  for (;;) {
    const int ready = epoll_wait(poll, events.data(), kMostEvents, -1);
    for (int i = 0; i < ready; ++i) {
      auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (connection == nullptr) {
        accept_one(listener, poll);
      } else if (!serve(*connection)) {
        close(connection->fd);
        delete connection;
      }
    }
  }
}
