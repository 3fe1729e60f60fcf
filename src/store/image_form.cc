#include "store/image_form.h"

#include <nlohmann/json.hpp>

namespace marea::store {

using Json = nlohmann::json;

std::string image_to_text(const model::Image& image) {
  const model::ImageConfig& config = image.config;
  const Json json = {{"digest", image.digest},
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
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

base::Result<model::Image> image_from_text(const std::string& text) {
  model::Image image;
  model::ImageConfig& config = image.config;
  try {
    const Json json = Json::parse(text);
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
  } catch (const Json::exception& problem) {
    return base::fail(base::ErrorCode::io, "malformed image", problem.what());
  }
  return image;
}

}  // namespace marea::store
