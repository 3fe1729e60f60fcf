#include "router/publications.h"

#include <utility>
#include <variant>

namespace marea::router {

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

}  // namespace marea::router
