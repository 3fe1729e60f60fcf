#include "model/volume.h"

#include <algorithm>
#include <array>

#include "model/names.h"

namespace marea::model {
namespace {

constexpr std::array<std::string_view, 3> kOwnTrees = {"/proc", "/sys", "/dev"};
constexpr std::array<std::string_view, 3> kOwnFiles = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
constexpr std::size_t kMostPartBytes = 255;  // NAME_MAX

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool climbs(std::string_view path) {
  const std::string between = "/" + std::string(path) + "/";
  return between.find("/../") != std::string::npos || between.find("/./") != std::string::npos;
}

bool has_long_part(std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end - at > kMostPartBytes) return true;
    at = end + 1;
  }
  return false;
}

std::optional<std::string> text_fault(std::string_view path) {
  if (path.size() > kMostPathBytes) return "must have at most 4096 characters";
  if (has_long_part(path)) return "must not have a folder whose name is longer than 255 characters";
  if (has_control_character(path)) return "must not contain control characters";
  if (climbs(path)) return "must not contain . or .. as a folder";
  return std::nullopt;
}

}  // namespace

std::string plain_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || !out.ends_with('/')) out += c;
  }
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::optional<std::string> mount_path_fault(std::string_view path) {
  if (!path.starts_with('/')) return "must be an absolute path, such as /data";
  if (auto fault = text_fault(path)) return fault;
  if (path.find(':') != std::string_view::npos) return "must not contain a colon";
  const std::string plain = plain_path(path);
  if (plain == "/") return "must not be / itself; mount it on a folder, such as /data";
  if (plain == "/dev/shm") return std::nullopt;
  if (plain == "/etc")
    return "must not be /etc itself, where the sandbox has its hosts; mount it below, such as /etc/app";
  for (const std::string_view file : kOwnFiles) {
    if (plain == file || plain.starts_with(std::string(file) + "/")) {
      return "must not be " + std::string(file) + ", which is the sandbox's own";
    }
  }
  for (const std::string_view tree : kOwnTrees) {
    if (plain == tree || plain.starts_with(std::string(tree) + "/")) {
      return "must not be in " + std::string(tree) + ", which is the sandbox's own";
    }
  }
  return std::nullopt;
}

std::optional<std::string> sub_path_fault(std::string_view path) {
  if (path.starts_with('/')) return "must be a relative path, such as uploads/new";
  return text_fault(path);
}

}  // namespace marea::model
