#include "app/role_options.h"

#include <charconv>

namespace marea::app {

std::vector<std::string> to_arguments(const RoleOptions& options) {
  std::vector<std::string> out = {"--data",        options.data,
                                  "--runtime",     options.runtime,
                                  "--shim",        options.shim,
                                  "--http-port",   std::to_string(options.http_port),
                                  "--request-log", options.records ? "on" : "off",
                                  "--place",       options.place,
                                  "--disk-limit",  std::to_string(options.disk_limit)};
  for (const std::string& limit : model::print_limits(options.limits)) out.insert(out.end(), {"--limit", limit});
  return out;
}

base::Result<RoleOptions> parse_role_options(const std::vector<std::string>& arguments) {
  RoleOptions out;
  std::vector<std::string> limits;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    const std::string& value = arguments[i + 1];
    if (name == "--data") {
      out.data = value;
    } else if (name == "--runtime") {
      out.runtime = value;
    } else if (name == "--shim") {
      out.shim = value;
    } else if (name == "--limit") {
      limits.push_back(value);
    } else if (name == "--http-port") {
      std::from_chars(value.data(), value.data() + value.size(), out.http_port);
    } else if (name == "--request-log") {
      out.records = value != "off";
    } else if (name == "--place") {
      out.place = value;
    } else if (name == "--disk-limit") {
      std::from_chars(value.data(), value.data() + value.size(), out.disk_limit);
    } else {
      return base::fail(base::ErrorCode::usage, "unknown role option " + name, "roles are started by `marea serve`",
                        "Run: marea serve");
    }
  }
  if (const auto parsed = model::parse_limits(limits)) out.limits = *parsed;
  if (out.data.empty()) {
    return base::fail(base::ErrorCode::usage, "a role cannot run by itself", "roles are started by `marea serve`",
                      "Run: marea serve");
  }
  return out;
}

}  // namespace marea::app
