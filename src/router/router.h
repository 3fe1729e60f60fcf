// The `router` role: worker threads that serve, and the main loop that keeps them supplied with routes and instances.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "net/ledger.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/role.h"
#include "router/experiment_watch.h"
#include "router/publications.h"
#include "router/release_watch.h"
#include "router/roster.h"
#include "router/switchboard.h"
#include "router/worker.h"

namespace marea::router {

class Router final : public net::RoleProcess {
 public:
  struct World {
    net::Loop& loop;
    base::Random& random;
    const base::Log& log;
    std::string routes_file;     // the last configuration is kept there
    std::string records_folder;  // of requests; empty: none are kept
    int workers = 1;
    model::PlatformLimits limits;
  };
  explicit Router(World world);
  ~Router() override;

  void on_peer(net::Role peer, base::Fd link) override;
  void on_listener(net::ListenerKind kind, std::string address, base::Fd listener) override;
  void on_held(std::string key, std::vector<base::Fd> fds) override;
  void on_held_done() override;
  void on_builder_ended(std::uint64_t job, int wait_status) override;
  void on_stop(base::Duration grace, std::function<void()> done) override;

 private:
  using ControlLink = net::Link<net::RouterToControl, net::ControlToRouter>;
  void set_affinity_key();
  void publish(model::Routes routes);
  void take_control(net::ControlToRouter message);
  void send_metrics(std::uint64_t number);
  void take(News event);
  void operator()(news::TableAdopted& event);
  void operator()(news::Drained& event);
  template <class Event>
  void operator()(Event& event) {
    roster_(event);
  }
  void quit();

  World world_;
  std::optional<net::Ledger> ledger_;    // outlives every instance
  std::optional<RecordWriter> records_;  // outlives the workers
  Switchboard switchboard_;
  net::Mailbox<News> news_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<ControlLink> control_;
  Roster roster_;
  ReleaseWatch releases_;
  ExperimentWatch experiments_;
  Publications publications_;
  std::shared_ptr<const RouteTable> table_;        // the last one
  std::vector<std::shared_ptr<Revision>> routed_;  // of the last configuration
  bool restoring_ = false;
  std::uint64_t version_ = 0;  // of the last table
  int adopted_ = 0;            // workers that use it
  std::set<int> drained_;
  std::function<void()> stopped_;
  net::Timer stop_deadline_;
};

}  // namespace marea::router
