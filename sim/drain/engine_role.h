// The engine role: the real Fleet and PlanInbox, and around them what engine/local/engine_process.cc does.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "engine/local/engine_plan.h"
#include "engine/local/fleet.h"
#include "sim/drain/stage.h"

namespace marea::sim::drain {

class EngineRole final : public Life {
 public:
  explicit EngineRole(Stage& stage);
  // Goes on with what the last one wrote down. Once, before all else.
  void adopt_all();
  void die() override;

  void link_router(EngineRouterEnd link);
  void link_control(EngineControlEnd link);

  // The machine's answers.
  void prepared(const base::InstanceId& id);
  void started(const base::InstanceId& id);
  void ended(const base::InstanceId& id, const engine::local::SandboxEnd& end);

  // router and control
  void operator()(const net::msg::Demand& message);
  void operator()(const net::msg::InstanceReady& message);
  void operator()(const net::msg::InstanceUnready& message);
  void operator()(const net::msg::Retire& message);
  void operator()(const net::msg::Quiet& message);
  void operator()(const net::msg::SocketsWanted& message);
  void operator()(const net::msg::InstanceBusy& /*message*/) {}  // CPU is no part of this world
  void operator()(const net::msg::PlanRevision& message);
  void operator()(const net::msg::PlanCommit& message);
  void operator()(const net::msg::DeleteInstance& message);
  void operator()(const net::msg::ReportKept& message);
  void operator()(const net::msg::MetricsWanted& /*message*/) {}  // nobody asks here

  // the fleet's actions
  void operator()(const engine::local::act::Create& action);
  void operator()(const engine::local::act::Start& action);
  void operator()(const engine::local::act::Look& action);
  void operator()(const engine::local::act::Stop& action);
  void operator()(const engine::local::act::ToRouter& action);
  void operator()(const engine::local::act::Report& action);

 private:
  engine::local::Moment moment() const { return {.now = now(), .wall = stage_.timeline.wall()}; }
  void carry_out();
  void arm();
  void write_down(const std::vector<engine::local::Action>& actions);
  void write_down(const base::InstanceId& id);
  void trace(const net::EngineToRouter& message) const;

  engine::local::Fleet fleet_;
  engine::local::PlanInbox inbox_;
  EngineRouterEnd router_;
  EngineControlEnd control_;
  std::set<base::InstanceId> told_to_stop_;
  bool carrying_ = false;
  base::Instant armed_for_ = base::Instant::max();
};

}  // namespace marea::sim::drain
