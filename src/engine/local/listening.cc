#include "engine/local/listening.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "engine/local/small_file.h"

namespace marea::engine::local {
namespace {

constexpr const char* kListen = "0A";
constexpr std::size_t kMostSockets = 64;  // for people to read

// The kernel prints addresses as 32-bit words in the machine's own order.
std::string parse_address(const std::string& hex) {
  std::array<std::uint32_t, 4> words{};
  if (hex.size() != 8 && hex.size() != 32) return {};
  for (std::size_t i = 0; i < hex.size() / 8; ++i) {
    words.at(i) = static_cast<std::uint32_t>(std::strtoul(hex.substr(i * 8, 8).c_str(), nullptr, 16));
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(hex.size() == 8 ? AF_INET : AF_INET6, words.data(), text.data(), text.size());
  return text.data();
}

}  // namespace

std::vector<model::ListeningSocket> parse_listening(const std::string& text) {
  std::vector<model::ListeningSocket> out;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);  // column titles
  while (std::getline(lines, line) && out.size() < kMostSockets) {
    std::istringstream columns(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    columns >> number >> local >> remote >> state;
    const std::size_t colon = local.find(':');
    if (state != kListen || colon == std::string::npos) continue;
    model::ListeningSocket socket;
    socket.address = parse_address(local.substr(0, colon));
    socket.port = static_cast<std::uint16_t>(std::strtoul(local.c_str() + colon + 1, nullptr, 16));
    if (!socket.address.empty() && std::ranges::find(out, socket) == out.end()) out.push_back(std::move(socket));
  }
  return out;
}

std::vector<model::ListeningSocket> listening_in(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/net/";
  std::vector<model::ListeningSocket> out = parse_listening(read_small_file(folder + "tcp"));
  for (model::ListeningSocket& socket : parse_listening(read_small_file(folder + "tcp6")))
    out.push_back(std::move(socket));
  return out;
}

}  // namespace marea::engine::local
