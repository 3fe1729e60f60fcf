#include "net/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace marea::net {
namespace {

constexpr int kBacklog =
    4096;  // a burst of new connections while every worker is busy; the kernel caps it at somaxconn

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::uint16_t port = 0;
  const std::string_view digits = text.substr(colon + 1);
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || at != digits.data() + digits.size()) return std::nullopt;
  std::string host(text.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  Endpoint out;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    auto* six = reinterpret_cast<sockaddr_in6*>(&out.storage);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    out.length = sizeof *six;
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six->sin6_addr) != 1) return std::nullopt;
    return out;
  }
  auto* four = reinterpret_cast<sockaddr_in*>(&out.storage);
  four->sin_family = AF_INET;
  four->sin_port = htons(port);
  out.length = sizeof *four;
  if (!host.empty() && ::inet_pton(AF_INET, host.c_str(), &four->sin_addr) != 1) return std::nullopt;
  return out;
}

base::Error bind_error(std::string_view address, int error_number) {
  base::Error error = base::os_error("cannot listen on " + std::string(address), error_number);
  if (error_number == EADDRINUSE) {
    error.code = base::ErrorCode::address_in_use;
    error.why = "another program listens there";
    error.remedy = "Choose another address, or find that program with: ss -ltnp";
  } else if (error_number == EACCES) {
    error.code = base::ErrorCode::privilege_missing;
    error.remedy = "Ports below 1024 need root; choose a higher port or run as root";
  } else if (error_number == EADDRNOTAVAIL) {
    error.code = base::ErrorCode::invalid_argument;
    error.remedy = "This machine has no such address; `ip addr` lists those it has";
  }
  return error;
}

// The bound address as text, and its port.
void describe(int fd, Listening& out) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (bound.ss_family == AF_INET6) {
    const auto* six = reinterpret_cast<const sockaddr_in6*>(&bound);
    out.port = ntohs(six->sin6_port);
    out.address = "[" + std::string(::inet_ntop(AF_INET6, &six->sin6_addr, text.data(), text.size())) + "]";
  } else {
    const auto* four = reinterpret_cast<const sockaddr_in*>(&bound);
    out.port = ntohs(four->sin_port);
    out.address = ::inet_ntop(AF_INET, &four->sin_addr, text.data(), text.size());
  }
  out.address += ":" + std::to_string(out.port);
}

}  // namespace

base::Result<Listening> listen_tcp(std::string_view address) {
  const std::optional<Endpoint> endpoint = parse_endpoint(address);
  if (!endpoint) {
    return base::fail(base::ErrorCode::invalid_argument, "cannot listen on '" + std::string(address) + "'",
                      "it is not HOST:PORT", "Write for example 127.0.0.1:8080, :8080 or [::1]:8080");
  }
  Listening out;
  out.fd = base::Fd(::socket(endpoint->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.fd) return base::fail(base::os_error("cannot make a socket"));
  const int on = 1;
  ::setsockopt(out.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(out.fd.get(), reinterpret_cast<const sockaddr*>(&endpoint->storage), endpoint->length) != 0 ||
      ::listen(out.fd.get(), kBacklog) != 0) {
    return base::fail(bind_error(address, errno));
  }
  describe(out.fd.get(), out);
  return out;
}

base::Result<Listening> listen_unix(const std::string& path, unsigned mode) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path) {
    return base::fail(base::ErrorCode::invalid_argument, "cannot listen on unix:" + path,
                      "a socket path has at most 107 characters", "Choose a data directory with a shorter path");
  }
  std::memcpy(where.sun_path, path.c_str(), path.size() + 1);
  const auto* name = reinterpret_cast<const sockaddr*>(&where);
  const base::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), name, sizeof where) == 0) {
    return base::fail(base::ErrorCode::address_in_use, "cannot listen on unix:" + path, "another marea answers there",
                      "Stop it, or choose another --data directory");
  }
  ::unlink(path.c_str());
  Listening out;
  out.fd = base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.fd) return base::fail(base::os_error("cannot make a socket"));
  if (::bind(out.fd.get(), name, sizeof where) != 0) return base::fail(bind_error("unix:" + path, errno));
  // Before listen(): nobody can connect to a socket whose mode is not set yet.
  if (::chmod(path.c_str(), mode) != 0 || ::listen(out.fd.get(), kBacklog) != 0) {
    return base::fail(bind_error("unix:" + path, errno));
  }
  out.address = "unix:" + path;
  return out;
}

}  // namespace marea::net
