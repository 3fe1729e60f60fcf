#include "pipeline/image_record.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "pipeline/digest.h"
#include "pipeline/image_user.h"
#include "pipeline/json_fields.h"
#include "pipeline/oci_image.h"

namespace marea::pipeline {
namespace {

std::unexpected<base::Error> damaged(const std::string& place, const std::string& why) {
  return base::fail(base::ErrorCode::image_invalid, "cannot use " + place, why,
                    "Delete its folder; the image is unpacked again.");
}

// Whole numbers of a list, each at most `most`; nothing when one is not.
std::optional<std::vector<std::int64_t>> numbers(const Json& object, const char* key, std::int64_t most) {
  const Json* list = member(object, key);
  if (list == nullptr || !list->is_array()) return std::nullopt;
  std::vector<std::int64_t> out;
  for (const Json& item : *list) {
    if (!item.is_number_integer() || item < 0 || item > most) return std::nullopt;
    out.push_back(item.get<std::int64_t>());
  }
  return out;
}

bool read_image_config(const Json& from, model::ImageConfig& out) {
  for (const auto& [key, list] : {std::pair{"entrypoint", &out.entrypoint}, {"cmd", &out.cmd}, {"env", &out.env}}) {
    std::optional<std::vector<std::string>> texts = texts_member(from, key, kMostConfigStrings);
    if (!texts) return false;
    *list = std::move(*texts);
  }
  const std::optional<std::int64_t> uid = integer_member(from, "uid");
  const std::optional<std::int64_t> gid = integer_member(from, "gid");
  const auto groups = numbers(from, "groups", kMostUserId);
  const auto ports = numbers(from, "exposedPorts", std::numeric_limits<std::uint16_t>::max());
  if (!uid || !gid || !groups || !ports) return false;
  if (*uid < 0 || *uid > kMostUserId || *gid < 0 || *gid > kMostUserId) return false;
  out.uid = static_cast<std::uint32_t>(*uid);
  out.gid = static_cast<std::uint32_t>(*gid);
  for (const std::int64_t group : *groups) out.groups.push_back(static_cast<std::uint32_t>(group));
  for (const std::int64_t port : *ports) out.exposed_ports.push_back(static_cast<std::uint16_t>(port));
  out.working_dir = text_member(from, "workingDir");
  out.user = text_member(from, "user");
  out.home = text_member(from, "home");
  out.stop_signal = text_member(from, "stopSignal");
  return out.home.starts_with('/');
}

}  // namespace

std::string print_image_record(const model::Image& image) {
  const model::ImageConfig& config = image.config;
  const Json value = {{"digest", image.digest},
                      {"bytes", image.bytes},
                      {"config",
                       {{"entrypoint", config.entrypoint},
                        {"cmd", config.cmd},
                        {"env", config.env},
                        {"workingDir", config.working_dir},
                        {"user", config.user},
                        {"uid", config.uid},
                        {"gid", config.gid},
                        {"groups", config.groups},
                        {"home", config.home},
                        {"exposedPorts", config.exposed_ports},
                        {"stopSignal", config.stop_signal}}}};
  // Texts of an image need not be UTF-8: what is not becomes U+FFFD instead of an exception.
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

base::Result<model::Image> parse_image_record(const std::string& text, const std::string& place) {
  const Json value = Json::parse(text, nullptr, false);
  model::Image image;
  image.digest = text_member(value, "digest");
  const std::optional<std::int64_t> bytes = integer_member(value, "bytes");
  const Json* config = member(value, "config");
  if (!is_digest(image.digest) || !bytes || *bytes < 0 || config == nullptr ||
      !read_image_config(*config, image.config)) {
    return damaged(place, "it is damaged");
  }
  image.bytes = *bytes;
  return image;
}

}  // namespace marea::pipeline
