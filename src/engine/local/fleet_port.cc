#include "engine/local/fleet_port.h"

#include <algorithm>

namespace marea::engine::local {
namespace {

constexpr std::size_t kMostNamed = 5;  // an app with dozens of ports must not fill a status line

bool reached_over_ipv4(const std::string& address) {
  return address == "127.0.0.1" || address == "0.0.0.0" || address == "::";
}

std::string place(const model::ListeningSocket& socket) {
  const bool ipv6 = socket.address.find(':') != std::string::npos;
  return (ipv6 ? "[" + socket.address + "]" : socket.address) + ":" + std::to_string(socket.port);
}

std::string places(const std::vector<model::ListeningSocket>& sockets) {
  std::string out;
  for (std::size_t i = 0; i < std::min(sockets.size(), kMostNamed); ++i)
    out += (i == 0 ? "" : ", ") + place(sockets[i]);
  if (sockets.size() > kMostNamed) out += " and " + std::to_string(sockets.size() - kMostNamed) + " more";
  return out;
}

}  // namespace

std::uint16_t expected_port(const model::Container& container) {
  return container.startup.port != 0 ? container.startup.port : container.port;
}

PortFinding judge_ports(std::uint16_t expected, const std::vector<model::ListeningSocket>& sockets) {
  if (sockets.empty()) return PortFinding::silent;
  const bool reached = std::ranges::any_of(sockets, [&](const model::ListeningSocket& socket) {
    return socket.port == expected && reached_over_ipv4(socket.address);
  });
  return reached ? PortFinding::reachable : PortFinding::elsewhere;
}

std::string describe_mismatch(const model::Container& container, const std::vector<model::ListeningSocket>& sockets) {
  const std::uint16_t expected = expected_port(container);
  const std::string port = std::to_string(expected);
  std::string out = "the app listens on " + places(sockets);
  if (std::ranges::any_of(sockets, [&](const auto& socket) { return socket.port == expected; })) {
    return out + ", where 127.0.0.1:" + port + " does not reach it: make it listen on 0.0.0.0";
  }
  out += ", not on port " + port;
  const auto usable =
      std::ranges::find_if(sockets, [](const auto& socket) { return reached_over_ipv4(socket.address); });
  if (usable == sockets.end()) return out + ": make it listen on 0.0.0.0 and the port in $PORT";
  const std::string found = std::to_string(usable->port);
  if (expected != container.port) return out + ": set the startupProbe's port: " + found;
  return out + ": set containerPort: " + found + ", or make the app listen on the port in $PORT";
}

}  // namespace marea::engine::local
