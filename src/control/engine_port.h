// control's side of the link to the engine: keeps the plan and sends it whole whenever it changed, because the newest
// plan is the whole truth. A new link first lists its instances; the plan follows that list, so that control knows
// which revisions still run before it says which may.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/plan_book.h"
#include "net/link.h"
#include "net/messages.h"

namespace marea::control {

// Final reports that may come again, because engine died before it heard that we have them; it hears within a turn.
inline constexpr std::size_t kMostRemembered = 1024;

class EnginePort {
 public:
  using Link = net::Link<net::ControlToEngine, net::EngineToControl>;
  struct Events {
    std::function<void()> on_listing;  // a new link: its list of instances begins
    std::function<void(const model::InstanceReport&)> on_report;
    std::function<void(const net::msg::InstanceUsage&)> on_usage;
    std::function<void()> on_listed;  // …and is complete
    std::function<void(const net::msg::Metrics&)> on_metrics;
  };
  // Plan numbers start above first_number, which must grow over restarts of control.
  EnginePort(net::Loop& loop, std::uint64_t first_number, Events events);

  void connect(base::Fd fd);
  bool connected() const { return link_ != nullptr && link_->open(); }
  // It has listed its instances over the present link.
  bool listed() const { return connected() && listed_; }
  const std::string& runtime() const { return runtime_; }

  void set(const base::ServiceName& service, std::vector<model::RevisionPlan> plans) {
    book_.set(service, std::move(plans));
  }
  void flush();
  // False when engine is not there.
  bool delete_instance(const base::InstanceId& id);
  // False: engine is not there.
  bool ask_metrics(std::uint64_t number) { return connected() && link_->send(net::msg::MetricsWanted{number}); }
  // The final report of the instance, and what it used, need not be told again.
  void kept(const base::InstanceId& id);

  // The plan of that revision, or null.
  const model::RevisionPlan* plan_of(const base::ServiceName& service, const base::RevisionName& revision) const {
    return book_.plan_of(service, revision);
  }

 private:
  void on_message(const net::EngineToControl& message);
  void take(const model::InstanceReport& report);

  net::Loop& loop_;
  Events events_;
  PlanBook book_;
  std::deque<base::InstanceId> kept_;  // newest last
  std::unique_ptr<Link> link_;
  std::string runtime_;
  bool listed_ = false;
};

}  // namespace marea::control
