#include "router/health.h"

#include <algorithm>
#include <utility>

namespace marea::router {
namespace {

// An app that starts in a millisecond is found in a millisecond; one that takes minutes is asked twenty times a second.
constexpr base::Backoff::Options kTries{.first = std::chrono::microseconds(500), .most = std::chrono::milliseconds(50)};
// HTTP probes cost the app something, so they back off further.
constexpr base::Backoff::Options kHttpTries{.first = std::chrono::microseconds(500),
                                            .most = std::chrono::milliseconds(500)};
constexpr base::Duration kReturnTime = std::chrono::seconds(10);

}  // namespace

Health::Health(net::Loop& loop, const model::RevisionRoute& route, std::shared_ptr<Instance> instance, Events events)
    : loop_(loop),
      startup_(route.startup),
      liveness_(route.liveness),
      has_liveness_(route.has_liveness),
      instance_(std::move(instance)),
      events_(std::move(events)),
      backoff_(route.startup.kind == model::ProbeKind::http ? kHttpTries : kTries),
      next_(loop, [this] { attempt(); }) {}

void Health::await_readiness() {
  aim_ = Aim::readiness;
  deadline_ = loop_.now() + startup_.deadline();
  backoff_.reset();
  next_.arm_in(startup_.initial_delay);
}

void Health::await_return() {
  attempt_.reset();
  aim_ = Aim::readiness;
  returning_ = true;
  deadline_ = loop_.now() + kReturnTime;
  backoff_.reset();
  next_.arm_in(backoff_.next());
}

void Health::watch_liveness() {
  attempt_.reset();
  next_.cancel();
  aim_ = has_liveness_ ? Aim::liveness : Aim::none;
  failures_ = 0;
  if (has_liveness_) next_.arm_in(std::max(liveness_.initial_delay, liveness_.period));
}

void Health::sockets_came() {
  if (!wants_socket_) return;
  wants_socket_ = false;
  attempt();
}

void Health::attempt() {
  auto socket = instance_->take_socket();
  if (!socket) {
    wants_socket_ = true;
    events_.on_socket_wanted();
    return;
  }
  model::Probe once = probe();
  // The default startup probe's timeout is its whole deadline; an attempt that hangs must not use it up.
  if (aim_ == Aim::readiness) {
    once.timeout = std::clamp<base::Duration>(once.timeout, std::chrono::milliseconds(100), std::chrono::seconds(10));
  }
  attempt_ =
      std::make_unique<net::ProbeAttempt>(loop_, once, instance_->port(), std::move(socket->fd),
                                          [this](net::ProbeAttempt::Outcome result) { outcome(std::move(result)); });
}

void Health::outcome(net::ProbeAttempt::Outcome outcome) {
  const std::unique_ptr<net::ProbeAttempt> over = std::move(attempt_);
  switch (aim_) {
    case Aim::none: return;
    case Aim::readiness: readiness_outcome(std::move(outcome)); return;
    case Aim::liveness: liveness_outcome(outcome); return;
  }
}

void Health::readiness_outcome(net::ProbeAttempt::Outcome outcome) {
  if (outcome.healthy) {
    const bool usable = startup_.port == 0 || startup_.port == instance_->port();
    std::optional<base::Fd> connection;
    if (outcome.socket && usable) connection = std::move(outcome.socket);
    watch_liveness();
    events_.on_ready(std::move(connection));
    return;
  }
  last_detail_ = std::move(outcome.detail);
  if (outcome.socket) instance_->put_socket({std::move(outcome.socket), false});
  if (loop_.now() < deadline_) {
    next_.arm_in(backoff_.next());
    return;
  }
  aim_ = Aim::none;
  const bool http = startup_.kind == model::ProbeKind::http;
  const std::uint16_t port = startup_.port != 0 ? startup_.port : instance_->port();
  const std::string where = "port " + std::to_string(port);
  if (returning_) {
    events_.on_unready(model::Reason::liveness_failed, "it stopped listening on " + where + ": " + last_detail_);
  } else if (http) {
    events_.on_unready(model::Reason::startup_probe_failed, "the startup probe (HTTP " + startup_.path + " on " +
                                                                where + ") did not succeed in time: " + last_detail_);
  } else {
    events_.on_unready(model::Reason::never_listened, "nothing accepted connections on " + where + ": " + last_detail_);
  }
}

void Health::liveness_outcome(const net::ProbeAttempt::Outcome& outcome) {
  if (outcome.healthy) {
    failures_ = 0;
  } else if (++failures_ >= liveness_.failure_threshold) {
    aim_ = Aim::none;
    events_.on_unready(model::Reason::liveness_failed,
                       "the liveness probe failed " + std::to_string(failures_) + " times: " + outcome.detail);
    return;
  }
  next_.arm_in(liveness_.period);
}

}  // namespace marea::router
