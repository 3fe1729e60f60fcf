// Where a request of a running experiment goes, what it did there, and the paths below /.marea/ by which pages and the
// app tell more.
#include <algorithm>
#include <charconv>

#include "router/client.h"
#include "router/outcome.h"
#include "router/own_paths.h"
#include "router/worker.h"

namespace marea::router {

using decide::KeyOrigin;
using model::FailureCause;
using model::StickyKey;

namespace {

namespace http = net::http;

// One in so many answers sets the key that came again, so that who keeps coming keeps his arm beyond its 30 days.
constexpr std::uint64_t kKeyRenewals = 16;

std::uint32_t asked_for(const model::ExperimentRoute& route, const http::RequestHead& head) {
  const std::string_view path = head.target.substr(0, head.target.find('?'));
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < route.conversions.size(); ++i) {
    const model::ConversionRoute& each = route.conversions[i];
    if (each.event.empty() && each.route.method == head.method && model::matches_path(each.route.path, path)) {
      out |= 1U << i;
    }
  }
  return out;
}

}  // namespace

// `led`: the arm that a rule says; else the key's bucket does.
const RouteTable::RevisionEntry* Client::join(const RouteTable::Experiment& experiment, const http::RequestHead& head,
                                              std::optional<std::size_t> led) {
  const model::ExperimentRoute& route = *experiment.route;
  ExperimentLanes& lanes = *worker_.switchboard().experiments;
  in_release_ = {};
  in_experiment_ = {.route = experiment.route, .number = experiment.seat.number};
  std::string_view key;
  if (route.sticky == StickyKey::header) key = head.find(route.header).value_or(std::string_view());
  const bool by_cookie = key.empty();
  if (by_cookie) key = key_in(head).value_or(std::string_view());
  if (key.empty()) {
    const base::Duration since = std::max(base::Duration{0}, worker_.now() - experiment.seat.zero);
    // Where it is not counted it has no time: it will not have been counted if it ever is.
    const std::uint64_t now = experiment.seat.number == 0 ? 0
                                                          : experiment.seat.zero_unix_tick +
                                                                static_cast<std::uint64_t>(since / model::kReleaseTick);
    in_release_.key = lanes.of(worker_.index()).mint(now);
    in_release_.sets = true;
    key = in_release_.key.view();
    in_experiment_.origin = KeyOrigin::minted;
  } else if (by_cookie) {
    if (minted_at(key) >= experiment.seat.began_unix_tick) in_experiment_.origin = KeyOrigin::returning;
    if (worker_.random() % kKeyRenewals == 0) {
      std::ranges::copy(key, in_release_.key.digits.begin());
      in_release_.sets = true;
    }
  }
  std::size_t arm = 0;
  if (led) {
    arm = *led;
  } else {
    const std::uint32_t bucket = experiment.split.bucket(key);
    while (arm + 1 < experiment.until.size() && bucket >= experiment.until[arm]) ++arm;
  }
  in_experiment_.arm = static_cast<std::uint8_t>(arm);
  in_experiment_.led = led.has_value();
  in_experiment_.key = lanes.fingerprint(key);
  in_experiment_.asked = asked_for(route, head);
  assigned_ = true;
  return experiment.arms[arm];
}

// The request is over.
void Client::tell_experiment(FailureCause cause, bool cold, base::Duration latency) {
  const std::shared_ptr<const model::ExperimentRoute> route = std::move(in_experiment_.route);
  in_experiment_.route = nullptr;
  if (in_experiment_.number == 0) return;
  const LatencyVerdict verdict = judge_latency(cause, cold, latency, route->objective);
  const bool warm = !cold && cause == FailureCause::none;
  std::uint32_t conversions = 0;
  for (std::size_t i = 0; answer_begun_ && i < route->conversions.size(); ++i) {
    const model::OutcomeRoute& wanted = route->conversions[i].route;
    const bool asked = (in_experiment_.asked >> i & 1U) != 0;
    if (asked && account_.status >= wanted.least_status && account_.status <= wanted.most_status) {
      conversions |= 1U << i;
    }
  }
  worker_.switchboard()
      .experiments->of(worker_.index())
      .tell({.experiment = in_experiment_.number,
             .request = {.key = in_experiment_.key,
                         .origin = in_experiment_.origin,
                         .arm = in_experiment_.arm,
                         .led = in_experiment_.led,
                         .cause = cause,
                         .timed = verdict.judged || (warm && route->objective == base::Duration{0}),
                         .slow = verdict.slow,
                         .conversions = conversions,
                         .latency = latency}});
}

// A path below /.marea/ of a service with an experiment: answered here, the app does not get it.
bool Client::answer_own_path(const RouteTable::ServiceEntry& service, const http::RequestHead& head) {
  const RouteTable::Experiment& experiment = *service.steering->experiment;
  account_.service = service.name.str();
  if (own_path(head) == OwnPath::beacon) {
    if (head.method != "GET" && head.method != "HEAD") return answer(405, "the beacon is a script: GET it");
    return own_text(beacon_script(*experiment.route), "text/javascript; charset=utf-8");
  }
  if (own_path(head) != OwnPath::events) {
    return answer(404, "marea has /.marea/events and /.marea/beacon.js here, and no other path below /.marea/");
  }
  if (head.method != "POST") return answer(405, "events are posted: POST /.marea/events?event=NAME");
  if (is_cross_site(head)) return answer(403, "events are taken from pages of this host alone");
  const auto event = read_event(head.target, *experiment.route);
  if (!event) return answer(400, event.error());
  std::string_view key;
  const model::ExperimentRoute& route = *experiment.route;
  if (route.sticky == StickyKey::header) key = head.find(route.header).value_or(std::string_view());
  if (key.empty()) key = key_in(head).value_or(std::string_view());
  if (!key.empty() && experiment.seat.number != 0) {
    ExperimentLanes& lanes = *worker_.switchboard().experiments;
    ExperimentEvent told{.experiment = experiment.seat.number, .post = true, .posted = *event};
    told.posted.key = lanes.fingerprint(key);
    lanes.of(worker_.index()).tell(told);
  }
  return own_text({}, {});
}

}  // namespace marea::router
