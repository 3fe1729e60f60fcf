#include "router/roster.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "decide/scale.h"

namespace marea::router {

namespace msg = net::msg;
using base::Severity;
using model::Reason;

Roster::Roster(World world) : world_(std::move(world)), tick_(world_.loop, [this] { tick(); }) {}

void Roster::set_link(std::unique_ptr<EngineLink> link) {
  link_ = std::move(link);
  for (auto& [id, member] : members_) {
    member.stale = true;
    member.sockets_asked = false;
  }
  unplaced_.clear();
  for (auto& [name, kind] : kinds_) {
    kind.asked = 0;
    grow(kind);
  }
}

void Roster::take(net::EngineToRouter message, std::vector<base::Fd> fds) {
  fds_ = std::move(fds);
  std::visit([this](auto& each) { (*this)(each); }, message);
  fds_.clear();
}

// ---- configuration

void Roster::set_routes(const model::Routes& routes) {
  for (auto& [name, kind] : kinds_) kind.retired = true;
  for (const model::RevisionRoute& route : routes.revisions) {
    Kind& kind = kinds_[route.name];
    if (!kind.live) kind.live = std::make_shared<Revision>(route.name, route.service);
    kind.route = route;
    kind.retired = false;
  }
  std::erase_if(kinds_, [this](const auto& each) {
    return each.second.retired && members_of(*each.second.live, false) == 0 && each.second.live->waiting() == 0;
  });
  std::vector<Unplaced> unplaced = std::move(unplaced_);
  unplaced_.clear();
  for (Unplaced& each : unplaced) open(each.message, std::move(each.fds));
}

std::shared_ptr<Revision> Roster::live(const base::RevisionName& name) const {
  const auto found = kinds_.find(name);
  return found == kinds_.end() ? nullptr : found->second.live;
}

// ---- instances

void Roster::operator()(msg::InstanceOpen& message) {
  open(message, std::move(fds_));
}

void Roster::open(msg::InstanceOpen& message, std::vector<base::Fd> fds) {
  const auto kind = kinds_.find(message.revision);
  if (kind == kinds_.end()) {
    if (unplaced_.size() < kMostUnplaced) unplaced_.push_back({message, std::move(fds)});
    return;
  }
  Member& member = members_[message.id];
  const bool fresh = !member.shared;
  if (fresh) {
    member.revision = kind->second.live;
    member.shared = std::make_shared<Instance>(Instance::Options{.id = message.id,
                                                                 .revision = message.revision,
                                                                 .concurrency = kind->second.route.concurrency,
                                                                 .port = kind->second.route.port});
  }
  member.epoch = message.epoch;
  member.stale = false;
  for (base::Fd& fd : fds) member.shared->put_socket({std::move(fd), false});
  if (fresh) {
    member.revision->add(member.shared);
    member.health = watch(kind->second, member.shared);
    if (message.ready) {
      member.health->watch_liveness();
      became_ready(message.id, std::nullopt);
    } else {
      member.health->await_readiness();
    }
  } else {
    if (member.shared->ready()) send(msg::InstanceReady{message.id});
    tell_sockets(member);
  }
  wake();
}

std::unique_ptr<Health> Roster::watch(const Kind& kind, const std::shared_ptr<Instance>& instance) {
  const base::InstanceId id = instance->id();
  return std::make_unique<Health>(
      world_.loop, kind.route, instance,
      Health::Events{
          .on_ready = [this, id](std::optional<base::Fd> socket) { became_ready(id, std::move(socket)); },
          .on_unready =
              [this, id](Reason reason, const std::string& detail) {
                const auto found = members_.find(id);
                if (found != members_.end()) found->second.shared->make_unready();
                world_.log(Severity::warning, "instance is not ready",
                           {{"instance", id.str()}, {"reason", std::string(to_string(reason))}, {"detail", detail}});
                send(msg::InstanceUnready{id, reason, detail});
              },
          .on_socket_wanted =
              [this, id] {
                const auto found = members_.find(id);
                if (found != members_.end()) ask_sockets(found->second);
              }});
}

void Roster::became_ready(const base::InstanceId& id, std::optional<base::Fd> connection) {
  const auto found = members_.find(id);
  if (found == members_.end() || found->second.shared->draining()) return;
  Member& member = found->second;
  // The probe's connection serves the first request; without one it is closed, since an app that handles one connection
  // at a time would sit on it.
  if (connection && member.revision->waiting() > 0) member.shared->put_socket({std::move(*connection), true});
  member.shared->make_ready(world_.loop.now());
  send(msg::InstanceReady{id});
  world_.switchboard.dispatch(member.revision, world_.loop.now());
  wake();
}

void Roster::operator()(const msg::InstanceDrain& message) {
  const auto found = members_.find(message.id);
  std::erase_if(unplaced_, [&](const Unplaced& each) { return each.message.id == message.id; });
  if (found == members_.end()) {
    send(msg::Quiet{message.id, message.epoch});
    return;
  }
  Member& member = found->second;
  member.epoch = message.epoch;
  member.health.reset();
  const bool again = member.shared->draining();
  const bool quiet = member.shared->drain();
  if (quiet || (again && member.shared->in_flight() == 0)) send(msg::Quiet{message.id, message.epoch});
  if (const auto kind = kinds_.find(member.revision->name()); kind != kinds_.end()) {
    kind->second.asked = 0;  // what was asked for is there no more
    grow(kind->second);
  }
  wake();
}

void Roster::operator()(news::Quiet& event) {
  const auto found = members_.find(event.instance->id());
  if (found != members_.end()) send(msg::Quiet{found->first, found->second.epoch});
}

void Roster::operator()(const msg::InstanceClosed& message) {
  std::erase_if(unplaced_, [&](const Unplaced& each) { return each.message.id == message.id; });
  forget(message.id);
}

void Roster::forget(const base::InstanceId& id) {
  const auto found = members_.find(id);
  if (found == members_.end()) return;
  const Member member = std::move(found->second);
  members_.erase(found);
  member.shared->drain();
  member.revision->remove(*member.shared);
  for (int worker = 0; worker < world_.switchboard.workers(); ++worker) {
    world_.switchboard.to_worker(worker, mail::Gone{member.shared});
  }
  const auto kind = kinds_.find(member.revision->name());
  if (kind != kinds_.end()) {
    kind->second.asked = 0;
    settle_refusal(kind->second);
    grow(kind->second);
  }
  wake();
}

// A new engine has named all that live.
void Roster::operator()(const msg::InstancesDone& /*message*/) {
  std::vector<base::InstanceId> gone;
  for (const auto& [id, member] : members_) {
    if (member.stale) gone.push_back(id);
  }
  for (const base::InstanceId& id : gone) forget(id);
}

void Roster::ask_sockets(Member& member) {
  if (member.sockets_asked) return;
  member.sockets_asked = true;
  const int most = static_cast<int>(net::kMostFds);
  send(msg::SocketsWanted{member.shared->id(), std::clamp(member.shared->in_flight(), kSocketStock, most)});
}

void Roster::operator()(const msg::Sockets& message) {
  const auto found = members_.find(message.id);
  if (found == members_.end()) return;
  Member& member = found->second;
  member.sockets_asked = false;
  for (base::Fd& fd : fds_) member.shared->put_socket({std::move(fd), false});
  tell_sockets(member);
}

void Roster::tell_sockets(Member& member) {
  if (member.health) member.health->sockets_came();
  for (int worker = 0; worker < world_.switchboard.workers(); ++worker) {
    world_.switchboard.to_worker(worker, mail::SocketsCame{member.shared});
  }
}

void Roster::operator()(news::SocketsLow& event) {
  const auto found = members_.find(event.instance->id());
  if (found != members_.end()) {
    ask_sockets(found->second);
    return;
  }
  // Its grant was under way when it closed: the worker learned of it after it had let go of it.
  for (int worker = 0; worker < world_.switchboard.workers(); ++worker) {
    world_.switchboard.to_worker(worker, mail::Gone{event.instance});
  }
}

void Roster::operator()(news::ConnectRefused& event) {
  const auto found = members_.find(event.instance->id());
  if (found != members_.end() && found->second.health) found->second.health->await_return();
}

// ---- how many

void Roster::operator()(news::SomebodyWaits& event) {
  event.revision->asked();
  const auto kind = kinds_.find(event.revision->name());
  if (kind == kinds_.end() || kind->second.live != event.revision) {
    // Its routes went away while the request was on its way here.
    const auto why = std::make_shared<const Refusal>(
        Refusal{.status = 503, .retry_after = std::chrono::seconds(1), .why = "the revision was just replaced"});
    for (const Revision::Waiter& waiter : event.revision->refuse(why)) {
      world_.switchboard.to_worker(waiter.worker, mail::Refused{waiter.ticket, why});
    }
    return;
  }
  grow(kind->second);
  wake();
}

int Roster::members_of(const Revision& revision, bool serving) const {
  int count = 0;
  for (const auto& [id, member] : members_) {
    if (member.revision.get() == &revision && !(serving && member.shared->draining())) ++count;
  }
  return count;
}

void Roster::grow(Kind& kind) {
  decide::ScaleLoad load{.waiting = kind.live->waiting(),
                         .concurrency = kind.route.concurrency,
                         .min = kind.route.min_scale,
                         .max = kind.route.max_scale};
  for (const std::shared_ptr<Instance>& instance : kind.live->instances()) {
    if (instance->draining()) continue;
    ++load.instances;
    load.in_flight += instance->in_flight();
  }
  const decide::ScaleWish wish = decide::wish(load);
  if (wish.reason == Reason::max_scale || load.waiting == 0) kind.live->limit = wish.reason;
  if (load.waiting == 0 || wish.wanted <= load.instances) return;
  const base::Instant now = world_.loop.now();
  if (now < kind.refused_until) return;
  if (wish.wanted <= kind.asked && now - kind.asked_at < kAskAgain) return;
  kind.asked = wish.wanted;
  kind.asked_at = now;
  send(msg::Demand{kind.route.name, wish.wanted, wish.reason});
}

void Roster::shrink() {
  const base::Instant now = world_.loop.now();
  std::map<const Revision*, int> serving;
  for (const auto& [id, member] : members_) {
    if (!member.shared->draining()) ++serving[member.revision.get()];
  }
  for (auto& [id, member] : members_) {
    const Instance& instance = *member.shared;
    const auto kind = kinds_.find(member.revision->name());
    if (kind == kinds_.end() || !instance.ready() || instance.in_flight() > 0) continue;
    if (now - member.retire_asked < kAskAgain) continue;
    int& count = serving[member.revision.get()];
    if (!decide::retires({.idle_since = instance.idle_since(),
                          .idle_timeout = kind->second.route.idle_timeout,
                          .instances = count,
                          .min = kind->second.route.min_scale},
                         now)) {
      continue;
    }
    --count;
    member.retire_asked = now;
    send(msg::Retire{id, Reason::idle_timeout});
  }
}

void Roster::operator()(const msg::StartsFailing& message) {
  const auto kind = kinds_.find(message.revision);
  if (kind == kinds_.end()) return;
  if (message.failures == 0) {
    kind->second.refusal.reset();
    kind->second.refused_until = {};
    kind->second.live->refuse(nullptr);
    grow(kind->second);
    return;
  }
  const std::string times =
      message.failures == 1 ? "the last start" : "the last " + std::to_string(message.failures) + " starts";
  std::string why = times + " of " + message.revision.str() + " failed: " + std::string(to_string(message.reason));
  if (!message.detail.empty()) why += ": " + message.detail;
  refuse(kind->second, {.status = 503, .retry_after = message.retry_after, .why = std::move(why)}, message.retry_after);
}

void Roster::operator()(const msg::DemandRefused& message) {
  const auto kind = kinds_.find(message.revision);
  if (kind == kinds_.end()) return;
  kind->second.live->limit = message.reason;
  if (message.granted > 0 || message.reason != Reason::machine_full) return;
  refuse(kind->second,
         {.status = 429,
          .retry_after = kAskAgain,
          .why = "the machine has no memory left for an instance of " + message.revision.str()},
         kAskAgain);
}

void Roster::refuse(Kind& kind, Refusal refusal, base::Duration during) {
  kind.refusal = std::make_shared<const Refusal>(std::move(refusal));
  kind.refused_until = world_.loop.now() + during;
  kind.asked = 0;
  settle_refusal(kind);
  wake();
}

// As long as it lasts, and while there is no instance, those who wait and those who come are refused.
void Roster::settle_refusal(Kind& kind) {
  const bool lasts = kind.refusal && world_.loop.now() < kind.refused_until;
  if (!lasts) kind.refusal.reset();
  for (const Revision::Waiter& waiter : kind.live->refuse(kind.refusal)) {
    world_.switchboard.to_worker(waiter.worker, mail::Refused{waiter.ticket, kind.refusal});
  }
}

// ---- reports

void Roster::report_all() {
  report(true);
  wake();
}

void Roster::report(bool all) {
  std::map<const Revision*, int> in_flight;
  for (auto& [id, member] : members_) {
    const int now = member.shared->in_flight();
    in_flight[member.revision.get()] += now;
    if (!all && now == member.reported) continue;
    member.reported = now;
    world_.to_control(msg::InstanceLoad{id, now});
  }
  for (auto& [name, kind] : kinds_) {
    const msg::RevisionLoad load{.revision = name,
                                 .in_flight = in_flight[kind.live.get()],
                                 .waiting = kind.live->waiting(),
                                 .requests = kind.live->requests.load(std::memory_order_relaxed)};
    const msg::RevisionLoad& last = kind.reported;
    const bool same =
        last.in_flight == load.in_flight && last.waiting == load.waiting && last.requests == load.requests;
    if (!all && same) continue;
    kind.reported = load;
    world_.to_control(load);
  }
}

void Roster::tick() {
  const base::Instant now = world_.loop.now();
  bool waiting = false;
  for (auto& [name, kind] : kinds_) {
    if (kind.refusal && now >= kind.refused_until) settle_refusal(kind);
    if (kind.live->waiting() > 0) grow(kind);
    waiting = waiting || kind.live->waiting() > 0 || kind.refusal;
  }
  shrink();
  if (now - reported_at_ >= kLoadEvery) {
    reported_at_ = now;
    report(false);
  }
  // With nobody waiting and nothing running there is nothing to look after: a platform at rest uses no time.
  if (waiting || !members_.empty()) tick_.arm_in(kRosterTick);
}

}  // namespace marea::router
