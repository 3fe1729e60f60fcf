#include "control/route_book.h"

#include <utility>

#include "net/link.h"

namespace marea::control {

namespace msg = net::msg;

// The largest part of a service's route; the rest is hosts, tags and names.
static_assert(4 * model::kMostMatchBytes < net::kMostFrameBytes);

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

bool RouteBook::publish(bool whole, const Send& send) {
  ++version_;
  const std::vector<net::ControlToRouter> changes = std::exchange(changes_, {});
  if (!send) return true;
  if (!send(msg::RoutesBegin{.version = version_, .full = whole})) return false;
  if (whole) {
    for (const auto& [service, entry] : entries_) {
      for (const auto& [name, revision] : entry.revisions) {
        if (!send(revision)) return false;
      }
      if (entry.route && !send(*entry.route)) return false;
    }
  } else {
    for (const net::ControlToRouter& change : changes) {
      if (!send(change)) return false;
    }
  }
  return send(msg::RoutesCommit{.version = version_});
}

}  // namespace marea::control
