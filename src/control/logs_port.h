// control's side of the link to logs: what may go, and what logs has counted. That the link is open tells that logs
// lives.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/strong_id.h"
#include "net/link.h"
#include "net/messages.h"

namespace marea::control {

class LogsPort {
 public:
  using Link = net::Link<net::ControlToLogs, net::LogsToControl>;
  LogsPort(net::Loop& loop, std::function<void(const net::msg::Metrics&)> on_metrics)
      : loop_(loop), on_metrics_(std::move(on_metrics)) {}

  void connect(base::Fd fd) {
    link_ = std::make_unique<Link>(
        loop_, std::move(fd),
        Link::Events{.on_message = [this](const net::LogsToControl& message,
                                          auto) { on_metrics_(std::get<net::msg::Metrics>(message)); },
                     .on_closed = [](const std::string&) {}});
  }
  bool connected() const { return link_ != nullptr && link_->open(); }

  // False: logs is not there.
  bool drop(const base::ServiceName& service) { return connected() && link_->send(net::msg::DropLogs{service}); }
  bool ask_metrics(std::uint64_t number) { return connected() && link_->send(net::msg::MetricsWanted{number}); }

 private:
  net::Loop& loop_;
  std::function<void(const net::msg::Metrics&)> on_metrics_;
  std::unique_ptr<Link> link_;
};

}  // namespace marea::control
