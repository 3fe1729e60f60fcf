// Watches one instance from its start: finds the moment it is ready by trying, quickly at first, and afterwards repeats
// its liveness and its readiness probe. It is ready while it accepts connections and, where it has a readiness probe,
// while that passes. On the main loop.
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
#include "router/repeated_probe.h"

namespace marea::router {

class Health {
 public:
  struct Events {
    std::function<void(std::optional<base::Fd> connection)> on_ready;  // with a fresh connection, when there is one
    // A deadline of the start passed, or liveness failed; nothing is tried any more.
    std::function<void(model::Reason reason, std::string detail)> on_unready;
    // Its readiness probe failed: it gets nothing new until on_ready.
    std::function<void(std::string detail)> on_unavailable;
    std::function<void()> on_woken;          // it rested without CPU, and is about to be probed
    std::function<void()> on_socket_wanted;  // the instance has hardly any left; call sockets_came()
    std::function<void()> on_crowded;        // idle connections to it must make way for a probe
  };
  Health(net::Loop& loop, const model::RevisionRoute& route, std::shared_ptr<Instance> instance, Events events);

  // Tries until ready or until the deadlines of its start, from now on.
  void await_readiness();
  // It was ready and refused a connection: tries again for a while.
  void await_return();
  // Engine knows it as started: ready at once, or once its readiness probe passes; unavailable when that takes long.
  void adopt();
  void sockets_came();

 private:
  enum class Aim { none, startup };
  void attempt();
  void startup_outcome(net::ProbeAttempt::Outcome outcome);
  void startup_passed(std::optional<base::Fd> connection);
  void startup_failed();
  void begin_liveness();
  void readiness_changed(bool passes, std::string detail);
  void tell_unavailable();
  void give_up(model::Reason reason, std::string detail);

  net::Loop& loop_;
  const model::Probe startup_;
  const model::Probe liveness_probe_;
  const bool has_liveness_;
  const base::Duration readiness_deadline_;
  const base::Duration readiness_delay_;
  std::shared_ptr<Instance> instance_;
  Events events_;
  Aim aim_ = Aim::none;
  base::Instant deadline_{};
  base::Backoff backoff_;
  bool wants_socket_ = false;
  bool returning_ = false;
  bool listening_ = false;  // its startup probe passed, and it refused no connection since
  bool passes_ = true;      // its readiness probe
  std::string last_detail_;
  net::Timer next_;
  std::unique_ptr<net::ProbeAttempt> attempt_;
  RepeatedProbe liveness_;
  std::unique_ptr<RepeatedProbe> readiness_;  // null: it has none
  net::Timer readiness_due_;
  net::Timer adoption_due_;
  std::optional<ProbeHold> hold_;  // with attempt_
};

}  // namespace marea::router
