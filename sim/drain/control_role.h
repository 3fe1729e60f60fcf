// The control role: the real planner, books, instances and verdicts of src/control, and around them what
// control/control.cc does with them: how a deploy goes on, when a revision is let go of, how a deletion ends.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "control/instances.h"
#include "control/plan_book.h"
#include "control/planner.h"
#include "control/route_book.h"
#include "sim/drain/stage.h"

namespace marea::sim::drain {

class ControlRole final : public Life {
 public:
  explicit ControlRole(Stage& stage);
  void die() override;

  void link_engine(EngineControlEnd::Other link);
  void link_router(RouterControlEnd::Other link);

  // Commands: stored, then begun.
  void create(const model::Service& service, model::Revision revision);
  void deploy(const base::ServiceName& name, model::Revision revision);
  void remove(const base::ServiceName& name);
  // Every change is done, as far as this control knows.
  bool settled() const;

 private:
  struct RevisionState {
    bool checking = false;
    std::uint64_t unrouted_in = 0;
    int waiting = 0;
  };
  struct ServiceState {
    std::map<base::RevisionName, RevisionState> revisions;
    std::vector<model::RouteShare> shares;
    std::uint64_t routes_version = 0;
    bool deadline_set = false;
  };
  void touch(const base::ServiceName& name);
  void touch_owner(const base::RevisionName& revision);
  void soon();
  void tick();
  void plan(const base::ServiceName& name, ServiceRow& row);
  void advance(ServiceRow& row);
  void expire_check(const base::RevisionName& revision, base::Duration most);
  void judge(store::RevisionRecord& newest);
  void decide(store::RevisionRecord& record, bool ready);
  bool routed_without(const base::ServiceName& name);
  void expire_delete(const base::ServiceName& name);
  void finish_delete(const base::ServiceName& name);
  void announce();
  void on_engine(const net::EngineToControl& message);
  void on_report(const model::InstanceReport& report);
  void on_listed();
  void on_router(const net::RouterToControl& message);
  int live_instances(const base::RevisionName& revision) const;
  ServiceRow* find(const base::ServiceName& name);

  control::RouteBook routes_;
  control::PlanBook plans_;
  control::Instances instances_;
  EngineControlEnd::Other engine_;
  RouterControlEnd::Other router_;
  bool listed_ = false;
  bool whole_ = false;
  std::map<base::ServiceName, ServiceState> services_;
  std::set<base::ServiceName> touched_;
  bool ticking_ = false;
};

}  // namespace marea::sim::drain
