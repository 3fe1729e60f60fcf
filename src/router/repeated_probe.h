// A probe of one instance again and again, for as long as it lives: liveness and readiness. Tells when enough attempts
// in a row say something else than what holds. Away from the requests: an attempt takes no slot and is counted
// nowhere. On the main loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/backoff.h"
#include "base/clock.h"
#include "model/probe.h"
#include "net/loop.h"
#include "net/probe_attempt.h"
#include "router/instance.h"

namespace marea::router {

// While it lives the instance does not go to rest.
class ProbeHold {
 public:
  explicit ProbeHold(std::shared_ptr<Instance> instance) : instance_(std::move(instance)) { ++instance_->probes; }
  ~ProbeHold() { --instance_->probes; }
  ProbeHold(const ProbeHold&) = delete;
  ProbeHold& operator=(const ProbeHold&) = delete;

 private:
  std::shared_ptr<Instance> instance_;
};

class RepeatedProbe {
 public:
  struct Events {
    // `detail` is that of the last failure; may destroy the probe.
    std::function<void(bool passes, std::string detail)> on_change;
    std::function<void()> on_woken;          // it rested without CPU, and is about to be asked
    std::function<void()> on_socket_wanted;  // the instance has hardly any left; call sockets_came()
    std::function<void()> on_crowded;        // it serves one connection at a time: idle ones must make way
  };
  RepeatedProbe(net::Loop& loop, const model::Probe& probe, std::shared_ptr<Instance> instance, Events events);

  // The first attempt comes after `delay`; `passes` is what holds until then. Where it does not, somebody may wait for
  // this instance: until it passes once it is tried much more often than once a period.
  void begin(base::Duration delay, bool passes);
  void stop();
  void sockets_came();
  const std::string& last_failure() const { return last_failure_; }

 private:
  void attempt();
  void outcome(net::ProbeAttempt::Outcome outcome);

  net::Loop& loop_;
  const model::Probe probe_;
  std::shared_ptr<Instance> instance_;
  Events events_;
  bool passes_ = false;
  bool eager_ = false;
  int against_ = 0;  // attempts in a row that contradict passes_
  bool wants_socket_ = false;
  bool suspects_idle_ = false;  // the last answer did not come in time
  std::string last_failure_;
  base::Backoff backoff_;
  net::Timer next_;
  std::optional<ProbeHold> hold_;  // with an attempt
  std::unique_ptr<net::ProbeAttempt> attempt_;
};

}  // namespace marea::router
