// Watches one sidecar as router watches the app (router/health.h): tries its startup probe until that passes or its
// time is over, then repeats its liveness probe. router knows nothing of sidecars, which get no requests.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "model/reason.h"
#include "model/service.h"
#include "net/loop.h"
#include "net/probe_attempt.h"

namespace marea::engine::local {

class SidecarHealth {
 public:
  struct Events {
    std::function<void()> on_ready;
    // Nothing is tried any more. May destroy the health.
    std::function<void(model::Reason reason, std::string detail)> on_unhealthy;
    std::function<void()> on_attempt;  // one has begun or is over: probing()
  };
  // `make_socket` gives a fresh socket in the sandbox; `container` outlives the health.
  SidecarHealth(net::Loop& loop, const model::Container& container, std::function<base::Result<base::Fd>()> make_socket,
                Events events);

  // It was started: ready at once without a startup probe, but not from here.
  void await_ready();
  // It is ready: begins with its liveness probe, if it has one.
  void watch();
  // It ends: nothing is told any more.
  void rest();
  bool probing() const { return attempt_ != nullptr; }

 private:
  enum class Aim { none, startup, liveness };
  void attempt();
  void outcome(net::ProbeAttempt::Outcome outcome);
  void startup_failed(std::string detail);
  void liveness_failed(const std::string& detail);
  const model::Probe& probe() const { return aim_ == Aim::liveness ? *container_.liveness : container_.startup; }

  net::Loop& loop_;
  const model::Container& container_;
  std::function<base::Result<base::Fd>()> make_socket_;
  Events events_;
  Aim aim_ = Aim::none;
  base::Instant deadline_{};
  base::Backoff backoff_;
  int failures_ = 0;
  net::Timer next_;
  std::unique_ptr<net::ProbeAttempt> attempt_;
};

}  // namespace marea::engine::local
