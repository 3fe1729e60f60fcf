// The main loop.
#include "sim/drain/router_role.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace marea::sim::drain {

namespace msg = net::msg;
namespace act = router::act;
namespace mail = router::mail;
namespace news = router::news;

using std::chrono::microseconds;
using std::chrono::seconds;

RouterRole::RouterRole(Stage& stage)
    : Life(stage),
      publications_([this](model::Routes routes) { publish(std::move(routes)); }),
      news_(std::make_shared<Pipe<router::News>>(stage.timeline, stage.dice, kMailbox)),
      workers_(kWorkers) {
  news_->attach([this](const router::News& event) { std::visit(*this, event); }, [] {});
  for (int index = 0; index < kWorkers; ++index) {
    worker(index).table = std::make_shared<const router::RouteTable>(model::Routes{}, router::RouteTable::Live{});
    worker(index).mailbox = std::make_shared<Pipe<router::Mail>>(stage.timeline, stage.dice, kMailbox);
    worker(index).mailbox->attach([this, index](router::Mail mail) { take(index, std::move(mail)); }, [] {});
  }
  if (stage.routes) {
    restoring_ = true;
    publications_.restore(model::Routes(*stage.routes));
    restoring_ = false;
  }
  for (int index = 0; index < kWorkers; ++index) to_worker(index, mail::Listen{});
}

RouterRole::~RouterRole() = default;

void RouterRole::die() {
  Life::die();
  engine_.close();
  control_.close();
  news_->drop();
  for (Worker& each : workers_) each.mailbox->drop();
  stage_.machine.router_died();
  stage_.referee.router_died();
  for (auto& [number, call] : calls_) {
    call.request.excuse.router = true;
    stage_.referee.answered(call.request.name(), Answer::gone_by_router, call.request.excuse, "");
  }
  calls_.clear();
}

void RouterRole::carry_out() {
  if (carrying_ || dead()) return;
  carrying_ = true;
  for (std::vector<router::Action> actions = muster_.take_actions(); !actions.empty();
       actions = muster_.take_actions()) {
    for (const router::Action& action : actions) {
      if (dead() || stage_.strikes(net::Role::router)) return;
      std::visit(*this, action);
    }
  }
  carrying_ = false;
  arm();
}

void RouterRole::arm() {
  const base::Instant next = muster_.next_deadline();
  if (next == base::Instant::max() || (armed_for_ <= next && armed_for_ > now())) return;
  armed_for_ = next;
  later(next - now(), [this] {
    if (armed_for_ > now()) return;
    armed_for_ = base::Instant::max();
    muster_.tick(now());
    carry_out();
    arm();
  });
}

// ---- links

void RouterRole::link_engine(EngineRouterEnd::Other link) {
  engine_.close();
  engine_ = std::move(link);
  engine_.in->attach(
      [this](const ToRouter& arrived) {
        const int sockets = arrived.sockets;
        if (const auto* open = std::get_if<msg::InstanceOpen>(&arrived.message)) {
          unplaced_[open->id] = sockets;
        } else if (const auto* came = std::get_if<msg::Sockets>(&arrived.message)) {
          unplaced_[came->id] = sockets;
        }
        std::visit(*this, arrived.message);
        carry_out();
      },
      [] {});
  unplaced_.clear();
  muster_.engine_linked(now());
  carry_out();
}

void RouterRole::link_control(RouterControlEnd link) {
  control_.close();
  publications_.restart();
  control_ = std::move(link);
  control_.in->attach([this](const net::ControlToRouter& message) { publications_.take(message); }, [] {});
  muster_.control_linked(now());
  carry_out();
}

void RouterRole::publish(model::Routes routes) {
  muster_.set_routes(routes, now());
  carry_out();
  if (dead()) return;
  const auto table = std::make_shared<const router::RouteTable>(
      routes, [this](const model::RevisionRoute& route) { return muster_.live(route.name); });
  version_ = routes.version;
  adopted_ = 0;
  for (int index = 0; index < kWorkers; ++index) to_worker(index, mail::Table{table});
  if (restoring_ || stage_.strikes(net::Role::router)) return;
  stage_.routes = std::move(routes);
}

void RouterRole::operator()(const news::TableAdopted& event) {
  if (event.version != version_ || ++adopted_ < kWorkers) return;
  if (stage_.strikes(net::Role::router)) return;
  muster_.adopted(event.version);
  carry_out();
}

void RouterRole::operator()(const news::Drained& /*event*/) {}

// ---- engine

void RouterRole::operator()(const msg::InstanceOpen& message) {
  const bool known = static_cast<bool>(muster_.find(message.id));
  muster_.open(message, now());
  if (const auto instance = muster_.find(message.id)) {
    put_sockets(instance, unplaced_.extract(message.id).mapped());
    if (known) tell_sockets(instance);
  } else if (!muster_.unplaced(message.id)) {
    unplaced_.erase(message.id);
  }
}

void RouterRole::operator()(const msg::InstanceDrain& message) {
  unplaced_.erase(message.id);
  muster_.drain(message, now());
  stage_.referee.acknowledges_drain(message.id);
}

void RouterRole::operator()(const msg::InstanceClosed& message) {
  unplaced_.erase(message.id);
  muster_.closed(message, now());
}

