#include "router/publications.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <utility>
#include <variant>

#include "base/fd.h"
#include "net/wire.h"
#include "net/wire_model.h"

namespace marea::router {
namespace {

// Names the form of what follows; a change of model::Routes gets a new one, and the old file counts as absent.
constexpr std::string_view kForm = "marea routes 2\n";

}  // namespace

void Publications::take(net::ControlToRouter message) {
  std::visit([this](auto& each) { (*this)(each); }, message);
}

void Publications::restore(const model::Routes& routes) {
  for (const model::ServiceRoute& route : routes.services) current_.services[route.name.str()] = route;
  for (const model::RevisionRoute& route : routes.revisions) current_.revisions[route.name.str()] = route;
  publish_(routes);
}

void Publications::operator()(const net::msg::RoutesBegin& message) {
  draft_ = message.full ? Draft{} : current_;
  open_ = true;
}

void Publications::operator()(model::ServiceRoute& route) {
  if (open_) draft_.services[route.name.str()] = std::move(route);
}

void Publications::operator()(model::RevisionRoute& route) {
  if (open_) draft_.revisions[route.name.str()] = std::move(route);
}

void Publications::operator()(const net::msg::DropService& message) {
  if (open_) draft_.services.erase(message.name.str());
}

void Publications::operator()(const net::msg::DropRevision& message) {
  if (open_) draft_.revisions.erase(message.name.str());
}

void Publications::operator()(const net::msg::RoutesCommit& message) {
  if (!open_) return;
  open_ = false;
  current_ = std::move(draft_);
  draft_ = {};
  model::Routes routes{.version = message.version, .services = {}, .revisions = {}};
  for (const auto& [name, route] : current_.services) routes.services.push_back(route);
  for (const auto& [name, route] : current_.revisions) routes.revisions.push_back(route);
  publish_(std::move(routes));
}

base::Result<void> save_routes(const std::string& path, const model::Routes& routes) {
  const std::string fresh = path + ".new";
  const std::string text = std::string(kForm) + net::encode(routes);
  const base::Fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return base::fail(base::os_error("cannot write " + fresh));
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t wrote = ::write(file.get(), rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return base::fail(base::os_error("cannot write " + fresh));
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::fdatasync(file.get()) != 0) return base::fail(base::os_error("cannot write " + fresh));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return base::fail(base::os_error("cannot replace " + path));
  return {};
}

base::Result<model::Routes> load_routes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::fail(base::os_error("cannot read " + path));
  std::ostringstream text;
  text << file.rdbuf();
  const std::string bytes = text.str();
  if (!bytes.starts_with(kForm)) return base::fail(base::ErrorCode::invalid_argument, path + " has another form");
  std::optional<model::Routes> routes = net::decode<model::Routes>(std::string_view(bytes).substr(kForm.size()));
  if (!routes) return base::fail(base::ErrorCode::invalid_argument, path + " is damaged");
  return std::move(*routes);
}

}  // namespace marea::router
