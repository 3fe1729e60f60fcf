// `marea serve`: the platform in the foreground. Checks what can be checked before anything runs, then becomes keeper.
#pragma once

#include <string>

#include "model/platform_limits.h"

namespace marea::app {

struct ServeOptions {
  std::string data;  // made when missing
  std::string http = "127.0.0.1:8080";
  std::string api = "127.0.0.1:8088";
  std::string runtime = "auto";    // auto | crun | runc
  std::string request_log = "on";  // on | off
  model::PlatformLimits limits;
  std::string registry_auth;  // credentials of registries; empty: DATA/registry/auth.json
  std::string registries;     // registries.conf(5); empty: DATA/registry/registries.conf
  int disk_limit = 90;        // percent of the disk of `data` beyond which nothing new is taken
};

// Returns the exit code.
int serve(const ServeOptions& options);

}  // namespace marea::app
