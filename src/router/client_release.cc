// Where a request goes that rules or a running release lead, and what its release is told of it.
#include <algorithm>

#include "router/client.h"
#include "router/outcome.h"
#include "router/worker.h"

namespace marea::router {

using decide::KeyOrigin;
using model::FailureCause;
using model::StickyKey;

namespace {

// One in so many answers sets the key that came again, so that who keeps coming keeps his arm beyond its 30 days.
constexpr std::uint64_t kRenewals = 16;

}  // namespace

const RouteTable::RevisionEntry* Client::steer(const RouteTable::ServiceEntry& service,
                                               const net::http::RequestHead& head) {
  const RouteTable::Steering& steering = *service.steering;
  own_cookies_.key = steering.key_cookie;
  if (steering.experiment) {
    in_experiment_ = {.route = steering.experiment->route, .number = steering.experiment->seat.number};
  }
  if (steering.rules) {
    if (const auto rule = steering.rules->match(head, peer_.address, steering.usable)) {
      led_by_ = LedBy::rule;
      if (worker_.request_log().on()) account_.rule = steering.rules->rules()[*rule].name;
      const model::RouteRule& led = steering.rules->rules()[*rule];
      const std::int32_t arm = led.arm;
      if (arm < 0 || !steering.experiment || static_cast<std::size_t>(arm) >= steering.experiment->arms.size()) {
        return steering.targets[*rule];
      }
      return join(*steering.experiment, head, &led);
    }
  }
  if (steering.experiment) return join(*steering.experiment, head, nullptr);
  if (!steering.release) return RouteTable::pick(service, affinity_.revision, worker_.random());
  return assign(*steering.release, head);
}

// The arm that the key's bucket says. Session affinity chooses among its instances only.
const RouteTable::RevisionEntry* Client::assign(const RouteTable::Release& release,
                                                const net::http::RequestHead& head) {
  ReleaseLanes& lanes = *worker_.switchboard().lanes;
  std::string_view key;
  if (release.sticky == StickyKey::header) key = head.find(release.header).value_or(std::string_view());
  const bool by_cookie = key.empty() && release.sticky != StickyKey::off;
  if (by_cookie) key = key_in(head).value_or(std::string_view());
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
      in_release_.key = lanes.of(worker_.index()).mint(now);
      in_release_.sets = true;
      key = in_release_.key.view();
      request.origin = KeyOrigin::minted;
    } else if (by_cookie) {
      if (minted_at(key) >= release.seat.zero_unix_tick + release.seat.first_tick)
        request.origin = KeyOrigin::returning;
      if (worker_.random() % kRenewals == 0) {
        std::ranges::copy(key, in_release_.key.digits.begin());
        in_release_.sets = true;
      }
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
  if (worker_.request_log().on()) account_.arm = request.canary ? "canary" : "stable";
  return request.canary ? release.canary : release.stable;
}

// Before a deadline ends a request that has no answer. A caller that closed its sending side, and has got nothing
// since, has left, whatever is answered; and an app of which no connection was tried did not let anybody wait.
void Client::note_late_cause() {
  const bool unanswered = phase_ == Phase::waiting || phase_ == Phase::connecting || phase_ == Phase::relaying;
  if (!unanswered || answer_begun_) return;
  if (half_closed_ && worker_.now() < due_) {
    in_release_.cause = FailureCause::client;
  } else if (phase_ == Phase::connecting && !upstream_) {
    in_release_.cause = FailureCause::platform;
  }
}

// Of an assigned request: it is over, or says nothing more of its arm. A 5xx is one however much of it was taken.
void Client::settle() {
  assigned_ = false;
  if (!in_release_.told && !in_experiment_.counts) return;
  const bool whole = in_release_.app_done != base::Instant{};
  const FailureCause said = answer_begun_ ? cause_of_app_answer(account_.status) : FailureCause::none;
  const FailureCause cause =
      whole || said != FailureCause::none ? said : in_release_.cause.value_or(FailureCause::client);
  const bool left = half_closed_ && cause == FailureCause::client;  // which was taken for that only after a while
  const base::Instant end = whole ? in_release_.app_done : left ? left_ : worker_.now();
  const base::Duration latency = end - account_.begun;
  const bool cold = in_release_.cold || !in_release_.given;
  if (in_experiment_.counts) {
    tell_experiment(cause, cold, latency);
    return;
  }
  const LatencyVerdict verdict = judge_latency(cause, cold, latency, in_release_.request.objective);
  worker_.switchboard()
      .lanes->of(worker_.index())
      .settle(in_release_.request, {.cause = cause,
                                    .cold = in_release_.cold,
                                    .judged = verdict.judged,
                                    .slow = verdict.slow,
                                    .latency = latency});
}

}  // namespace marea::router
