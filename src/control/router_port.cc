#include "control/router_port.h"

#include <utility>

namespace marea::control {

namespace msg = net::msg;

RouterPort::RouterPort(net::Loop& loop, std::uint64_t first_version, Events events)
    : loop_(loop), events_(std::move(events)), book_(first_version) {}

void RouterPort::connect(base::Fd fd) {
  link_ = std::make_unique<Link>(
      loop_, std::move(fd),
      Link::Events{.on_message = [this](net::RouterToControl message, std::vector<base::Fd>) { on_message(message); },
                   .on_closed = [](const std::string&) {}});
  whole_ = true;
  stuck_ = false;
}

void RouterPort::on_message(const net::RouterToControl& message) {
  if (const auto* applied = std::get_if<msg::RoutesApplied>(&message)) {
    book_.confirm(applied->version);
    events_.on_applied(book_.applied());
  } else if (const auto* load = std::get_if<msg::InstanceLoad>(&message)) {
    events_.on_instance_load(*load);
  } else if (const auto* revision = std::get_if<msg::RevisionLoad>(&message)) {
    events_.on_revision_load(*revision);
  } else if (const auto* metrics = std::get_if<msg::Metrics>(&message)) {
    events_.on_metrics(*metrics);
  } else if (const auto* outcomes = std::get_if<model::ExperimentCounts>(&message)) {
    if (events_.on_experiment_counts) events_.on_experiment_counts(*outcomes);
  } else if (const auto* counts = std::get_if<model::ReleaseCounts>(&message)) {
    if (events_.on_release_counts) {
      events_.on_release_counts(*counts);
    } else {
      acknowledge(counts->release, counts->closed);
    }
  }
}

void RouterPort::flush() {
  const bool whole = whole_ && connected();
  if (!book_.changed() && (!whole || stuck_)) return;
  RouteBook::Send send;
  if (connected()) send = [this](const net::ControlToRouter& message) { return link_->send(message); };
  stuck_ = !book_.publish(whole, send);
  if (whole || stuck_) whole_ = stuck_;
}

}  // namespace marea::control
