#include "pipeline/image_config.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "pipeline/digest.h"
#include "pipeline/json_fields.h"
#include "pipeline/oci_image.h"

namespace marea::pipeline {
namespace {

std::unexpected<base::Error> invalid_config(const std::string& place, std::string why) {
  return base::fail(base::ErrorCode::image_invalid, "cannot use " + place, std::move(why), "Build the image again.");
}

// A NUL would end the text early in exec and in /etc/passwd look-ups: what was checked would not be what runs.
bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

// "8080/tcp" or "8080"; udp and sctp are no business of an HTTP platform.
std::optional<std::uint16_t> tcp_port(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos && text.substr(slash) != "/tcp") return std::nullopt;
  text = text.substr(0, slash);
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

base::Result<void> read_list(const Json& from, const char* key, const std::string& place,
                             std::vector<std::string>& into) {
  std::optional<std::vector<std::string>> texts = texts_member(from, key, kMostConfigStrings);
  if (!texts) {
    return invalid_config(place,
                          std::string(key) + " is no list of at most " + std::to_string(kMostConfigStrings) + " texts");
  }
  if (std::ranges::any_of(*texts, has_nul))
    return invalid_config(place, std::string(key) + " has a text with a NUL byte");
  into = std::move(*texts);
  return {};
}

base::Result<void> read_settings(const Json& settings, const std::string& place, model::ImageConfig& out) {
  for (const auto& [key, list] : {std::pair{"Entrypoint", &out.entrypoint}, {"Cmd", &out.cmd}, {"Env", &out.env}}) {
    if (base::Result<void> read = read_list(settings, key, place, *list); !read) return read;
  }
  out.working_dir = text_member(settings, "WorkingDir");
  out.user = text_member(settings, "User");
  out.stop_signal = text_member(settings, "StopSignal");
  if (has_nul(out.working_dir) || has_nul(out.user) || has_nul(out.stop_signal)) {
    return invalid_config(place, "WorkingDir, User or StopSignal has a NUL byte");
  }
  if (const Json* ports = member(settings, "ExposedPorts"); ports != nullptr && ports->is_object()) {
    for (const auto& [text, ignored] : ports->items()) {
      if (const std::optional<std::uint16_t> port = tcp_port(text)) out.exposed_ports.push_back(*port);
    }
    std::ranges::sort(out.exposed_ports);
  }
  return {};
}

}  // namespace

base::Result<ConfigFile> parse_config(const std::string& text, const std::string& place) {
  const Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded() || !value.is_object()) return invalid_config(place, "it is not a JSON object");
  ConfigFile out;
  out.os = text_member(value, "os");
  out.architecture = text_member(value, "architecture");
  const Json* rootfs = member(value, "rootfs");
  if (rootfs == nullptr) return invalid_config(place, "it has no rootfs: it is not an image config");
  std::optional<std::vector<std::string>> diff_ids = texts_member(*rootfs, "diff_ids", kMostLayers);
  if (!diff_ids || !std::ranges::all_of(*diff_ids, is_digest)) {
    return invalid_config(place, "rootfs.diff_ids is no list of sha256 digests");
  }
  out.diff_ids = std::move(*diff_ids);
  if (const Json* settings = member(value, "config"); settings != nullptr && settings->is_object()) {
    if (base::Result<void> read = read_settings(*settings, place, out.config); !read) {
      return std::unexpected(read.error());
    }
  }
  return out;
}

}  // namespace marea::pipeline
