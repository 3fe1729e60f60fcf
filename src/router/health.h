// Watches one instance from its start: finds the moment it is ready by trying, quickly at first, and afterwards repeats
// its liveness probe. On the main loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "model/reason.h"
#include "model/routes.h"
#include "net/loop.h"
#include "net/probe_attempt.h"
#include "router/instance.h"

namespace marea::router {

class Health {
 public:
  struct Events {
    std::function<void(std::optional<base::Fd> connection)> on_ready;  // with a fresh connection, when there is one
    // The startup deadline passed, or liveness failed; nothing is tried any more.
    std::function<void(model::Reason reason, std::string detail)> on_unready;
    std::function<void()> on_socket_wanted;  // the instance has none left; call sockets_came()
  };
  Health(net::Loop& loop, const model::RevisionRoute& route, std::shared_ptr<Instance> instance, Events events);

  // Tries until ready or until the startup probe's deadline, from now on.
  void await_readiness();
  // It was ready and refused a connection: tries again for a while.
  void await_return();
  // It is ready: begins with the liveness probe, if it has one.
  void watch_liveness();
  void sockets_came();

 private:
  enum class Aim { none, readiness, liveness };
  void attempt();
  void outcome(net::ProbeAttempt::Outcome outcome);
  void readiness_outcome(net::ProbeAttempt::Outcome outcome);
  void liveness_outcome(const net::ProbeAttempt::Outcome& outcome);
  const model::Probe& probe() const { return aim_ == Aim::liveness ? liveness_ : startup_; }

  net::Loop& loop_;
  const model::Probe startup_;
  const model::Probe liveness_;
  const bool has_liveness_;
  std::shared_ptr<Instance> instance_;
  Events events_;
  Aim aim_ = Aim::none;
  base::Instant deadline_{};
  base::Backoff backoff_;
  int failures_ = 0;
  bool wants_socket_ = false;
  bool returning_ = false;
  std::string last_detail_;
  net::Timer next_;
  std::unique_ptr<net::ProbeAttempt> attempt_;
};

}  // namespace marea::router
