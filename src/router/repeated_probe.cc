#include "router/repeated_probe.h"

#include <algorithm>
#include <utility>

namespace marea::router {
namespace {

constexpr base::Backoff::Options kEagerTries{.first = std::chrono::milliseconds(1),
                                             .most = std::chrono::milliseconds(500)};

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
  auto socket = instance_->take_socket();
  if (!socket) {
    wants_socket_ = true;
    events_.on_socket_wanted();
    return;
  }
  hold_.emplace(instance_);
  if (instance_->wake()) events_.on_woken();
  attempt_ =
      std::make_unique<net::ProbeAttempt>(loop_, probe_, instance_->port(), std::move(socket->fd),
                                          [this](net::ProbeAttempt::Outcome result) { outcome(std::move(result)); });
}

void RepeatedProbe::outcome(net::ProbeAttempt::Outcome outcome) {
  const std::unique_ptr<net::ProbeAttempt> over = std::move(attempt_);
  hold_.reset();
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
