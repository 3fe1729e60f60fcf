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
// An app that was ready before passes within milliseconds; until then it counts as one that starts, which keeps others
// from being started and itself from ending.
constexpr base::Duration kAdoptionTime = std::chrono::seconds(1);

}  // namespace

Health::Health(net::Loop& loop, const model::RevisionRoute& route, std::shared_ptr<Instance> instance, Events events)
    : loop_(loop),
      startup_(route.startup),
      liveness_probe_(route.liveness),
      has_liveness_(route.has_liveness),
      readiness_deadline_(model::readiness_deadline(route.startup, route.readiness)),
      readiness_delay_(route.readiness ? route.readiness->initial_delay : base::Duration{0}),
      instance_(std::move(instance)),
      events_(std::move(events)),
      backoff_(route.startup.kind == model::ProbeKind::http ? kHttpTries : kTries),
      next_(loop, [this] { attempt(); }),
      liveness_(loop, liveness_probe_, instance_,
                {.on_change =
                     [this](bool, const std::string& detail) {
                       give_up(model::Reason::liveness_failed, "the liveness probe failed " +
                                                                   std::to_string(liveness_probe_.failure_threshold) +
                                                                   " times: " + detail);
                     },
                 .on_woken = [this] { events_.on_woken(); },
                 .on_socket_wanted = [this] { events_.on_socket_wanted(); },
                 .on_crowded = [this] { events_.on_crowded(); }}),
      readiness_due_(loop,
                     [this] {
                       give_up(
                           model::Reason::readiness_probe_failed,
                           "it did not pass within " +
                               std::to_string(std::chrono::ceil<std::chrono::seconds>(readiness_deadline_).count()) +
                               " s after the start: " + readiness_->last_failure());
                     }),
      adoption_due_(loop, [this] { tell_unavailable(); }) {
  if (!route.readiness) return;
  passes_ = false;
  readiness_ = std::make_unique<RepeatedProbe>(
      loop, *route.readiness, instance_,
      RepeatedProbe::Events{
          .on_change = [this](bool passes, std::string detail) { readiness_changed(passes, std::move(detail)); },
          .on_woken = [this] { events_.on_woken(); },
          .on_socket_wanted = [this] { events_.on_socket_wanted(); },
          .on_crowded = [this] { events_.on_crowded(); }});
}

void Health::await_readiness() {
  aim_ = Aim::startup;
  deadline_ = loop_.now() + startup_.deadline();
  backoff_.reset();
  next_.arm_in(startup_.initial_delay);
}

void Health::await_return() {
  attempt_.reset();
  hold_.reset();
  liveness_.stop();
  aim_ = Aim::startup;
  listening_ = false;
  returning_ = true;
  deadline_ = loop_.now() + kReturnTime;
  backoff_.reset();
  next_.arm_in(backoff_.next());
}

void Health::adopt() {
  listening_ = true;
  begin_liveness();
  if (readiness_) {
    readiness_->begin(base::Duration{0}, false);
    adoption_due_.arm_in(kAdoptionTime);
  } else {
    events_.on_ready(std::nullopt);
  }
}

void Health::begin_liveness() {
  if (has_liveness_) liveness_.begin(std::max(liveness_probe_.initial_delay, liveness_probe_.period), true);
}

void Health::sockets_came() {
  liveness_.sockets_came();
  if (readiness_) readiness_->sockets_came();
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
  hold_.emplace(instance_);
  if (instance_->wake()) events_.on_woken();
  model::Probe once = startup_;
  // The default startup probe's timeout is its whole deadline; an attempt that hangs must not use it up.
  once.timeout = std::clamp<base::Duration>(once.timeout, std::chrono::milliseconds(100), std::chrono::seconds(10));
  attempt_ = std::make_unique<net::ProbeAttempt>(
      loop_, once, instance_->port(), std::move(socket->fd),
      [this](net::ProbeAttempt::Outcome result) { startup_outcome(std::move(result)); });
}

void Health::startup_outcome(net::ProbeAttempt::Outcome outcome) {
  const std::unique_ptr<net::ProbeAttempt> over = std::move(attempt_);
  hold_.reset();
  if (aim_ == Aim::none) return;
  if (outcome.healthy) {
    const bool usable = startup_.port == 0 || startup_.port == instance_->port();
    std::optional<base::Fd> connection;
    if (outcome.socket && usable) connection = std::move(outcome.socket);
    startup_passed(std::move(connection));
    return;
  }
  last_detail_ = std::move(outcome.detail);
  if (outcome.socket) instance_->put_socket({std::move(outcome.socket), false});
  if (loop_.now() < deadline_) {
    next_.arm_in(backoff_.next());
  } else {
    startup_failed();
  }
}

void Health::startup_passed(std::optional<base::Fd> connection) {
  aim_ = Aim::none;
  listening_ = true;
  begin_liveness();
  if (readiness_ && !returning_) {
    readiness_due_.arm_in(readiness_deadline_);
    connection.reset();  // an app that handles one connection at a time would sit on it
    readiness_->begin(readiness_delay_, false);
  } else if (passes_) {
    events_.on_ready(std::move(connection));
  } else {
    tell_unavailable();
  }
}

void Health::startup_failed() {
  const bool http = startup_.kind == model::ProbeKind::http;
  const std::uint16_t port = startup_.port != 0 ? startup_.port : instance_->port();
  const std::string where = "port " + std::to_string(port);
  if (returning_) {
    give_up(model::Reason::liveness_failed, "it stopped listening on " + where + ": " + last_detail_);
  } else if (http) {
    give_up(model::Reason::startup_probe_failed,
            "the startup probe (HTTP " + startup_.path + " on " + where + ") did not succeed in time: " + last_detail_);
  } else {
    give_up(model::Reason::never_listened, "nothing accepted connections on " + where + ": " + last_detail_);
  }
}

void Health::readiness_changed(bool passes, std::string detail) {
  passes_ = passes;
  readiness_due_.cancel();
  adoption_due_.cancel();
  if (!listening_) return;  // its return tells
  if (passes) {
    events_.on_ready(std::nullopt);
  } else {
    events_.on_unavailable(std::move(detail));
  }
}

void Health::tell_unavailable() {
  if (!listening_) return;  // its return tells
  const std::string& why = readiness_->last_failure();
  events_.on_unavailable(why.empty() ? "its readiness probe has not answered yet" : why);
}

void Health::give_up(model::Reason reason, std::string detail) {
  aim_ = Aim::none;
  next_.cancel();
  attempt_.reset();
  hold_.reset();
  readiness_due_.cancel();
  adoption_due_.cancel();
  liveness_.stop();
  if (readiness_) readiness_->stop();
  events_.on_unready(reason, std::move(detail));
}

}  // namespace marea::router
