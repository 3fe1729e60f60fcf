// What keeper tells a role on its command line: plain --name value pairs, written and read by this one place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/platform_limits.h"

namespace marea::app {

struct RoleOptions {
  std::string data;  // as the role sees it (engine/local/data_dir.h: kDataView)
  std::string runtime = "auto";
  std::string shim;             // path of marea-shim
  std::uint16_t http_port = 0;  // for the URLs that control prints
  bool records = true;          // of requests are kept
  model::PlatformLimits limits;
  std::string place;    // the data directory as a person calls it
  int disk_limit = 90;  // percent of its disk beyond which nothing new is taken
  friend bool operator==(const RoleOptions&, const RoleOptions&) = default;
};

std::vector<std::string> to_arguments(const RoleOptions& options);
base::Result<RoleOptions> parse_role_options(const std::vector<std::string>& arguments);

}  // namespace marea::app
