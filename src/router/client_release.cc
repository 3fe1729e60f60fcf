// Where a request goes that rules or a running release lead, and what its release is told of it.
#include <algorithm>

#include "router/client.h"
#include "router/outcome.h"
#include "router/worker.h"

namespace marea::router {

using decide::KeyOrigin;
using model::FailureCause;
using model::StickyKey;

const RouteTable::RevisionEntry* Client::steer(const RouteTable::ServiceEntry& service,
                                               const net::http::RequestHead& head) {
  const RouteTable::Steering& steering = *service.steering;
  own_cookies_.key = steering.release && steering.release->sticky != StickyKey::off;
  if (steering.rules) {
    for (auto rule = steering.rules->match(head, peer_.address); rule;
         rule = steering.rules->match(head, peer_.address, *rule + 1)) {
      if (steering.targets[*rule] != nullptr) return steering.targets[*rule];
    }
  }
  if (!steering.release) return RouteTable::pick(service, affinity_.revision, worker_.random());
  return assign(*steering.release, head);
}

// The arm that the key's bucket says. Session affinity chooses among its instances only.
const RouteTable::RevisionEntry* Client::assign(const RouteTable::Release& release,
                                                const net::http::RequestHead& head) {
  ReleaseLanes& lanes = *worker_.switchboard().lanes;
  std::string_view key;
  if (release.sticky == StickyKey::header) key = head.find(release.header).value_or(std::string_view());
  const bool from_cookie = key.empty();
  if (from_cookie && release.sticky != StickyKey::off) key = key_in(head).value_or(std::string_view());
  const bool comes_back = !key.empty();
  // This thread's clock may stand a little before a beginning that the main loop has just set.
  const base::Duration since = std::max(base::Duration{0}, worker_.now() - release.seat.zero);
  const auto tick = static_cast<std::uint64_t>(since / model::kReleaseTick);
  in_release_ = {};
  Assignment& request = in_release_.request;
  if (release.sticky == StickyKey::off) {
    request.bucket = static_cast<std::uint16_t>(decide::bucket_of(static_cast<std::uint32_t>(worker_.random() >> 32U)));
  } else {
    if (!comes_back) {
      // Where it is not counted it has no time: it will not have been counted if it ever is.
      const std::uint64_t now =
          release.seat.number != 0 ? release.seat.zero_unix_tick + std::max(tick, release.seat.first_tick) : 0;
      in_release_.minted = lanes.mint(now, worker_.random(), worker_.random());
      in_release_.mints = true;
      key = in_release_.minted.view();
      request.origin = KeyOrigin::minted;
    } else if (from_cookie && minted_at(key) >= release.seat.zero_unix_tick + release.seat.first_tick) {
      request.origin = KeyOrigin::returning;
    }
    request.bucket = static_cast<std::uint16_t>(release.split.bucket(key));
  }
  request.canary = request.bucket < release.weight;
  if (release.seat.number != 0) {
    request.release = release.seat.number;
    ReleaseLane& lane = lanes.of(worker_.index());
    request.key = key.empty() ? 0 : lanes.fingerprint(key);
    request.tick = tick;
    request.number = lane.next_number();
    request.objective = release.objective;
    in_release_.told = lane.admit(request);
  }
  assigned_ = true;
  return request.canary ? release.canary : release.stable;
}

// Of an assigned request: it is over, or says nothing more of its arm.
void Client::settle() {
  assigned_ = false;
  if (!in_release_.told) return;
  const bool whole = in_release_.app_done != base::Instant{};
  const FailureCause cause =
      whole ? cause_of_app_answer(account_.status) : in_release_.cause.value_or(FailureCause::client);
  const base::Duration latency = (whole ? in_release_.app_done : worker_.now()) - account_.begun;
  const LatencyVerdict verdict = judge_latency(cause, in_release_.cold, latency, in_release_.request.objective);
  worker_.switchboard()
      .lanes->of(worker_.index())
      .settle(in_release_.request, {.cause = cause,
                                    .cold = in_release_.cold,
                                    .judged = verdict.judged,
                                    .slow = verdict.slow,
                                    .latency = latency});
}

}  // namespace marea::router
