// The router role: the real Muster, Publications, RouteTable, Revision and Instance, and around them what
// router/roster.cc, router.cc, health.cc (its main loop) and worker.cc, client.cc (its workers) do.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "router/muster.h"
#include "router/publications.h"
#include "router/route_table.h"
#include "router/switchboard.h"
#include "sim/drain/stage.h"

namespace marea::sim::drain {

// What a client wants. It does not retry.
struct Request {
  int number = 0;
  base::ServiceName service;
  base::Duration work{};  // how long an app has it
  Excuse excuse;
  int engine_deaths = 0;  // before it came

  std::string name() const { return "request " + std::to_string(number) + " to " + service.str(); }
};

class RouterRole final : public Life {
 public:
  static constexpr int kWorkers = 2;

  explicit RouterRole(Stage& stage);
  ~RouterRole() override;
  void die() override;

  void link_engine(EngineRouterEnd::Other link);
  void link_control(RouterControlEnd link);
  // A worker takes connections once it has the routes that its router began with.
  bool accepts() const;
  void accept(Request request);
  std::size_t open_requests() const { return calls_.size(); }
  std::string waiting_for() const;

  // engine
  void operator()(const net::msg::InstanceOpen& message);
  void operator()(const net::msg::InstanceDrain& message);
  void operator()(const net::msg::InstanceClosed& message);
  void operator()(const net::msg::Sockets& message);
  void operator()(const net::msg::StartsFailing& message);
  void operator()(const net::msg::DemandRefused& message);
  void operator()(const net::msg::InstancesDone& message);
  void operator()(const net::msg::MachineBusy& message);

  // the muster's actions
  void operator()(const router::act::ToEngine& action);
  void operator()(const router::act::ToControl& action);
  void operator()(const router::act::Watch& action);
  void operator()(const router::act::AwaitReturn& action);
  void operator()(const router::act::Unwatch& action);
  void operator()(const router::act::Dispatch& action);
  void operator()(const router::act::Refuse& action);
  void operator()(const router::act::Gone& action);

  // workers → main loop
  void operator()(const router::news::SomebodyWaits& event);
  void operator()(const router::news::Quiet& event);
  void operator()(const router::news::SocketsLow& event);
  void operator()(const router::news::ConnectRefused& event);
  void operator()(const router::news::Woken& /*event*/) {}  // nobody is throttled here
  void operator()(const router::news::TableAdopted& event);
  void operator()(const router::news::Drained& event);

 private:
  struct Probe {  // of one instance, as router/health.h
    std::shared_ptr<router::Instance> instance;
    base::Instant deadline{};
    base::Backoff backoff{{.first = std::chrono::microseconds(500), .most = std::chrono::milliseconds(50)}};
    bool wants_socket = false;
    bool returning = false;
    bool over = false;
    std::uint64_t round = 0;
  };
  struct Home {  // an instance as one worker has it
    std::shared_ptr<router::Instance> instance;
    int idle = 0;  // connections
    bool gone = false;
  };
  enum class Phase { waiting, connecting, relaying };
  struct Call {  // a request in a worker, as router/client.h
    Request request;
    int worker = 0;
    Phase phase = Phase::waiting;
    std::shared_ptr<router::Revision> revision;
    std::shared_ptr<Home> home;
    std::uint64_t ticket = 0;
    int attempts = 0;
    bool awaits_socket = false;
    base::Instant awaits_since{};
  };
  struct Worker {
    std::shared_ptr<const router::RouteTable> table;
    std::shared_ptr<Pipe<router::Mail>> mailbox;
    std::map<std::uint64_t, int> waiting;  // ticket → call
    std::map<const router::Instance*, std::shared_ptr<Home>> homes;
    std::multimap<const router::Instance*, int> socketless;
    std::uint64_t next_ticket = 1;
    bool listening = false;
  };

  // router_role.cc: the main loop
  void carry_out();
  void arm();
  void publish(model::Routes routes);
  void put_sockets(const std::shared_ptr<router::Instance>& instance, int count);
  void tell_sockets(const std::shared_ptr<router::Instance>& instance);
  void probe(const base::InstanceId& id);
  void probed(const base::InstanceId& id, bool connected);
  void to_main(router::News news) { news_->send(std::move(news)); }
  void to_worker(int worker, router::Mail mail);
  void dispatch(const std::shared_ptr<router::Revision>& revision);

  // router_workers.cc
  void take(int worker, router::Mail mail);
  void mailed(int worker, const router::mail::Table& mail);
  void mailed(int worker, const router::mail::Granted& mail);
  void mailed(int worker, const router::mail::Refused& mail);
  void mailed(int worker, const router::mail::SocketsCame& mail);
  void mailed(int worker, const router::mail::Gone& mail);
  void mailed(int worker, const router::mail::Listen& mail);
  template <class Other>
  void mailed(int /*worker*/, const Other& /*mail*/) {}
  std::shared_ptr<Home> home_of(int worker, const std::shared_ptr<router::Instance>& instance);
  std::shared_ptr<Home> claim(int worker, const router::RouteTable::RevisionEntry& revision);
  void enqueue(Call& call);
  void connect(Call& call);
  void reach(int number);
  void connect_refused(Call& call);
  void broken(int number);
  void finish(int number);
  void overdue(int number);
  void release(const std::shared_ptr<router::Instance>& instance, const std::shared_ptr<router::Revision>& revision,
               bool served);
  void answer(Call& call, Answer answer, const std::string& why);
  void refuse(Call& call, const router::Refusal& refusal);
  Worker& worker(int index) { return workers_.at(static_cast<std::size_t>(index)); }

  router::Muster muster_;
  router::Publications publications_;
  EngineRouterEnd::Other engine_;
  RouterControlEnd control_;
  std::map<base::InstanceId, Probe> probes_;
  std::map<base::InstanceId, int> unplaced_;  // sockets
  std::shared_ptr<Pipe<router::News>> news_;
  std::vector<Worker> workers_;
  std::map<int, Call> calls_;
  bool restoring_ = false;
  std::uint64_t version_ = 0;
  int adopted_ = 0;
  bool carrying_ = false;
  base::Instant armed_for_ = base::Instant::max();
};

}  // namespace marea::sim::drain
