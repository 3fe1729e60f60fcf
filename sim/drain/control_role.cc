#include "sim/drain/control_role.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "control/control.h"

namespace marea::sim::drain {

namespace msg = net::msg;

namespace {

constexpr unsigned kEpochShift = 32;

}  // namespace

ControlRole::ControlRole(Stage& stage)
    : Life(stage), routes_(++stage.registry.epoch << kEpochShift), plans_(stage.registry.epoch << kEpochShift) {
  for (const auto& [name, row] : stage.registry.services) touch(name);
}

void ControlRole::die() {
  Life::die();
  engine_.close();
  router_.close();
}

ServiceRow* ControlRole::find(const base::ServiceName& name) {
  const auto found = stage_.registry.services.find(name);
  return found == stage_.registry.services.end() ? nullptr : &found->second;
}

void ControlRole::touch(const base::ServiceName& name) {
  touched_.insert(name);
  soon();
}

void ControlRole::touch_owner(const base::RevisionName& revision) {
  for (const auto& [name, row] : stage_.registry.services) {
    for (const store::RevisionRecord& one : row.revisions) {
      if (one.revision.name == revision) return touch(name);
    }
  }
}

void ControlRole::soon() {
  if (std::exchange(ticking_, true)) return;
  later({}, [this] {
    ticking_ = false;
    tick();
  });
}

// ---- commands

void ControlRole::create(const model::Service& service, model::Revision revision) {
  ServiceRow& row = stage_.registry.services[service.name];
  row.service = service;
  row.revisions.push_back({.revision = std::move(revision)});
  if (!stage_.strikes(net::Role::control)) touch(service.name);
}

void ControlRole::deploy(const base::ServiceName& name, model::Revision revision) {
  ServiceRow& row = *find(name);
  for (store::RevisionRecord& one : row.revisions) {
    if (one.result != store::RevisionResult::pending) continue;
    one.result = store::RevisionResult::failed;
    one.reason = model::Reason::superseded;
  }
  row.revisions.push_back({.revision = std::move(revision)});
  if (!stage_.strikes(net::Role::control)) touch(name);
}

void ControlRole::remove(const base::ServiceName& name) {
  find(name)->deleting = true;
  if (!stage_.strikes(net::Role::control)) touch(name);
}

// ---- as control/control.cc

void ControlRole::tick() {
  const std::set<base::ServiceName> touched = std::exchange(touched_, {});
  for (const base::ServiceName& name : touched) {
    if (ServiceRow* row = find(name)) {
      advance(*row);
      if (dead()) return;
      plan(name, *row);
    }
  }
  const bool whole = whole_ && router_;
  if (routes_.changed() || whole) {
    if (whole) whole_ = false;
    routes_.publish(whole, [this](const net::ControlToRouter& message) {
      if (!dead() && !stage_.strikes(net::Role::control)) router_.send(message);
      return true;
    });
  }
  if (dead()) return;
  if (plans_.changed() && engine_ && listed_) {
    plans_.publish([this](const net::ControlToEngine& message) {
      if (!dead() && !stage_.strikes(net::Role::control)) engine_.send(message);
    });
  }
  for (const base::ServiceName& name : touched) {
    const ServiceRow* row = find(name);
    if (dead() || row == nullptr || !row->deleting) continue;
    const bool awaited =
        std::ranges::any_of(services_[name].revisions, [](const auto& one) { return one.second.waiting > 0; });
    if (routed_without(name) && (!awaited || stage_.defect == Defect::deletes_at_once)) finish_delete(name);
  }
}

bool ControlRole::routed_without(const base::ServiceName& name) {
  const ServiceState& service = services_[name];
  return router_ && service.routes_version != 0 && routes_.applied() >= service.routes_version;
}

void ControlRole::expire_delete(const base::ServiceName& name) {
  if (find(name) != nullptr && routed_without(name)) {
    later(control::kDeleteWait, [this, name] { expire_delete(name); });
  } else {
    finish_delete(name);
  }
}

int ControlRole::live_instances(const base::RevisionName& revision) const {
  int live = 0;
  for (const control::InstanceEntry* entry : instances_.of(revision))
    live += control::is_live(entry->report.state) ? 1 : 0;
  return live;
}

void ControlRole::plan(const base::ServiceName& name, ServiceRow& row) {
  ServiceState& service = services_[name];
  control::ServiceFacts facts{.service = &row.service, .deleting = row.deleting};
  const auto shared = [&](const base::RevisionName& revision) {
    return std::ranges::find(service.shares, revision, &model::RouteShare::revision) != service.shares.end();
  };
  const bool waits = stage_.defect != Defect::retires_before_applied;
  for (const store::RevisionRecord& record : row.revisions) {
    const base::RevisionName& revision = record.revision.name;
    RevisionState& one = service.revisions[revision];
    if (one.unrouted_in != 0 && routes_.applied() >= one.unrouted_in && one.waiting == 0) one.unrouted_in = 0;
    facts.revisions.push_back({.revision = &record.revision,
                               .result = record.result,
                               .reason = record.reason,
                               .checking = one.checking,
                               .routed = waits && shared(revision),
                               .releasing = waits && one.unrouted_in != 0,
                               .live = live_instances(revision)});
  }
  control::ServiceOutcome outcome = control::plan_service(facts);
  service.shares = outcome.route ? outcome.route->shares : std::vector<model::RouteShare>();
  const bool changed = routes_.set(name, std::move(outcome.route), std::move(outcome.revision_routes));
  if (changed || service.routes_version == 0) service.routes_version = routes_.pending_version();
  for (auto& [revision, one] : service.revisions) {
    if (std::ranges::find(outcome.lost, revision) != outcome.lost.end()) one.unrouted_in = routes_.pending_version();
    if (shared(revision)) one.unrouted_in = 0;
  }
  plans_.set(name, std::move(outcome.plans));
  if (row.deleting && !std::exchange(service.deadline_set, true)) {
    later(control::kDeleteWait, [this, name] { expire_delete(name); });
  }
}

void ControlRole::advance(ServiceRow& row) {
  if (row.deleting || row.revisions.empty()) return;
  ServiceState& service = services_[row.service.name];
  for (const store::RevisionRecord& one : row.revisions) {
    if (one.result != store::RevisionResult::pending) service.revisions[one.revision.name].checking = false;
  }
  store::RevisionRecord& newest = row.revisions.back();
  if (newest.result != store::RevisionResult::pending) return;
  const base::RevisionName& revision = newest.revision.name;
  if (!std::exchange(service.revisions[revision].checking, true)) {
    expire_check(revision, newest.revision.spec.container.startup.deadline() + control::kCheckSlack);
  }
  judge(newest);
}

void ControlRole::expire_check(const base::RevisionName& revision, base::Duration most) {
  later(most, [this, revision, most] {
    if (!listed_ || !engine_) return expire_check(revision, most);  // nobody could have started it
    for (auto& [name, row] : stage_.registry.services) {
      for (store::RevisionRecord& one : row.revisions) {
        if (one.revision.name != revision || one.result != store::RevisionResult::pending) continue;
        decide(one, false);
        touch(name);
      }
    }
  });
}

void ControlRole::judge(store::RevisionRecord& newest) {
  std::vector<model::InstanceReport> reports;
  for (const control::InstanceEntry* entry : instances_.of(newest.revision.name)) reports.push_back(entry->report);
  const std::optional<control::Verdict> verdict =
      control::judge_start(reports, control::wanted_for_check(newest.revision.spec));
  if (!verdict) return;
  if (verdict->ready || instances_.find(verdict->failure->id)->failure) decide(newest, verdict->ready);
}

void ControlRole::decide(store::RevisionRecord& record, bool ready) {
  const base::RevisionName& name = record.revision.name;
  if (!ready && !stage_.registry.troubled.contains(name) && !stage_.registry.crowded) {
    stage_.referee.wrong(name.str() + " is refused and was well");
  }
  record.result = ready ? store::RevisionResult::ready : store::RevisionResult::failed;
  record.reason = ready ? model::Reason::none : model::Reason::app_exited;
  stage_.referee.note(name.str() + (ready ? " is ready to serve" : " is refused"));
  stage_.strikes(net::Role::control);
}

void ControlRole::finish_delete(const base::ServiceName& deleted) {
  const base::ServiceName name = deleted;
  if (find(name) == nullptr) return;
  stage_.referee.note(name.str() + " is deleted");
  stage_.registry.services.erase(name);
  if (stage_.strikes(net::Role::control)) return;
  services_.erase(name);
  routes_.set(name, std::nullopt, {});
  plans_.set(name, {});
  soon();
}

// ---- engine

void ControlRole::link_engine(EngineControlEnd::Other link) {
  engine_.close();
  engine_ = std::move(link);
  engine_.in->attach([this](const net::EngineToControl& message) { on_engine(message); }, [this] { engine_.close(); });
  listed_ = false;
  plans_.forget_sent();
  instances_.begin_listing();
}

void ControlRole::on_engine(const net::EngineToControl& message) {
  if (const auto* report = std::get_if<model::InstanceReport>(&message)) {
    on_report(*report);
    const bool final = !control::is_live(report->state);
    if (final && !dead()) engine_.send(msg::ReportKept{report->id});
  } else if (std::holds_alternative<msg::InstancesDone>(message)) {
    listed_ = true;
    on_listed();
  }
}

void ControlRole::on_report(const model::InstanceReport& report) {
  const control::InstanceEntry* before = instances_.find(report.id);
  const bool fails = report.state == model::InstanceState::failed;
  if (fails && before != nullptr && before->failure) return;
  instances_.report(report, now());
  if (fails) {
    later(control::kOutputSettles, [this, id = report.id, revision = report.revision] {
      if (instances_.find(id) == nullptr) return;
      instances_.set_failure(id, {});
      touch_owner(revision);
    });
  }
  touch_owner(report.revision);
}

void ControlRole::on_listed() {
  for (const base::RevisionName& lost : instances_.finish_listing()) touch_owner(lost);
  for (const auto& [name, row] : stage_.registry.services) {
    for (const store::RevisionRecord& record : row.revisions) {
      RevisionState& one = services_[name].revisions[record.revision.name];
      if (live_instances(record.revision.name) == 0 || one.unrouted_in != 0) continue;
      if (record.result == store::RevisionResult::ready) {
        one.unrouted_in = std::max<std::uint64_t>(1, routes_.pending_version());
      }
      touch(name);
    }
  }
  soon();
}

// ---- router

void ControlRole::link_router(RouterControlEnd::Other link) {
  for (auto& [name, service] : services_) {
    for (auto& [revision, one] : service.revisions) one.waiting = 0;
  }
  router_.close();
  router_ = std::move(link);
  router_.in->attach([this](const net::RouterToControl& message) { on_router(message); }, [this] { router_.close(); });
  whole_ = true;
  soon();
}

void ControlRole::on_router(const net::RouterToControl& message) {
  if (const auto* applied = std::get_if<msg::RoutesApplied>(&message)) {
    routes_.confirm(applied->version);
    announce();
    for (const auto& [name, row] : stage_.registry.services) {
      const auto& revisions = services_[name].revisions;
      const bool releasing =
          std::ranges::any_of(revisions, [](const auto& one) { return one.second.unrouted_in != 0; });
      if (releasing || row.deleting) touch(name);
    }
  } else if (const auto* load = std::get_if<msg::RevisionLoad>(&message)) {
    for (auto& [name, service] : services_) {
      const auto found = service.revisions.find(load->revision);
      if (found == service.revisions.end()) continue;
      found->second.waiting = load->waiting;
      const ServiceRow* row = find(name);
      const bool shared =
          std::ranges::find(service.shares, load->revision, &model::RouteShare::revision) != service.shares.end();
      const bool ready = row != nullptr && std::ranges::any_of(row->revisions, [&](const store::RevisionRecord& one) {
                           return one.revision.name == load->revision && one.result == store::RevisionResult::ready;
                         });
      if (load->waiting > 0 && ready && !shared && found->second.unrouted_in == 0) {
        found->second.unrouted_in = std::max<std::uint64_t>(1, routes_.pending_version());
      }
      if (found->second.unrouted_in != 0 || (find(name) != nullptr && find(name)->deleting)) touch(name);
    }
  }
}

// People are told that a service answers once router routes by it.
void ControlRole::announce() {
  for (const auto& [name, row] : stage_.registry.services) {
    const ServiceState& service = services_[name];
    const bool serves = !row.deleting && !service.shares.empty() && routes_.applied() >= service.routes_version;
    if (serves && stage_.registry.announced.insert(name).second) stage_.referee.note(name.str() + " is announced");
  }
}

bool ControlRole::settled() const {
  return std::ranges::all_of(stage_.registry.services, [](const auto& each) {
    const ServiceRow& row = each.second;
    return !row.deleting && row.revisions.back().result != store::RevisionResult::pending;
  });
}

}  // namespace marea::sim::drain
