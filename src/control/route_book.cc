#include "control/route_book.h"

#include <utility>

namespace marea::control {

namespace msg = net::msg;

bool RouteBook::set(const base::ServiceName& service, std::optional<model::ServiceRoute> route,
                    std::vector<model::RevisionRoute> revisions) {
  Entry& entry = entries_[service];
  const bool differs = entry.route != route;
  std::map<base::RevisionName, model::RevisionRoute> wanted;
  for (model::RevisionRoute& one : revisions) wanted.emplace(one.name, one);
  for (const auto& [name, one] : wanted) {
    const auto have = entry.revisions.find(name);
    if (have == entry.revisions.end() || have->second != one) changes_.emplace_back(one);
  }
  if (route && differs) changes_.emplace_back(*route);
  if (!route && entry.route) changes_.emplace_back(msg::DropService{.name = service});
  for (const auto& [name, one] : entry.revisions) {
    if (!wanted.contains(name)) changes_.emplace_back(msg::DropRevision{.name = name});
  }
  entry = {.route = std::move(route), .revisions = std::move(wanted)};
  if (!entry.route && entry.revisions.empty()) entries_.erase(service);
  return differs;
}

void RouteBook::publish(bool whole, const Send& send) {
  ++version_;
  const std::vector<net::ControlToRouter> changes = std::exchange(changes_, {});
  if (!send) return;
  send(msg::RoutesBegin{.version = version_, .full = whole});
  if (whole) {
    for (const auto& [service, entry] : entries_) {
      for (const auto& [name, revision] : entry.revisions) send(revision);
      if (entry.route) send(*entry.route);
    }
  } else {
    for (const net::ControlToRouter& change : changes) send(change);
  }
  send(msg::RoutesCommit{.version = version_});
}

}  // namespace marea::control
