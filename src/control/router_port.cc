#include "control/router_port.h"

#include <algorithm>
#include <utility>

namespace marea::control {

namespace msg = net::msg;

RouterPort::RouterPort(net::Loop& loop, std::uint64_t first_version, Events events)
    : loop_(loop), events_(std::move(events)), version_(first_version) {}

void RouterPort::connect(base::Fd fd) {
  link_ = std::make_unique<Link>(
      loop_, std::move(fd),
      Link::Events{.on_message = [this](net::RouterToControl message, std::vector<base::Fd>) { on_message(message); },
                   .on_closed = [](const std::string&) {}});
  whole_ = true;
}

void RouterPort::on_message(const net::RouterToControl& message) {
  if (const auto* applied = std::get_if<msg::RoutesApplied>(&message)) {
    // A version from the future would be a lie about routes that do not exist yet.
    applied_ = std::max(applied_, std::min(applied->version, version_));
    events_.on_applied(applied_);
  } else if (const auto* load = std::get_if<msg::InstanceLoad>(&message)) {
    events_.on_instance_load(*load);
  } else if (const auto* revision = std::get_if<msg::RevisionLoad>(&message)) {
    events_.on_revision_load(*revision);
  } else if (const auto* metrics = std::get_if<msg::Metrics>(&message)) {
    events_.on_metrics(*metrics);
  }
}

bool RouterPort::set(const base::ServiceName& service, std::optional<model::ServiceRoute> route,
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

void RouterPort::flush() {
  const bool whole = whole_ && connected();
  if (changes_.empty() && !whole) return;
  ++version_;
  const std::vector<net::ControlToRouter> changes = std::exchange(changes_, {});
  if (!connected()) return;
  if (whole) {
    whole_ = false;
    send_all();
    return;
  }
  link_->send(msg::RoutesBegin{.version = version_, .full = false});
  for (const net::ControlToRouter& change : changes) link_->send(change);
  link_->send(msg::RoutesCommit{.version = version_});
}

void RouterPort::send_all() {
  link_->send(msg::RoutesBegin{.version = version_, .full = true});
  for (const auto& [service, entry] : entries_) {
    for (const auto& [name, revision] : entry.revisions) link_->send(revision);
    if (entry.route) link_->send(*entry.route);
  }
  link_->send(msg::RoutesCommit{.version = version_});
}

}  // namespace marea::control
