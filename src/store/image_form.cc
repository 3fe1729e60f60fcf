#include "store/image_form.h"

#include <nlohmann/json.hpp>

namespace marea::store {

using Json = nlohmann::json;

namespace {

Json json_of(const model::Image& image) {
  const model::ImageConfig& config = image.config;
  return {{"digest", image.digest},
          {"rootfs", image.rootfs},
          {"bytes", image.bytes},
          {"entrypoint", config.entrypoint},
          {"cmd", config.cmd},
          {"env", config.env},
          {"working_dir", config.working_dir},
          {"user", config.user},
          {"uid", config.uid},
          {"gid", config.gid},
          {"groups", config.groups},
          {"home", config.home},
          {"exposed_ports", config.exposed_ports},
          {"stop_signal", config.stop_signal}};
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Throws where a member has another type.
model::Image image_of(const Json& json) {
  model::Image image;
  model::ImageConfig& config = image.config;
  const auto read = [&json](const char* name, auto& value) {
    if (json.contains(name)) json.at(name).get_to(value);
  };
  read("digest", image.digest);
  read("rootfs", image.rootfs);
  read("bytes", image.bytes);
  read("entrypoint", config.entrypoint);
  read("cmd", config.cmd);
  read("env", config.env);
  read("working_dir", config.working_dir);
  read("user", config.user);
  read("uid", config.uid);
  read("gid", config.gid);
  read("groups", config.groups);
  read("home", config.home);
  read("exposed_ports", config.exposed_ports);
  read("stop_signal", config.stop_signal);
  return image;
}

}  // namespace

std::string image_to_text(const model::Image& image, std::int64_t used_unix_ns, const std::vector<std::string>& given) {
  Json json = json_of(image);
  if (used_unix_ns != 0) json["used_unix_ns"] = used_unix_ns;
  if (!given.empty()) json["given"] = given;
  return text_of(json);
}

std::int64_t used_in_text(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto used = json.is_object() ? json.find("used_unix_ns") : json.end();
  return used != json.end() && used->is_number_integer() ? used->get<std::int64_t>() : 0;
}

std::vector<std::string> given_in_text(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  std::vector<std::string> out;
  const auto given = json.is_object() ? json.find("given") : json.end();
  if (given == json.end() || !given->is_array()) return out;
  for (const Json& name : *given) {
    if (name.is_string()) out.push_back(name.get<std::string>());
  }
  return out;
}

base::Result<model::Image> image_from_text(const std::string& text) {
  try {
    return image_of(Json::parse(text));
  } catch (const Json::exception& problem) {
    return base::fail(base::ErrorCode::io, "malformed image", problem.what());
  }
}

std::string images_to_text(const model::Revision& revision) {
  const bool none = revision.image.digest.empty() && revision.sidecar_images.empty();
  if (none) return {};
  Json json = json_of(revision.image);
  for (const model::Image& sidecar : revision.sidecar_images) json["sidecars"].push_back(json_of(sidecar));
  return text_of(json);
}

base::Result<void> images_from_text(const std::string& text, model::Revision& revision) {
  if (text.empty()) return {};
  try {
    const Json json = Json::parse(text);
    revision.image = image_of(json);
    if (!json.contains("sidecars")) return {};
    for (const Json& sidecar : json.at("sidecars")) {
      if (!sidecar.is_object()) return base::fail(base::ErrorCode::io, "malformed image", "a sidecar's is no object");
      revision.sidecar_images.push_back(image_of(sidecar));
    }
  } catch (const Json::exception& problem) {
    return base::fail(base::ErrorCode::io, "malformed image", problem.what());
  }
  return {};
}

}  // namespace marea::store