void RouterRole::operator()(const msg::Sockets& message) {
  const int count = unplaced_.extract(message.id).mapped();
  const auto instance = muster_.find(message.id);
  if (!instance) return;
  muster_.sockets_came(message.id);
  put_sockets(instance, count);
  tell_sockets(instance);
}

void RouterRole::operator()(const msg::StartsFailing& message) {
  muster_.starts_failing(message, now());
}

void RouterRole::operator()(const msg::DemandRefused& message) {
  muster_.demand_refused(message, now());
}

void RouterRole::operator()(const msg::InstancesDone& /*message*/) {
  muster_.all_named(now());
}

void RouterRole::operator()(const msg::MachineBusy& message) {
  muster_.machine_busy(message);
}

void RouterRole::put_sockets(const std::shared_ptr<router::Instance>& instance, int count) {
  for (int i = 0; i < count; ++i) instance->put_socket({base::Fd(), false});
}

void RouterRole::tell_sockets(const std::shared_ptr<router::Instance>& instance) {
  if (const auto found = probes_.find(instance->id()); found != probes_.end() && found->second.wants_socket) {
    found->second.wants_socket = false;
    probe(instance->id());
  }
  for (int index = 0; index < kWorkers; ++index) to_worker(index, mail::SocketsCame{instance});
}

// ---- workers

void RouterRole::operator()(const news::SomebodyWaits& event) {
  muster_.somebody_waits(event.revision, now());
  carry_out();
}

void RouterRole::operator()(const news::Quiet& event) {
  if (stage_.defect == Defect::forgets_quiet) return;
  muster_.quiet(event.instance->id());
  carry_out();
}

void RouterRole::operator()(const news::SocketsLow& event) {
  muster_.sockets_low(event.instance);
  carry_out();
}

void RouterRole::operator()(const news::ConnectRefused& event) {
  muster_.connect_refused(event.instance->id());
  carry_out();
}

void RouterRole::to_worker(int index, router::Mail mail) {
  worker(index).mailbox->send(std::move(mail));
}

void RouterRole::dispatch(const std::shared_ptr<router::Revision>& revision) {
  for (router::Revision::Grant& grant : revision->dispatch(now())) {
    stage_.referee.given(grant.instance->id());
    to_worker(grant.waiter.worker, mail::Granted{grant.waiter.ticket, revision, std::move(grant.instance)});
  }
}

// ---- actions

void RouterRole::operator()(const act::ToEngine& action) {
  if (const auto* quiet = std::get_if<msg::Quiet>(&action.message)) stage_.referee.note(quiet->id.str() + " is quiet");
  engine_.send(action.message);
}

void RouterRole::operator()(const act::ToControl& action) {
  control_.send(action.message);
}

void RouterRole::operator()(const act::Watch& action) {
  const base::InstanceId& id = action.instance->id();
  if (const auto kept = unplaced_.extract(id)) put_sockets(action.instance, kept.mapped());
  Probe& probe = probes_[id] = {.instance = action.instance};
  if (action.ready) {
    probe.over = true;
    muster_.ready(id, now());
    return;
  }
  probe.deadline = now() + action.route.startup.deadline();
  later(action.route.startup.initial_delay, [this, id] { this->probe(id); });
}

void RouterRole::operator()(const act::AwaitReturn& action) {
  const auto found = probes_.find(action.id);
  if (found == probes_.end()) return;
  Probe& probe = found->second;
  probe.over = false;
  probe.returning = true;
  probe.deadline = now() + seconds(10);
  probe.backoff.reset();
  ++probe.round;
  later(probe.backoff.next(), [this, id = action.id] { this->probe(id); });
}

void RouterRole::operator()(const act::Unwatch& action) {
  probes_.erase(action.id);
}

void RouterRole::operator()(const act::Dispatch& action) {
  dispatch(action.revision);
}

void RouterRole::operator()(const act::Refuse& action) {
  to_worker(action.waiter.worker, mail::Refused{action.waiter.ticket, action.refusal});
}

void RouterRole::operator()(const act::Gone& action) {
  for (int index = 0; index < kWorkers; ++index) to_worker(index, mail::Gone{action.instance});
}

// ---- probes

void RouterRole::probe(const base::InstanceId& id) {
  const auto found = probes_.find(id);
  if (found == probes_.end() || found->second.over) return;
  if (!found->second.instance->take_socket()) {
    found->second.wants_socket = true;
    muster_.sockets_low(found->second.instance);
    carry_out();
    return;
  }
  later(stage_.dice.between(microseconds(30), microseconds(150)), [this, id, round = ++found->second.round] {
    const auto probed_now = probes_.find(id);
    if (probed_now != probes_.end() && probed_now->second.round == round) probed(id, stage_.machine.listening(id));
  });
}

void RouterRole::probed(const base::InstanceId& id, bool connected) {
  Probe& probe = probes_.at(id);
  if (connected) {
    probe.over = true;
    const auto revision = muster_.live(probe.instance->revision());
    if (revision && revision->waiting() > 0) probe.instance->put_socket({base::Fd(), true});
    muster_.ready(id, now());
    carry_out();
    return;
  }
  probe.instance->put_socket({base::Fd(), false});
  if (now() < probe.deadline) {
    later(probe.backoff.next(), [this, id] { this->probe(id); });
    return;
  }
  probe.over = true;
  const model::Reason reason = probe.returning ? model::Reason::liveness_failed : model::Reason::never_listened;
  muster_.unready({id, reason, "probe"});
  carry_out();
}

}  // namespace marea::sim::drain
