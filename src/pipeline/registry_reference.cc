#include "pipeline/registry_reference.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "model/findings.h"
#include "pipeline/archive_layout.h"
#include "pipeline/digest.h"
#include "pipeline/layer.h"

namespace marea::pipeline {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kHost = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
constexpr std::string_view kHexadecimal = "abcdefABCDEF0123456789";
constexpr std::string_view kDigits = "0123456789";
constexpr std::size_t kMostPort = 65'535;
constexpr std::string_view kLocalhost = "localhost/";
constexpr std::string_view kTag = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

bool only(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_host(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && only(text, kDigits) && std::stoul(std::string(text)) <= kMostPort;
}

// NAME[:PORT] or [IPV6][:PORT]; the parts of a name are letters, digits and inner hyphens.
bool is_host_and_port(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view address = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (address.find(':') == std::string_view::npos || !only(address, std::string(kHexadecimal) + ":.")) return false;
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    if (!is_port(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (part.empty() || !only(part, kHost) || part.front() == '-' || part.back() == '-') return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_component(std::string_view part) {
  return !part.empty() && only(part, "abcdefghijklmnopqrstuvwxyz0123456789._-") &&
         kLower.find(part.front()) != std::string_view::npos && kLower.find(part.back()) != std::string_view::npos;
}

bool is_repository(std::string_view path) {
  if (path.empty() || path.size() > kMostRepositoryBytes) return false;
  while (true) {
    const std::size_t slash = path.find('/');
    if (!is_component(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::unexpected<base::Error> no_name(std::string_view text, std::string why) {
  return base::fail(base::ErrorCode::invalid_argument, "\"" + printable(text) + "\" is no name of an image",
                    std::move(why), "Write it as HOST/PATH:TAG or HOST/PATH@sha256:DIGEST");
}

}  // namespace

bool names_registry(std::string_view reference) {
  if (reference.starts_with(kRegistryScheme)) return true;
  const std::size_t slash = reference.find('/');
  return slash != std::string_view::npos && !is_local_reference(reference) && is_host(reference.substr(0, slash));
}

bool may_be_own_name(std::string_view reference) {
  if (is_local_reference(reference) || is_digest(reference) || reference.find('@') != std::string_view::npos) {
    return false;
  }
  return !names_registry(reference) || reference.starts_with(kLocalhost);
}

std::vector<std::string> near_names(std::string_view reference, const std::vector<std::string>& names) {
  // By the path alone: what differs in a tag, or is a build's result, is near, too.
  const auto path_of = [](std::string_view name) {
    if (name.starts_with(kLocalhost)) name.remove_prefix(kLocalhost.size());
    return name.substr(0, name.find(':'));
  };
  std::map<std::string_view, std::vector<std::string>> by_path;
  for (const std::string& name : names) {
    if (may_be_own_name(name)) by_path[path_of(name)].push_back(name);
  }
  std::vector<std::string_view> paths;
  paths.reserve(by_path.size());
  for (const auto& [path, all] : by_path) paths.push_back(path);
  std::vector<std::string> out;
  for (const std::string_view path : model::nearest_ones(path_of(reference), paths, kMostNearNames)) {
    std::ranges::copy(by_path[path], std::back_inserter(out));
  }
  out.resize(std::min(out.size(), kMostNearNames));
  return out;
}

base::Result<RegistryReference> parse_registry_reference(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with(kRegistryScheme)) rest.remove_prefix(kRegistryScheme.size());
  RegistryReference out;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    out.digest = rest.substr(at + 1);
    if (!is_digest(out.digest)) return no_name(text, "what follows @ is not sha256: and 64 hexadecimal digits");
    rest = rest.substr(0, at);
  }
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos && is_host(rest.substr(0, slash))) {
    out.host = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
  }
  if (const std::size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    out.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (out.tag.empty() || out.tag.size() > kMostTagBytes || !only(out.tag, kTag) || out.tag.front() == '.' ||
        out.tag.front() == '-') {
      return no_name(text, "\"" + printable(out.tag) + "\" is no tag");
    }
  }
  out.repository = rest;
  if (out.host.empty() || out.host == "index.docker.io") out.host = kDefaultRegistry;
  if (out.host == kDefaultRegistry && rest.find('/') == std::string_view::npos)
    out.repository = "library/" + out.repository;
  if (!is_host_and_port(out.host)) {
    return no_name(text, "\"" + printable(out.host) + "\" is no host with or without a port");
  }
  if (!is_repository(out.repository)) {
    return no_name(text, "paths are lower-case letters, digits and . _ - between slashes, at most " +
                             std::to_string(kMostRepositoryBytes) + " bytes");
  }
  if (!out.digest.empty()) out.tag.clear();
  if (out.digest.empty() && out.tag.empty()) out.tag = "latest";
  return out;
}

std::string to_string(const RegistryReference& reference) {
  return reference.host + "/" + reference.repository +
         (reference.digest.empty() ? ":" + reference.tag : "@" + reference.digest);
}

}  // namespace marea::pipeline
