// Puts the router's configuration together from control's messages, whole publication by whole publication.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "model/routes.h"
#include "net/messages.h"

namespace marea::router {

class Publications {
 public:
  // `publish` gets each complete configuration.
  explicit Publications(std::function<void(model::Routes)> publish) : publish_(std::move(publish)) {}

  // A new link to control: a half publication of the old one is forgotten.
  void restart() { open_ = false; }
  void take(net::ControlToRouter message);
  // Begins with what a file held.
  void restore(const model::Routes& routes);

 private:
  void operator()(const net::msg::RoutesBegin& message);
  void operator()(model::ServiceRoute& route);
  void operator()(model::RevisionRoute& route);
  void operator()(const net::msg::DropService& message);
  void operator()(const net::msg::DropRevision& message);
  void operator()(const net::msg::RoutesCommit& message);
  // Router answers these
  void operator()(const net::msg::MetricsWanted& /*message*/) {}
  void operator()(const net::msg::ReleaseCountsSeen& /*message*/) {}

  struct Draft {
    std::map<std::string, model::ServiceRoute> services;
    std::map<std::string, model::RevisionRoute> revisions;
  };
  std::function<void(model::Routes)> publish_;
  Draft current_;
  Draft draft_;
  bool open_ = false;
};

}  // namespace marea::router
