// The routes in force, by service, and what the router does not have of them yet. Pure: whoever owns a link to the
// router sends what publish() gives (control/router_port.h). A version counts up with each publication; applied() says
// up to which version every worker of the router routes by it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "net/messages.h"

namespace marea::control {

class RouteBook {
 public:
  // False: it will not arrive.
  using Send = std::function<bool(const net::ControlToRouter&)>;
  // Versions start above first_version, which must grow over restarts of control.
  explicit RouteBook(std::uint64_t first_version) : version_(first_version) {}

  // The routes of one service, nothing to drop it. True when `route` differs from before.
  bool set(const base::ServiceName& service, std::optional<model::ServiceRoute> route,
           std::vector<model::RevisionRoute> revisions);
  bool changed() const { return !changes_.empty(); }
  // The next version: what changed, or everything for a router that is new. Without `send` nobody hears of it. False:
  // a message did not go out, so router was not told to route by this version and needs everything again.
  bool publish(bool whole, const Send& send);
  // A version from the future would be a lie about routes that do not exist yet.
  void confirm(std::uint64_t version) { applied_ = std::max(applied_, std::min(version, version_)); }

  // The version by which everything set so far is or will be published.
  std::uint64_t pending_version() const { return changes_.empty() ? version_ : version_ + 1; }
  std::uint64_t applied() const { return applied_; }

 private:
  struct Entry {
    std::optional<model::ServiceRoute> route;
    std::map<base::RevisionName, model::RevisionRoute> revisions;
  };
  std::uint64_t version_;
  std::uint64_t applied_ = 0;
  std::map<base::ServiceName, Entry> entries_;
  std::vector<net::ControlToRouter> changes_;
};

}  // namespace marea::control
