// The `control` role: the store, the platform's will (control/control.h) and its API (api/api.h) on one loop. It dies
// and starts again without harm: what it acknowledged is in the store, instances and routes live on with engine and
// router, which it asks anew over each fresh link.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/api.h"
#include "base/log.h"
#include "base/random.h"
#include "control/control.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/role.h"
#include "store/store.h"

namespace marea::app {

class ControlRole final : public net::RoleProcess {
 public:
  struct World {
    net::Loop& loop;
    base::Random& random;
    const base::Log& log;
    std::string data;             // engine/local/data_dir.h says what lies there
    std::uint16_t http_port = 0;  // of the listener that services answer on, for their URLs
    net::ToKeeper to_keeper;
    model::PlatformLimits limits = {};  // api-requests are of all callers of the API together; beyond: 429
    std::string place;                  // the data directory as the person who runs marea calls it
    int most_disk_percent = control::kMostDiskPercent;
  };
  // Opens and reads the store; the error tells how to repair it.
  static base::Result<std::unique_ptr<ControlRole>> open(World world);

  void on_peer(net::Role peer, base::Fd link) override;
  void on_listener(net::ListenerKind kind, std::string address, base::Fd listener) override;
  void on_held(std::string key, std::vector<base::Fd> fds) override;
  void on_held_done() override;
  void on_builder_ended(std::uint64_t job, int wait_status) override;
  // Requests in work are answered; streams (logs that are followed, builds) end at the latest after kStreamsEnd.
  void on_stop(base::Duration grace, std::function<void()> done) override;

 private:
  ControlRole(World world, store::Store store);
  net::BodyPlan route(const net::HttpRequest& head);
  std::optional<net::HttpResponse> refusal(const net::HttpRequest& head) const;
  void let_in(const std::string& address);
  void stopped();

  World world_;
  store::Store store_;
  control::Control control_;
  api::Api api_;
  net::HttpServer server_;  // last: its requests hold on to all of the above
  net::Timer overstayed_;
  net::Timer renew_;
  std::string address_;  // of the API
  std::string token_;    // of who comes over TLS
  std::function<void()> done_;
  base::Instant spread_until_{};  // of the API's requests (decide/rate.h)
};

}  // namespace marea::app
