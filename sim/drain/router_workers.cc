// The workers: what router/worker.cc and router/client.cc do with a request.
#include <algorithm>
#include <utility>
#include <variant>

#include "router/client.h"
#include "sim/drain/router_role.h"

namespace marea::sim::drain {

namespace mail = router::mail;
namespace news = router::news;

using std::chrono::microseconds;

namespace {
constexpr base::Duration kMostSocketWait = std::chrono::seconds(1);  // to engine and back, both stalled
}

void RouterRole::take(int index, router::Mail mail) {
  std::visit([&](const auto& each) { mailed(index, each); }, mail);
}

void RouterRole::mailed(int index, const mail::Table& mail) {
  worker(index).table = mail.table;
  to_main(news::TableAdopted{mail.table->version()});
}

void RouterRole::mailed(int index, const mail::Granted& mail) {
  Worker& at = worker(index);
  const auto found = at.waiting.find(mail.ticket);
  if (stage_.defect == Defect::loses_a_grant && stage_.dice.chance(0.2)) return;
  if (found == at.waiting.end()) {  // it went away meanwhile
    release(mail.instance, mail.revision, false);
    return;
  }
  Call& call = calls_.at(found->second);
  at.waiting.erase(found);
  call.ticket = 0;
  call.home = home_of(index, mail.instance);
  connect(call);
}

void RouterRole::mailed(int index, const mail::Refused& mail) {
  Worker& at = worker(index);
  const auto found = at.waiting.find(mail.ticket);
  if (found == at.waiting.end()) return;
  Call& call = calls_.at(found->second);
  at.waiting.erase(found);
  call.ticket = 0;
  refuse(call, *mail.refusal);
}

void RouterRole::mailed(int index, const mail::SocketsCame& mail) {
  Worker& at = worker(index);
  std::vector<int> numbers;
  const auto [begin, end] = at.socketless.equal_range(mail.instance.get());
  for (auto each = begin; each != end; ++each) numbers.push_back(each->second);
  at.socketless.erase(mail.instance.get());
  for (const int number : numbers) {
    Call& call = calls_.at(number);
    call.awaits_socket = false;
    connect(call);
  }
}

void RouterRole::mailed(int index, const mail::Gone& mail) {
  Worker& at = worker(index);
  const auto found = at.homes.find(mail.instance.get());
  if (found == at.homes.end()) return;
  found->second->gone = true;
  found->second->idle = 0;
  at.homes.erase(found);
  mailed(index, mail::SocketsCame{mail.instance});
}

void RouterRole::mailed(int index, const mail::Listen& /*mail*/) {
  worker(index).listening = true;
}

std::shared_ptr<RouterRole::Home> RouterRole::home_of(int index, const std::shared_ptr<router::Instance>& instance) {
  std::shared_ptr<Home>& home = worker(index).homes[instance.get()];
  if (!home) home = std::make_shared<Home>(Home{.instance = instance});
  return home;
}

std::shared_ptr<RouterRole::Home> RouterRole::claim(int index, const router::RouteTable::RevisionEntry& revision) {
  if (revision.live->waiting() > 0) return nullptr;
  const std::vector<std::shared_ptr<router::Instance>> instances = revision.live->instances();
  const auto* found = router::claim_least_loaded(
      instances, now(), [](const std::shared_ptr<router::Instance>& each) -> router::Instance& { return *each; });
  if (found != nullptr) {
    stage_.referee.given((*found)->id());
    return home_of(index, *found);
  }
  for (const auto& instance : instances) {
    const bool blind = (stage_.defect == Defect::gives_to_draining && instance->draining()) ||
                       (stage_.defect == Defect::gives_beyond_slots && instance->ready());
    if (!blind) continue;
    stage_.referee.given(instance->id());
    return home_of(index, instance);
  }
  return nullptr;
}

// ---- a request

bool RouterRole::accepts() const {
  return std::ranges::any_of(workers_, &Worker::listening);
}

void RouterRole::accept(Request request) {
  const int number = request.number;
  int index = stage_.dice.roll(kWorkers);
  if (!worker(index).listening) index = (index + 1) % kWorkers;
  Call& call = calls_[number] = {.request = std::move(request), .worker = index};
  call.request.engine_deaths = stage_.engine_deaths;
  call.request.excuse.absent |= !stage_.registry.answers(call.request.service);
  const router::RouteTable::ServiceEntry* service = worker(call.worker).table->find(call.request.service.str());
  if (service == nullptr) return answer(call, Answer::unknown_host, "no service has the host");
  const router::RouteTable::RevisionEntry* revision = router::RouteTable::pick(*service, stage_.dice.random().next());
  if (revision == nullptr) {
    return answer(call, Answer::failed, "no revision can serve: " + service->unready);
  }
  call.revision = revision->live;
  later(revision->timeout, [this, number] { overdue(number); });
  call.home = claim(call.worker, *revision);
  if (call.home) {
    connect(call);
  } else {
    enqueue(call);
  }
}

void RouterRole::enqueue(Call& call) {
  Worker& at = worker(call.worker);
  call.phase = Phase::waiting;
  call.ticket = at.next_ticket++;
  at.waiting.emplace(call.ticket, call.request.number);
  if (const auto refusal = call.revision->enqueue({call.worker, call.ticket})) {
    at.waiting.erase(call.ticket);
    call.ticket = 0;
    return refuse(call, *refusal);
  }
  dispatch(call.revision);
  if (call.revision->waiting() > 0 && call.revision->must_ask()) to_main(news::SomebodyWaits{call.revision});
}

void RouterRole::connect(Call& call) {
  call.phase = Phase::connecting;
  const std::shared_ptr<router::Instance>& instance = call.home->instance;
  if (call.attempts == 0 && call.home->idle > 0) {
    --call.home->idle;
    if (stage_.machine.running_in(instance->id())) return reach(call.request.number);
    ++call.attempts;  // it rested, and the app closed it: sent again
  }
  const auto socket = instance->take_socket();
  if (!socket) {
    if (call.home->gone) return connect_refused(call);
    worker(call.worker).socketless.emplace(instance.get(), call.request.number);
    call.awaits_socket = true;
    call.awaits_since = now();
    to_main(news::SocketsLow{instance});
    return;
  }
  if (instance->sockets() == 0) to_main(news::SocketsLow{instance});
  later(stage_.dice.between(microseconds(20), microseconds(100)),
        [this, number = call.request.number] { reach(number); });
}

// The connection is there, or it is refused.
void RouterRole::reach(int number) {
  const auto found = calls_.find(number);
  if (found == calls_.end() || found->second.phase != Phase::connecting) return;
  Call& call = found->second;
  if (!stage_.machine.serve(call.home->instance->id(), number, [this, number] { broken(number); })) {
    call.home->instance->put_socket({base::Fd(), false});
    return connect_refused(call);
  }
  call.phase = Phase::relaying;
  later(call.request.work, [this, number] { finish(number); });
}

void RouterRole::connect_refused(Call& call) {
  const std::shared_ptr<Home> home = std::exchange(call.home, nullptr);
  if (home->instance->make_unready()) to_main(news::ConnectRefused{home->instance});
  release(home->instance, call.revision, false);
  if (++call.attempts >= router::kMostAttempts) {
    return answer(call, Answer::failed, "its instances accept no connection");
  }
  enqueue(call);
}

void RouterRole::finish(int number) {
  const auto found = calls_.find(number);
  if (found == calls_.end() || found->second.phase != Phase::relaying) return;
  Call& call = found->second;
  stage_.machine.leave(call.home->instance->id(), number);
  const std::shared_ptr<Home> home = call.home;
  answer(call, Answer::served, "");
  if (!home->gone && home->idle < home->instance->concurrency()) ++home->idle;
}

void RouterRole::broken(int number) {
  const auto found = calls_.find(number);
  if (found == calls_.end()) return;
  answer(found->second, Answer::broken_by_app, "by " + found->second.home->instance->id().str());
}

void RouterRole::overdue(int number) {
  const auto found = calls_.find(number);
  if (found == calls_.end()) return;
  Call& call = found->second;
  switch (call.phase) {
    case Phase::waiting: return refuse(call, call.revision->late());
    case Phase::connecting: {
      // It waited for a slot nearly as long as it may; but no longer for a socket than a few messages take.
      const bool forgotten = call.awaits_socket && now() - call.awaits_since > kMostSocketWait;
      return answer(call, forgotten ? Answer::failed : Answer::refused, "504 while connecting");
    }
    case Phase::relaying: return answer(call, Answer::served, "504: it takes longer than it may");
  }
}

void RouterRole::refuse(Call& call, const router::Refusal& refusal) {
  answer(call, refusal.status == 429 ? Answer::refused : Answer::failed,
         std::to_string(refusal.status) + " " + refusal.why);
}

// The end of a request: what it holds is given back.
void RouterRole::answer(Call& call, Answer answer, const std::string& why) {
  const int number = call.request.number;
  Worker& at = worker(call.worker);
  if (call.ticket != 0) {
    at.waiting.erase(call.ticket);
    call.revision->cancel({call.worker, call.ticket});
  }
  if (call.awaits_socket) std::erase_if(at.socketless, [&](const auto& each) { return each.second == number; });
  Call ended = std::move(call);
  calls_.erase(number);
  if (ended.home) {
    stage_.machine.leave(ended.home->instance->id(), number);
    release(ended.home->instance, ended.revision, ended.phase == Phase::relaying);
  }
  if (ended.revision) ended.request.excuse.app |= stage_.registry.troubled.contains(ended.revision->name());
  // What one engine had begun for it, the next one begins anew; whoever meets that again and again may wait too long.
  ended.request.excuse.app |= stage_.engine_deaths - ended.request.engine_deaths > 1;
  stage_.referee.answered(ended.request.name(), answer, ended.request.excuse, why);
}

void RouterRole::release(const std::shared_ptr<router::Instance>& instance,
                         const std::shared_ptr<router::Revision>& revision, bool served) {
  if (instance->release(now(), served)) to_main(news::Quiet{instance});
  if (revision->waiting() > 0) dispatch(revision);
}

std::string RouterRole::waiting_for() const {
  for (const auto& [number, call] : calls_) {
    return call.request.name() + (call.phase == Phase::waiting ? " waits" : " is on its way");
  }
  return {};
}

}  // namespace marea::sim::drain
