#include "control/engine_port.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "control/deploy_check.h"

namespace marea::control {

namespace msg = net::msg;

EnginePort::EnginePort(net::Loop& loop, std::uint64_t first_number, Events events)
    : loop_(loop), events_(std::move(events)), number_(first_number) {}

void EnginePort::connect(base::Fd fd) {
  link_ = std::make_unique<Link>(
      loop_, std::move(fd),
      Link::Events{.on_message = [this](net::EngineToControl message, std::vector<base::Fd>) { on_message(message); },
                   .on_closed = [](const std::string&) {}});
  listed_ = false;
  changed_ = true;
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
  }
}

void EnginePort::take(const model::InstanceReport& report) {
  if (!is_live(report.state) && std::ranges::find(kept_, report.id) != kept_.end()) {
    link_->send(msg::ReportKept{report.id});
  } else {
    events_.on_report(report);
  }
}

void EnginePort::set(const base::ServiceName& service, std::vector<model::RevisionPlan> plans) {
  const auto have = plans_.find(service);
  if (have == plans_.end() ? plans.empty() : have->second == plans) return;
  changed_ = true;
  if (plans.empty()) {
    plans_.erase(have);
  } else {
    plans_[service] = std::move(plans);
  }
}

void EnginePort::flush() {
  if (!changed_ || !listed()) return;
  changed_ = false;
  ++number_;
  for (const auto& [service, plans] : plans_) {
    for (const model::RevisionPlan& plan : plans) link_->send(msg::PlanRevision{.number = number_, .plan = plan});
  }
  link_->send(msg::PlanCommit{.number = number_, .grants_for = kGrantsFor});
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

const model::RevisionPlan* EnginePort::plan_of(const base::ServiceName& service,
                                               const base::RevisionName& revision) const {
  const auto have = plans_.find(service);
  if (have == plans_.end()) return nullptr;
  const auto found = std::ranges::find_if(
      have->second, [&](const model::RevisionPlan& plan) { return plan.revision.name == revision; });
  return found == have->second.end() ? nullptr : &*found;
}

}  // namespace marea::control
