#include "router/repeated_probe.h"

#include <algorithm>
#include <utility>

#include "router/muster.h"
#include "router/worker.h"

namespace marea::router {
namespace {

constexpr base::Backoff::Options kEagerTries{.first = std::chrono::milliseconds(1),
                                             .most = std::chrono::milliseconds(500)};
constexpr base::Duration kMakeWay = 2 * kCrowdedRest;
constexpr std::size_t kLeftToCallers = 4;
static_assert(kLeftToCallers < static_cast<std::size_t>(kSocketStock), "what engine gives is enough to probe with");

}  // namespace

RepeatedProbe::RepeatedProbe(net::Loop& loop, const model::Probe& probe, std::shared_ptr<Instance> instance,
                             Events events)
    : loop_(loop),
      probe_(probe),
      instance_(std::move(instance)),
      events_(std::move(events)),
      backoff_(kEagerTries),
      next_(loop, [this] { attempt(); }) {}

void RepeatedProbe::begin(base::Duration delay, bool passes) {
  attempt_.reset();
  hold_.reset();
  passes_ = passes;
  eager_ = !passes;
  against_ = 0;
  wants_socket_ = false;
  backoff_.reset();
  next_.arm_in(delay);
}

void RepeatedProbe::stop() {
  attempt_.reset();
  hold_.reset();
  wants_socket_ = false;
  next_.cancel();
}

void RepeatedProbe::sockets_came() {
  if (!wants_socket_) return;
  wants_socket_ = false;
  attempt();
}

void RepeatedProbe::attempt() {
  // The last ones are the callers': while engine is dead nobody makes new ones.
  auto socket = instance_->sockets() > kLeftToCallers ? instance_->take_socket() : std::nullopt;
  if (!socket) {
    wants_socket_ = true;
    events_.on_socket_wanted();
    return;
  }
  hold_.emplace(instance_);
  if (instance_->wake()) events_.on_woken();
  if (suspects_idle_ || instance_->one_at_a_time()) events_.on_crowded();
  attempt_ =
      std::make_unique<net::ProbeAttempt>(loop_, probe_, instance_->port(), std::move(socket->fd),
                                          [this](net::ProbeAttempt::Outcome result) { outcome(std::move(result)); });
}

void RepeatedProbe::outcome(net::ProbeAttempt::Outcome outcome) {
  const std::unique_ptr<net::ProbeAttempt> over = std::move(attempt_);
  hold_.reset();
  // It answers nobody else while it is at a request.
  if (outcome.timed_out && instance_->one_at_a_time() && instance_->in_flight() > 0) {
    next_.arm_in(probe_.period);
    return;
  }
  // One that serves a connection at a time may sit on one of ours that is idle: asked again when those are closed.
  if (outcome.timed_out && !suspects_idle_) {
    suspects_idle_ = true;
    events_.on_crowded();
    next_.arm_in(std::min<base::Duration>(probe_.period, kMakeWay));
    return;
  }
  if (outcome.healthy) suspects_idle_ = false;
  if (!outcome.healthy) last_failure_ = outcome.detail;
  if (!outcome.healthy && outcome.socket) instance_->put_socket({std::move(outcome.socket), false});
  against_ = outcome.healthy == passes_ ? 0 : against_ + 1;
  const bool changes = against_ >= (passes_ ? probe_.failure_threshold : probe_.success_threshold);
  if (changes) {
    passes_ = !passes_;
    against_ = 0;
    if (passes_) eager_ = false;
  }
  next_.arm_in(eager_ ? std::min<base::Duration>(probe_.period, backoff_.next()) : probe_.period);
  if (!changes) return;
  const auto tell = events_.on_change;  // which may be the end of this
  tell(passes_, last_failure_);
}

}  // namespace marea::router
