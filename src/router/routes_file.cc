#include "router/routes_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "base/fd.h"
#include "net/wire.h"
#include "net/wire_model.h"
#include "router/routes_form_1.h"

namespace marea::router {
namespace {

constexpr std::string_view kForm1 = "marea routes 1\n";
constexpr std::string_view kForm3 = "marea routes 3\n";  // the stored form of net/wire.h: fields may be added

base::Result<void> write_synced(const std::string& path, std::string_view text) {
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return base::fail(base::os_error("cannot write " + path));
  while (!text.empty()) {
    const ssize_t wrote = ::write(file.get(), text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return base::fail(base::os_error("cannot write " + path));
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::fdatasync(file.get()) != 0) return base::fail(base::os_error("cannot write " + path));
  return {};
}

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
  const std::string fresh = path + ".new";
  if (base::Result<void> written = write_synced(fresh, print_routes(routes)); !written) {
    ::unlink(fresh.c_str());
    return written;
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return base::fail(base::os_error("cannot replace " + path));
  const std::string above = path.substr(0, path.rfind('/'));
  const base::Fd folder(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return base::fail(base::os_error("cannot sync " + above));
  return {};
}

base::Result<model::Routes> load_routes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::fail(base::os_error("cannot read " + path));
  std::ostringstream text;
  text << file.rdbuf();
  return parse_routes(text.str(), path);
}

}  // namespace marea::router
