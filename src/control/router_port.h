// control's side of the link to the router: remembers the routes in force, sends only what differs, and all of them
// when the router is new. Knows how far the router is: applied() >= version means that every worker routes by it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/route_book.h"
#include "net/link.h"
#include "net/messages.h"

namespace marea::control {

class RouterPort {
 public:
  using Link = net::Link<net::ControlToRouter, net::RouterToControl>;
  struct Events {
    std::function<void(std::uint64_t version)> on_applied;
    std::function<void(const net::msg::InstanceLoad&)> on_instance_load;
    std::function<void(const net::msg::RevisionLoad&)> on_revision_load;
    std::function<void(const net::msg::Metrics&)> on_metrics;
    // Router keeps the ticks until acknowledge() and tells no more of the release before. Without it they are
    // acknowledged and dropped.
    std::function<void(const model::ReleaseCounts&)> on_release_counts;
    std::function<void(const model::ExperimentCounts&)> on_experiment_counts = {};
  };
  // Versions start above first_version, which must grow over restarts of control.
  RouterPort(net::Loop& loop, std::uint64_t first_version, Events events);

  // A fresh link; the routes go out with the next flush() (so that a starting control does not publish half of them).
  void connect(base::Fd fd);
  bool connected() const { return link_ != nullptr && link_->open(); }

  // The routes of one service, nothing to drop it. Takes effect with flush(). True when `route`
  // differs from before.
  bool set(const base::ServiceName& service, std::optional<model::ServiceRoute> route,
           std::vector<model::RevisionRoute> revisions) {
    return book_.set(service, std::move(route), std::move(revisions));
  }
  // Publishes what changed since the last flush, as one.
  void flush();

  // False: router is not there.
  bool ask_metrics(std::uint64_t number) { return connected() && link_->send(net::msg::MetricsWanted{number}); }

  // The release's ticks below `closed` are kept here for good.
  void acknowledge(const std::string& release, std::uint64_t closed) {
    if (connected()) link_->send(net::msg::ReleaseCountsSeen{.release = release, .closed = closed});
  }

  // The version by which everything set so far is or will be published.
  std::uint64_t pending_version() const { return book_.pending_version(); }
  std::uint64_t applied() const { return book_.applied(); }

 private:
  void on_message(const net::RouterToControl& message);

  net::Loop& loop_;
  Events events_;
  RouteBook book_;
  std::unique_ptr<Link> link_;
  bool whole_ = false;  // the link is new, or missed something: it needs everything
  bool stuck_ = false;  // and did not take it: worth another try when something has changed
};

}  // namespace marea::control
