#include "router/roster.h"

#include <utility>
#include <variant>

#include "base/crash_point.h"

namespace marea::router {

namespace msg = net::msg;
using base::Severity;
using model::Reason;

Roster::Roster(World world)
    : world_(std::move(world)), deadline_(world_.loop, [this] {
        muster_.tick(now());
        carry_out();
      }) {}

// After every event. Actions may cause events at once; their actions are carried out here too.
void Roster::carry_out() {
  if (carrying_) return;
  carrying_ = true;
  for (std::vector<Action> actions = muster_.take_actions(); !actions.empty(); actions = muster_.take_actions()) {
    for (const Action& action : actions) std::visit(*this, action);
  }
  carrying_ = false;
  if (const base::Instant next = muster_.next_deadline(); next == base::Instant::max()) {
    deadline_.cancel();
  } else {
    deadline_.arm_at(next);
  }
}

// ---- engine

void Roster::set_link(std::unique_ptr<EngineLink> link) {
  link_ = std::move(link);
  unplaced_.clear();
  muster_.engine_linked(now());
  carry_out();
}

void Roster::take(net::EngineToRouter message, std::vector<base::Fd> fds) {
  fds_ = std::move(fds);
  std::visit([this](const auto& each) { (*this)(each); }, message);
  fds_.clear();
  carry_out();
}

void Roster::operator()(const msg::InstanceOpen& message) {
  const bool known = static_cast<bool>(muster_.find(message.id));
  muster_.open(message, now());
  if (const std::shared_ptr<Instance> instance = muster_.find(message.id)) {
    for (base::Fd& fd : fds_) instance->put_socket({std::move(fd), false});
    if (known) tell_sockets(instance);
  } else if (muster_.unplaced(message.id)) {
    unplaced_[message.id] = std::move(fds_);
  }
}

void Roster::operator()(const msg::InstanceDrain& message) {
  base::crash_point("router.drain.asked");
  unplaced_.erase(message.id);
  muster_.drain(message, now());
}

void Roster::operator()(const msg::InstanceClosed& message) {
  unplaced_.erase(message.id);
  muster_.closed(message, now());
}

void Roster::operator()(const msg::Sockets& message) {
  const std::shared_ptr<Instance> instance = muster_.find(message.id);
  if (!instance) return;
  muster_.sockets_came(message.id);
  for (base::Fd& fd : fds_) instance->put_socket({std::move(fd), false});
  tell_sockets(instance);
}

// Whoever waits for one.
void Roster::tell_sockets(const std::shared_ptr<Instance>& instance) {
  if (const auto probe = probes_.find(instance->id()); probe != probes_.end()) probe->second->sockets_came();
  for (int worker = 0; worker < world_.switchboard.workers(); ++worker) {
    world_.switchboard.to_worker(worker, mail::SocketsCame{instance});
  }
}

void Roster::operator()(const msg::StartsFailing& message) {
  muster_.starts_failing(message, now());
}

void Roster::operator()(const msg::DemandRefused& message) {
  muster_.demand_refused(message, now());
}

void Roster::operator()(const msg::InstancesDone& /*message*/) {
  muster_.all_named(now());
}

// ---- control and workers

void Roster::set_routes(const model::Routes& routes) {
  muster_.set_routes(routes, now());
  carry_out();
}

void Roster::adopted(std::uint64_t version) {
  muster_.adopted(version);
  carry_out();
}

void Roster::report_all() {
  muster_.control_linked(now());
  carry_out();
}

void Roster::operator()(news::SomebodyWaits& event) {
  muster_.somebody_waits(event.revision, now());
  carry_out();
}

void Roster::operator()(news::Quiet& event) {
  muster_.quiet(event.instance->id());
  carry_out();
}

void Roster::operator()(news::SocketsLow& event) {
  muster_.sockets_low(event.instance);
  carry_out();
}

void Roster::operator()(news::ConnectRefused& event) {
  muster_.connect_refused(event.instance->id());
  carry_out();
}

void Roster::operator()(news::Woken& event) {
  muster_.woken(event.instance->id());
  carry_out();
}

// ---- actions

void Roster::operator()(const act::ToEngine& action) {
  if (link_) link_->send(action.message);
}

void Roster::operator()(const act::ToControl& action) {
  world_.to_control(action.message);
}

void Roster::operator()(const act::Watch& action) {
  const base::InstanceId& id = action.instance->id();
  if (auto kept = unplaced_.extract(id)) {
    for (base::Fd& fd : kept.mapped()) action.instance->put_socket({std::move(fd), false});
  }
  Health& health = *(probes_[id] = probe(action));
  if (action.ready) {
    health.adopt();
  } else {
    health.await_readiness();
  }
}

std::unique_ptr<Health> Roster::probe(const act::Watch& watch) {
  const base::InstanceId id = watch.instance->id();
  return std::make_unique<Health>(
      world_.loop, watch.route, watch.instance,
      Health::Events{
          .on_ready = [this, id](std::optional<base::Fd> socket) { became_ready(id, std::move(socket)); },
          .on_unready =
              [this, id](Reason reason, std::string detail) {
                world_.log(Severity::warning, "instance is not ready",
                           {{"instance", id.str()}, {"reason", std::string(to_string(reason))}, {"detail", detail}});
                muster_.unready({id, reason, std::move(detail)});
                carry_out();
              },
          .on_unavailable =
              [this, id](std::string detail) {
                world_.log(Severity::warning, "an instance's readiness probe fails",
                           {{"instance", id.str()}, {"detail", detail}});
                muster_.unavailable(id, std::move(detail), now());
                carry_out();
              },
          .on_woken =
              [this, id] {
                muster_.woken(id);
                carry_out();
              },
          .on_socket_wanted =
              [this, id] {
                if (const auto instance = muster_.find(id)) muster_.sockets_low(instance);
                carry_out();
              },
          .on_crowded =
              [this, instance = watch.instance] {
                for (int worker = 0; worker < world_.switchboard.workers(); ++worker) {
                  world_.switchboard.to_worker(worker, mail::Crowded{instance});
                }
              }});
}

void Roster::became_ready(const base::InstanceId& id, std::optional<base::Fd> connection) {
  const std::shared_ptr<Instance> instance = muster_.find(id);
  if (!instance || instance->draining()) return;
  // The probe's connection serves the first request; without one it is closed, since an app that handles one connection
  // at a time would sit on it.
  const std::shared_ptr<Revision> revision = muster_.live(instance->revision());
  if (connection && revision && revision->waiting() > 0) instance->put_socket({std::move(*connection), true});
  muster_.ready(id, now());
  carry_out();
}

void Roster::operator()(const act::AwaitReturn& action) {
  if (const auto probe = probes_.find(action.id); probe != probes_.end()) probe->second->await_return();
}

void Roster::operator()(const act::Unwatch& action) {
  probes_.erase(action.id);
}

void Roster::operator()(const act::Dispatch& action) {
  world_.switchboard.dispatch(action.revision, now());
}

void Roster::operator()(const act::Refuse& action) {
  world_.switchboard.to_worker(action.waiter.worker, mail::Refused{action.waiter.ticket, action.refusal});
}

void Roster::operator()(const act::Gone& action) {
  for (int worker = 0; worker < world_.switchboard.workers(); ++worker) {
    world_.switchboard.to_worker(worker, mail::Gone{action.instance});
  }
}

}  // namespace marea::router
