// Where a caller's request meets the router's limits (router/bounds.h).
#include <algorithm>

#include "router/client.h"
#include "router/worker.h"

namespace marea::router {

using model::Limit;

bool Client::over(Limit limit, int status, std::string_view why, base::Duration retry_after) {
  worker_.bounds().hit(limit);
  return answer(status, why, retry_after);
}

base::Duration Client::most_rest() const {
  const base::Duration most = worker_.bounds().limits().time(Limit::idle_time);
  return worker_.bounds().crowded() ? std::min(most, kCrowdedCallerRest) : most;
}

// False: it was answered.
bool Client::admitted(const RouteTable::ServiceEntry& service, const net::http::RequestHead& head) {
  if (service.rate_limit.on()) {
    const base::Duration wait =
        worker_.switchboard().rates->admit(service.rate_limit, peer_.client, service.hash, worker_.now());
    if (wait > base::Duration{0}) {
      account_.service = service.name.str();
      over(Limit::client_rate, 429, "this client sends more requests than the service takes from one", wait);
      return false;
    }
  }
  const auto most = static_cast<std::uint64_t>(worker_.bounds()[Limit::body_bytes]);
  if (head.body.kind == net::http::BodyKind::length && head.body.length > most) {
    account_.service = service.name.str();
    over(Limit::body_bytes, 413, "the request's body is longer than it may be");
    return false;
  }
  return true;
}

bool Client::enqueue() {
  constexpr base::Duration kRetry = std::chrono::seconds(1);
  const Bounds& bounds = worker_.bounds();
  const auto bytes = static_cast<std::int64_t>(stream_.in().capacity());
  ticket_ = worker_.wait(*this, bytes);
  if (ticket_ == 0) {
    return over(Limit::total_queue_bytes, 429, "the requests that already wait take all the memory that they may",
                kRetry);
  }
  const QueueLimits limits{.requests = static_cast<std::size_t>(bounds[Limit::queue_requests]),
                           .bytes = bounds[Limit::queue_bytes]};
  if (const auto refusal = revision_->enqueue({worker_.index(), ticket_, bytes}, limits)) {
    worker_.forget(ticket_);
    ticket_ = 0;
    if (refusal->full) worker_.bounds().hit(*refusal->full);
    return answer(refusal->status, refusal->why, refusal->retry_after, refusal->reason);
  }
  phase_ = Phase::waiting;
  account_.waits_since = worker_.now();
  const base::Instant longest = worker_.now() + bounds.limits().time(Limit::queue_time);
  if (!half_closed_ && longest < due_) worker_.set_deadline(*this, longest);
  worker_.switchboard().dispatch(revision_, worker_.now());
  if (revision_->waiting() > 0 && revision_->must_ask()) worker_.switchboard().to_main(news::SomebodyWaits{revision_});
  return false;
}

}  // namespace marea::router
