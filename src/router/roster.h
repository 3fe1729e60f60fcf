// The main loop's side of the data plane: carries out what the muster decides (router/muster.h). Speaks with engine,
// probes the instances, mails the workers, and keeps the sockets of instances whose route has not come yet.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "model/routes.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/messages.h"
#include "router/health.h"
#include "router/muster.h"
#include "router/switchboard.h"

namespace marea::router {

class Roster {
 public:
  using EngineLink = net::Link<net::RouterToEngine, net::EngineToRouter>;
  struct World {
    net::Loop& loop;
    const base::Log& log;
    Switchboard& switchboard;
    std::function<void(net::RouterToControl)> to_control;
  };
  explicit Roster(World world);

  void set_ledger(net::Ledger* ledger) { muster_.set_ledger(ledger); }
  void set_affinity_key(const AffinityKey& key) { muster_.set_affinity_key(key); }
  void set_link(std::unique_ptr<EngineLink> link);
  void take(net::EngineToRouter message, std::vector<base::Fd> fds);

  // The configuration changed; afterwards live() knows all its revisions.
  void set_routes(const model::Routes& routes);
  std::shared_ptr<Revision> live(const base::RevisionName& name) const { return muster_.live(name); }
  // All workers route by it.
  void adopted(std::uint64_t version);
  // A new link to control: it gets all loads again.
  void report_all();

  void operator()(news::SomebodyWaits& event);
  void operator()(news::Quiet& event);
  void operator()(news::SocketsLow& event);
  void operator()(news::ConnectRefused& event);
  void operator()(news::Woken& event);

  // the muster's actions
  void operator()(const act::ToEngine& action);
  void operator()(const act::ToControl& action);
  void operator()(const act::Watch& action);
  void operator()(const act::AwaitReturn& action);
  void operator()(const act::Unwatch& action);
  void operator()(const act::Dispatch& action);
  void operator()(const act::Refuse& action);
  void operator()(const act::Gone& action);

 private:
  void operator()(const net::msg::InstanceOpen& message);
  void operator()(const net::msg::InstanceDrain& message);
  void operator()(const net::msg::InstanceClosed& message);
  void operator()(const net::msg::Sockets& message);
  void operator()(const net::msg::StartsFailing& message);
  void operator()(const net::msg::DemandRefused& message);
  void operator()(const net::msg::InstancesDone& message);
  void operator()(const net::msg::MachineBusy& message) { muster_.machine_busy(message); }

  void carry_out();
  void tell_sockets(const std::shared_ptr<Instance>& instance);
  std::unique_ptr<Health> probe(const act::Watch& watch);
  void became_ready(const base::InstanceId& id, std::optional<base::Fd> connection);
  base::Instant now() const { return world_.loop.now(); }

  World world_;
  Muster muster_;
  std::unique_ptr<EngineLink> link_;
  std::map<base::InstanceId, std::unique_ptr<Health>> probes_;
  std::map<base::InstanceId, std::vector<base::Fd>> unplaced_;
  std::vector<base::Fd> fds_;  // of the message in hand
  bool carrying_ = false;
  net::Timer deadline_;
};

}  // namespace marea::router
