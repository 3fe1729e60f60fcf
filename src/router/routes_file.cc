#include "router/routes_file.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "base/replace_file.h"
#include "net/wire.h"
#include "net/wire_model.h"
#include "router/routes_form_1.h"

namespace marea::router {
namespace {

constexpr std::string_view kForm1 = "marea routes 1\n";
constexpr std::string_view kForm3 = "marea routes 3\n";  // the stored form of net/wire.h: fields may be added

}  // namespace

std::string print_routes(const model::Routes& routes) {
  return std::string(kForm3) + net::encode<net::Form::stored>(routes);
}

base::Result<model::Routes> parse_routes(std::string_view text, const std::string& place) {
  std::optional<model::Routes> routes;
  if (text.starts_with(kForm3)) {
    routes = net::decode<model::Routes, net::Form::stored>(text.substr(kForm3.size()));
  } else if (text.starts_with(kForm1)) {
    routes = read_routes_form_1(text.substr(kForm1.size()));
  } else {
    return base::fail(base::ErrorCode::invalid_argument, "cannot use " + place, "it has a form that is not known here");
  }
  if (!routes) return base::fail(base::ErrorCode::invalid_argument, "cannot use " + place, "it is damaged");
  return std::move(*routes);
}

base::Result<void> save_routes(const std::string& path, const model::Routes& routes) {
  return base::replace_file(path, print_routes(routes), base::Durable::yes);
}

base::Result<model::Routes> load_routes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::fail(base::os_error("cannot read " + path));
  std::ostringstream text;
  text << file.rdbuf();
  return parse_routes(text.str(), path);
}

}  // namespace marea::router
