// Revisions and instances: their coming, readiness, draining and going; links and time.
#include "router/muster.h"

#include <algorithm>
#include <tuple>

#include "net/link.h"

namespace marea::router {

namespace msg = net::msg;

std::shared_ptr<Revision> Muster::live(const base::RevisionName& name) const {
  const auto found = kinds_.find(name);
  return found == kinds_.end() ? nullptr : found->second.live;
}

std::shared_ptr<Instance> Muster::find(const base::InstanceId& id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : found->second.shared;
}

bool Muster::unplaced(const base::InstanceId& id) const {
  return std::ranges::find(unplaced_, id, &msg::InstanceOpen::id) != unplaced_.end();
}

Muster::Kind* Muster::find_kind(const base::RevisionName& name) {
  const auto found = kinds_.find(name);
  return found == kinds_.end() ? nullptr : &found->second;
}

bool Muster::has_member(const Revision& revision) const {
  return std::ranges::any_of(members_, [&](const auto& each) { return each.second.revision.get() == &revision; });
}

// ---- links and routes

void Muster::engine_linked(base::Instant now) {
  for (auto& [id, member] : members_) {
    member.stale = true;
    member.sockets_asked = false;
    member.shared->stay_awake();  // the new engine takes all for busy
  }
  unplaced_.clear();
  for (auto& [name, kind] : kinds_) {
    kind.asked = 0;
    settle(kind, now);
  }
}

void Muster::all_named(base::Instant now) {
  std::vector<base::InstanceId> gone;
  for (const auto& [id, member] : members_) {
    if (member.stale) gone.push_back(id);
  }
  for (const base::InstanceId& id : gone) forget(id, now);
}

void Muster::set_routes(const model::Routes& routes, base::Instant now) {
  for (auto& [name, kind] : kinds_) kind.retired = true;
  for (const model::RevisionRoute& route : routes.revisions) {
    Kind& kind = kinds_[route.name];
    if (!kind.live) kind.live = std::make_shared<Revision>(route.name, route.service);
    // Routes that an older marea kept do not tell of affinity; control's do.
    kind.live->set_affinity(route.session_affinity ? affinity_key_.mark(route.name.str()) : 0);
    kind.route = route;
    kind.retired = false;
  }
  for (auto& [id, member] : members_) {
    const Kind* const kind = find_kind(member.revision->name());
    if (kind == nullptr || kind->retired) continue;
    member.shared->set_affinity(kind->route.session_affinity ? affinity_key_.mark(id.str()) : 0);
    follow_route(member, kind->route);
  }
  for (const msg::InstanceOpen& message : std::exchange(unplaced_, {})) open(message, now);
}

// What it was opened by may be routes that an older marea kept, which do not tell of throttling and readiness. It goes
// on with what it has: only what the new probe finds changes that.
void Muster::follow_route(Member& member, const model::RevisionRoute& route) {
  if (member.route == route) return;
  if (member.shared->throttled() != route.cpu_throttling) {
    rouse(member);
    member.shared->set_throttled(route.cpu_throttling);
  }
  const model::RevisionRoute before = std::exchange(member.route, route);
  const auto probes = [](const model::RevisionRoute& each) {
    return std::tie(each.startup, each.has_liveness, each.liveness, each.readiness);
  };
  if (probes(before) == probes(route) || member.shared->draining()) return;
  const bool up = member.shared->ready() || member.unavailable;
  actions_.emplace_back(act::Watch{.instance = member.shared, .route = route, .ready = up});
}

// control takes a revision's instances away when nobody waits for it: it must not judge by an account that is older
// than the last request which the old routes let in. Until then workers may let requests in by the old routes, so what
// these name is known until then.
void Muster::adopted(std::uint64_t version) {
  report(false);
  std::erase_if(kinds_, [this](const auto& each) {
    return each.second.retired && !has_member(*each.second.live) && each.second.live->waiting() == 0;
  });
  to_control(msg::RoutesApplied{version});
}

void Muster::control_linked(base::Instant now) {
  report(true);
  wake(now);
}

// ---- instances

void Muster::open(const msg::InstanceOpen& message, base::Instant now) {
  Kind* const kind = find_kind(message.revision);
  if (kind == nullptr) {
    if (unplaced_.size() < kMostUnplaced) unplaced_.push_back(message);
    return;
  }
  Member& member = members_[message.id];
  const bool fresh = !member.shared;
  member.epoch = message.epoch;
  member.stale = false;
  if (fresh) {
    member.revision = kind->live;
    member.shared =
        std::make_shared<Instance>(Instance::Options{.id = message.id,
                                                     .revision = message.revision,
                                                     .concurrency = kind->route.concurrency,
                                                     .port = kind->route.port,
                                                     .started = message.ready ? base::Instant{} : now,
                                                     .ledger = ledger_ ? ledger_->slot(message.slot) : nullptr,
                                                     .lane = ledger_ ? ledger_->lane() : 0,
                                                     .throttled = kind->route.cpu_throttling});
    if (kind->route.session_affinity) member.shared->set_affinity(affinity_key_.mark(message.id.str()));
    member.asked_at = now - kind->asked_at < kAskAgain && kind->members < kind->asked ? kind->asked_at : now;
    member.started = message.ready;
    member.route = kind->route;
    ++kind->members;
    member.revision->add(member.shared);
    actions_.emplace_back(act::Watch{.instance = member.shared, .route = kind->route, .ready = message.ready});
  } else if (member.shared->ready()) {
    to_engine(msg::InstanceReady{message.id});
  }
  wake(now);
}

void Muster::ready(const base::InstanceId& id, base::Instant now) {
  const auto found = members_.find(id);
  if (found == members_.end() || found->second.shared->draining()) return;
  Member& member = found->second;
  member.shared->make_ready(now);
  if (Kind* const kind = find_kind(member.revision->name()); kind != nullptr && !member.started) {
    kind->scale.started(now - member.asked_at);
  }
  member.started = true;
  if (member.unavailable) member.availability_told = false;
  member.unavailable.reset();
  to_engine(msg::InstanceReady{id});
  actions_.emplace_back(act::Dispatch{member.revision});
  wake(now);
}

void Muster::unready(const msg::InstanceUnready& message) {
  const auto found = members_.find(message.id);
  if (found != members_.end()) found->second.shared->make_unready();
  to_engine(message);
}

void Muster::unavailable(const base::InstanceId& id, std::string detail, base::Instant now) {
  const auto found = members_.find(id);
  if (found == members_.end() || found->second.shared->draining()) return;
  Member& member = found->second;
  member.shared->make_unready();
  rouse(member);
  if (detail.size() > kMostDetail) detail.resize(kMostDetail);
  member.unavailable = std::move(detail);
  member.availability_told = false;
  if (Kind* const kind = find_kind(member.revision->name())) settle(*kind, now);
  wake(now);
}

void Muster::drain(const msg::InstanceDrain& message, base::Instant now) {
  const auto found = members_.find(message.id);
  std::erase_if(unplaced_, [&](const msg::InstanceOpen& each) { return each.id == message.id; });
  if (found == members_.end()) {
    to_engine(msg::Quiet{message.id, message.epoch});
    return;
  }
  Member& member = found->second;
  member.epoch = message.epoch;
  member.stale = false;
  actions_.emplace_back(act::Unwatch{message.id});
  const bool again = member.shared->draining();
  const bool quiet = member.shared->drain();
  if (quiet || (again && member.shared->in_flight() == 0)) to_engine(msg::Quiet{message.id, message.epoch});
  if (Kind* const kind = find_kind(member.revision->name())) {
    kind->asked = 0;  // what was asked for is there no more
    settle(*kind, now);
  }
  wake(now);
}

void Muster::quiet(const base::InstanceId& id) {
  const auto found = members_.find(id);
  if (found != members_.end()) to_engine(msg::Quiet{id, found->second.epoch});
}

void Muster::closed(const msg::InstanceClosed& message, base::Instant now) {
  std::erase_if(unplaced_, [&](const msg::InstanceOpen& each) { return each.id == message.id; });
  forget(message.id, now);
}

void Muster::forget(const base::InstanceId& id, base::Instant now) {
  const auto found = members_.find(id);
  if (found == members_.end()) return;
  const Member member = std::move(found->second);
  members_.erase(found);
  member.shared->drain();
  member.revision->remove(*member.shared);
  actions_.emplace_back(act::Unwatch{id});
  actions_.emplace_back(act::Gone{member.shared});
  if (Kind* const kind = find_kind(member.revision->name())) {
    kind->asked = 0;
    --kind->members;
    settle_refusal(*kind, now);
    settle(*kind, now);
  }
  wake(now);
}

// ---- sockets

void Muster::ask_sockets(Member& member) {
  if (member.sockets_asked) return;
  member.sockets_asked = true;
  const int most = static_cast<int>(net::kMostFds);
  to_engine(msg::SocketsWanted{member.shared->id(), std::clamp(member.shared->in_flight(), kSocketStock, most)});
}

void Muster::sockets_came(const base::InstanceId& id) {
  const auto found = members_.find(id);
  if (found != members_.end()) found->second.sockets_asked = false;
}

void Muster::sockets_low(const std::shared_ptr<Instance>& instance) {
  const auto found = members_.find(instance->id());
  if (found != members_.end()) {
    ask_sockets(found->second);
    return;
  }
  // Its grant was under way when it closed: the worker learned of it after it had let go of it.
  actions_.emplace_back(act::Gone{instance});
}

void Muster::connect_refused(const base::InstanceId& id) {
  const auto found = members_.find(id);
  if (found == members_.end() || found->second.shared->draining()) return;
  rouse(found->second);
  actions_.emplace_back(act::AwaitReturn{id});
}

// ---- CPU of throttled instances

void Muster::woken(const base::InstanceId& id) {
  const auto found = members_.find(id);
  // The word may be late: engine was told that it rests again.
  if (found != members_.end() && found->second.shared->awake()) to_engine(msg::InstanceBusy{id, true});
}

// What is not ready needs CPU to become so.
void Muster::rouse(const Member& member) {
  if (member.shared->wake()) to_engine(msg::InstanceBusy{member.shared->id(), true});
}

void Muster::let_rest(base::Instant now) {
  for (auto& [id, member] : members_) {
    Instance& instance = *member.shared;
    if (!instance.throttled() || !instance.awake() || instance.probes > 0 || !instance.ready()) continue;
    if (instance.draining() || instance.in_flight() > 0 || now - instance.idle_since() < kRestAfter) continue;
    if (instance.rest()) to_engine(msg::InstanceBusy{id, false});
  }
}

// ---- time

void Muster::tick(base::Instant now) {
  if (tick_at_ > now) return;
  tick_at_ = base::Instant::max();
  bool waiting = false;
  for (auto& [name, kind] : kinds_) {
    if (kind.refusal && now >= kind.refused_until) settle_refusal(kind, now);
    if (kind.live->waiting() > 0 || kind.members > 0) settle(kind, now);
    waiting = waiting || kind.live->waiting() > 0 || kind.refusal;
  }
  let_rest(now);
  // With nobody waiting and nothing running there is nothing to look after: a platform at rest uses no time.
  const bool rests = !waiting && members_.empty();
  if (rests || now - reported_at_ >= kLoadEvery) {
    reported_at_ = now;
    report(false);
  }
  if (!rests) wake(now);
}

}  // namespace marea::router
