#include "engine/local/sidecar_health.h"

#include <algorithm>
#include <utility>

namespace marea::engine::local {
namespace {

constexpr base::Backoff::Options kSidecarTries{.first = std::chrono::milliseconds(1),
                                               .most = std::chrono::milliseconds(100)};
constexpr base::Duration kLeastTry = std::chrono::milliseconds(100);

std::string kind_of_probe(const model::Probe& probe) {
  std::string port = "port " + std::to_string(probe.port);
  switch (probe.kind) {
    case model::ProbeKind::tcp: return "TCP on " + port;
    case model::ProbeKind::http: return "HTTP " + probe.path + " on " + port;
    case model::ProbeKind::grpc: return "gRPC on " + port;
  }
  return port;
}

}  // namespace

SidecarHealth::SidecarHealth(net::Loop& loop, const model::Container& container,
                             std::function<base::Result<base::Fd>()> make_socket, Events events)
    : loop_(loop),
      container_(container),
      make_socket_(std::move(make_socket)),
      events_(std::move(events)),
      backoff_(kSidecarTries),
      next_(loop, [this] { attempt(); }) {}

void SidecarHealth::await_ready() {
  aim_ = Aim::startup;
  deadline_ = loop_.now() + container_.startup.deadline();
  backoff_.reset();
  next_.arm_in(container_.startup.initial_delay);
}

void SidecarHealth::watch() {
  rest();
  if (!container_.liveness) return;
  aim_ = Aim::liveness;
  failures_ = 0;
  next_.arm_in(std::max(container_.liveness->initial_delay, container_.liveness->period));
}

void SidecarHealth::rest() {
  aim_ = Aim::none;
  next_.cancel();
  if (const std::unique_ptr<net::ProbeAttempt> over = std::move(attempt_)) events_.on_attempt();
}

void SidecarHealth::attempt() {
  base::Result<base::Fd> socket = make_socket_();
  if (!socket) {  // no fault of the sidecar's
    if (aim_ == Aim::startup) startup_failed(socket.error().line());
    if (aim_ == Aim::liveness) next_.arm_in(probe().period);
    return;
  }
  model::Probe once = probe();
  once.timeout = std::max(once.timeout, kLeastTry);
  attempt_ =
      std::make_unique<net::ProbeAttempt>(loop_, once, once.port, std::move(*socket),
                                          [this](net::ProbeAttempt::Outcome result) { outcome(std::move(result)); });
  events_.on_attempt();
}

void SidecarHealth::outcome(net::ProbeAttempt::Outcome outcome) {
  const std::unique_ptr<net::ProbeAttempt> over = std::move(attempt_);
  events_.on_attempt();
  switch (aim_) {
    case Aim::none: return;
    case Aim::startup:
      if (!outcome.healthy) return startup_failed(std::move(outcome.detail));
      watch();
      events_.on_ready();
      return;
    case Aim::liveness:
      if (!outcome.healthy) return liveness_failed(outcome.detail);
      failures_ = 0;
      next_.arm_in(probe().period);
      return;
  }
}

void SidecarHealth::startup_failed(std::string detail) {
  if (loop_.now() < deadline_) {
    next_.arm_in(backoff_.next());
    return;
  }
  const std::string what = kind_of_probe(container_.startup);
  rest();
  events_.on_unhealthy(model::Reason::startup_probe_failed,
                       "its startup probe (" + what + ") did not succeed in time: " + std::move(detail));
}

void SidecarHealth::liveness_failed(const std::string& detail) {
  if (++failures_ < container_.liveness->failure_threshold) {
    next_.arm_in(container_.liveness->period);
    return;
  }
  const std::string what = kind_of_probe(*container_.liveness);
  const std::string times = std::to_string(failures_);
  rest();
  events_.on_unhealthy(model::Reason::liveness_failed,
                       "its liveness probe (" + what + ") failed " + times + " times: " + detail);
}

}  // namespace marea::engine::local
