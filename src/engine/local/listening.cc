#include "engine/local/listening.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>

#include "engine/local/small_file.h"

namespace marea::engine::local {
namespace {

constexpr const char* kListen = "0A";
constexpr int kInodeAfterState = 6;  // queues, timer, retransmits, user, timeout, inode
constexpr std::string_view kSocketLink = "socket:[";
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

std::vector<model::ListeningSocket> listening_among(pid_t pid, const std::set<std::uint64_t>* only) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/net/";
  std::vector<model::ListeningSocket> out = parse_listening(read_small_file(folder + "tcp"), only);
  for (model::ListeningSocket& socket : parse_listening(read_small_file(folder + "tcp6"), only)) {
    out.push_back(std::move(socket));
  }
  return out;
}

std::set<std::uint64_t> sockets_of(const std::vector<int>& processes, std::size_t most) {
  std::set<std::uint64_t> inodes;
  std::size_t looked_at = 0;
  for (const int process : processes) {
    std::error_code gone;  // at any moment
    std::filesystem::directory_iterator entry("/proc/" + std::to_string(process) + "/fd", gone);
    for (; !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
      if (++looked_at > most) return inodes;
      std::error_code closed;
      const std::string target = std::filesystem::read_symlink(entry->path(), closed).string();
      if (!target.starts_with(kSocketLink)) continue;
      inodes.insert(std::strtoull(target.c_str() + kSocketLink.size(), nullptr, 10));
    }
  }
  return inodes;
}

}  // namespace

std::vector<model::ListeningSocket> parse_listening(const std::string& text, const std::set<std::uint64_t>* only) {
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
    std::string inode;
    for (int column = kInodeAfterState; column > 0; --column) columns >> inode;
    if (only != nullptr && !only->contains(std::strtoull(inode.c_str(), nullptr, 10))) continue;
    model::ListeningSocket socket;
    socket.address = parse_address(local.substr(0, colon));
    socket.port = static_cast<std::uint16_t>(std::strtoul(local.c_str() + colon + 1, nullptr, 16));
    if (!socket.address.empty() && std::ranges::find(out, socket) == out.end()) out.push_back(std::move(socket));
  }
  return out;
}

std::vector<model::ListeningSocket> listening_in(pid_t pid) {
  return listening_among(pid, nullptr);
}

std::vector<model::ListeningSocket> listening_of(pid_t pid, const std::vector<int>& processes, std::size_t most) {
  const std::set<std::uint64_t> inodes = sockets_of(processes, most);
  return listening_among(pid, &inodes);
}

}  // namespace marea::engine::local
