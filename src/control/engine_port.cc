#include "control/engine_port.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "control/deploy_check.h"

namespace marea::control {

namespace msg = net::msg;

EnginePort::EnginePort(net::Loop& loop, std::uint64_t first_number, Events events)
    : loop_(loop), events_(std::move(events)), book_(first_number) {}

void EnginePort::connect(base::Fd fd) {
  link_ = std::make_unique<Link>(
      loop_, std::move(fd),
      Link::Events{.on_message = [this](net::EngineToControl message, std::vector<base::Fd>) { on_message(message); },
                   .on_closed = [](const std::string&) {}});
  listed_ = false;
  book_.forget_sent();
  events_.on_listing();
}

void EnginePort::on_message(const net::EngineToControl& message) {
  if (const auto* ready = std::get_if<msg::EngineReady>(&message)) {
    runtime_ = ready->runtime;
  } else if (const auto* report = std::get_if<model::InstanceReport>(&message)) {
    take(*report);
  } else if (const auto* usage = std::get_if<msg::InstanceUsage>(&message)) {
    events_.on_usage(*usage);
  } else if (std::holds_alternative<msg::InstancesDone>(message)) {
    listed_ = true;
    events_.on_listed();
  } else if (const auto* metrics = std::get_if<msg::Metrics>(&message)) {
    events_.on_metrics(*metrics);
  }
}

void EnginePort::take(const model::InstanceReport& report) {
  if (!is_live(report.state) && std::ranges::find(kept_, report.id) != kept_.end()) {
    link_->send(msg::ReportKept{report.id});
  } else {
    events_.on_report(report);
  }
}

void EnginePort::flush() {
  if (!book_.changed() || !listed()) return;
  book_.publish([this](const net::ControlToEngine& message) { link_->send(message); });
}

bool EnginePort::delete_instance(const base::InstanceId& id) {
  return connected() && link_->send(msg::DeleteInstance{.id = id});
}

void EnginePort::kept(const base::InstanceId& id) {
  kept_.push_back(id);
  if (kept_.size() > kMostRemembered) kept_.pop_front();
  base::crash_point("control.report.taken");
  if (connected()) link_->send(msg::ReportKept{.id = id});
}

}  // namespace marea::control
