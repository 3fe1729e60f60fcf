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

// `led`: the rule that says the arm; else the key's bucket does.
const RouteTable::RevisionEntry* Client::join(const RouteTable::Experiment& experiment, const http::RequestHead& head,
                                              const model::RouteRule* led) {
  const model::ExperimentRoute& route = *experiment.route;
  ExperimentLanes& lanes = *worker_.switchboard().experiments;
  in_release_ = {};
  if (!takes_part(experiment, head)) return experiment.arms[experiment.control];
  std::string_view key;
  if (route.sticky == StickyKey::header) {
    key = head.find(route.header).value_or(std::string_view());
    // Pages and beacons of one user do not all have it, and with a cookie beside it he would be two. A rule needs none.
    if (key.empty()) return experiment.arms[led != nullptr ? static_cast<std::size_t>(led->arm) : experiment.control];
  } else {
    key = cookie_key(experiment, head);
  }
  std::size_t arm = 0;
  if (led != nullptr) {
    arm = static_cast<std::size_t>(led->arm);
  } else {
    const std::uint32_t bucket = experiment.split.bucket(key);
    while (arm + 1 < experiment.until.size() && bucket >= experiment.until[arm]) ++arm;
  }
  in_experiment_.counts = true;
  in_experiment_.arm = static_cast<std::uint8_t>(arm);
  in_experiment_.led = led != nullptr;
  in_experiment_.key = lanes.fingerprint(key);
  in_experiment_.asked = asked_for(route, head);
  assigned_ = true;
  if (worker_.request_log().on()) {
    account_.experiment = route.name;
    account_.arm = route.arms[arm].name;
  }
  ExperimentLane& lane = lanes.of(worker_.index());
  if (in_experiment_.number != 0) {
    if (in_experiment_.origin != KeyOrigin::returning) {
      lane.tell({.experiment = in_experiment_.number,
                 .kind = ExperimentEvent::Kind::enter,
                 .entrant = {.key = in_experiment_.key,
                             .origin = in_experiment_.origin,
                             .arm = in_experiment_.arm,
                             .led = in_experiment_.led,
                             .segment = static_cast<std::uint8_t>(led != nullptr ? led->segment + 1 : 0)}});
    }
    if (has_events(route)) in_experiment_.user = lane.users().text_of(in_experiment_.number, in_experiment_.key);
  }
  return experiment.arms[arm];
}

bool Client::takes_part(const RouteTable::Experiment& experiment, const http::RequestHead& head) const {
  return !experiment.consent || experiment.consent->match(head, peer_.address).has_value();
}

// The key of the caller's cookie, or a new one where there is none that was made while the experiment ran: an older one
// would not tell, after a death of router, whether its user was counted.
std::string_view Client::cookie_key(const RouteTable::Experiment& experiment, const http::RequestHead& head) {
  const std::string_view key = key_in(head).value_or(std::string_view());
  if (!key.empty() && minted_at(key) >= experiment.seat.began_unix_tick) {
    in_experiment_.origin = KeyOrigin::returning;
    if (worker_.random() % kKeyRenewals == 0) {
      std::ranges::copy(key, in_release_.key.digits.begin());
      in_release_.sets = true;
    }
    return key;
  }
  const base::Duration since = std::max(base::Duration{0}, worker_.now() - experiment.seat.zero);
  const auto tick = experiment.seat.zero_unix_tick + static_cast<std::uint64_t>(since / model::kReleaseTick);
  // Where it is not counted it has no time: it will not have been counted if it ever is. A wall clock that was set back
  // makes no key that is too old.
  const std::uint64_t now = experiment.seat.number == 0 ? 0 : std::max(tick, experiment.seat.began_unix_tick);
  in_release_.key = worker_.switchboard().experiments->of(worker_.index()).mint(now);
  in_release_.sets = true;
  in_experiment_.origin = KeyOrigin::minted;
  return in_release_.key.view();
}

// What the app says in Marea-Event: of the user of this request, or of the one whose token it kept.
void Client::note_events(const http::ResponseHead& response) {
  ExperimentLane& lane = worker_.switchboard().experiments->of(worker_.index());
  for (const http::Field& field : response.fields()) {
    if (field.id != http::FieldName::other || !http::same_token(field.name, kEventField)) continue;
    const auto events = read_said_events(field.value, *in_experiment_.route);
    if (!events) {
      account_.why = std::string(kEventField) + ": " + events.error();
      continue;
    }
    for (const SaidEvent& each : *events) {
      if (each.user.empty()) {
        in_experiment_.said.add(each.event);
      } else if (in_experiment_.number != 0) {
        const auto user = lane.users().read(each.user);
        ExperimentEvent told{
            .experiment = in_experiment_.number, .kind = ExperimentEvent::Kind::post, .posted = each.event};
        // A token of another memory: nobody whom this one knows.
        told.posted.key = user && user->experiment == in_experiment_.number ? user->key : 0;
        lane.tell(told);
      }
    }
  }
}

// The request is over.
void Client::tell_experiment(FailureCause cause, bool cold, base::Duration latency) {
  const std::shared_ptr<const model::ExperimentRoute> route = std::move(in_experiment_.route);
  in_experiment_.route = nullptr;
  if (in_experiment_.number == 0 || !in_experiment_.counts) return;
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
  const SaidEvents said = answer_begun_ ? in_experiment_.said : SaidEvents{};
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
                         .conversions = conversions | said.conversions,
                         .latency = latency,
                         .measured = said.measured,
                         .values = said.values}});
}

// A path below /.marea/ of a service that has experiments: answered here, the app does not get it. Pages that were
// loaded while one ran still ask when it is over.
bool Client::answer_own_path(const RouteTable::ServiceEntry& service, const http::RequestHead& head) {
  const auto& experiment = service.steering->experiment;
  account_.service = service.name.str();
  if (own_path(head) == OwnPath::beacon) {
    if (head.method != "GET" && head.method != "HEAD") {
      return own_answer({.status = 405, .allow = "GET, HEAD"}, "the beacon is a script: GET it", model::Reason::none);
    }
    return own_text(experiment ? beacon_script(*experiment->route) : std::string(kNoBeacon),
                    "text/javascript; charset=utf-8");
  }
  if (own_path(head) != OwnPath::events) {
    return answer(404, "marea has /.marea/events and /.marea/beacon.js here, and no other path below /.marea/");
  }
  if (head.method != "POST") {
    return own_answer({.status = 405, .allow = "POST"}, "events are posted: POST /.marea/events?event=NAME",
                      model::Reason::none);
  }
  if (is_cross_site(head)) return answer(403, "events are taken from pages of this host alone");
  if (!experiment) return own_text({}, {});
  const model::ExperimentRoute& route = *experiment->route;
  const auto event = read_event(head.target, route);
  if (!event) return answer(400, event.error());
  const std::string_view key =
      (route.sticky == StickyKey::header ? head.find(route.header) : key_in(head)).value_or(std::string_view());
  if (!key.empty() && experiment->seat.number != 0 && takes_part(*experiment, head)) {
    ExperimentLanes& lanes = *worker_.switchboard().experiments;
    ExperimentEvent told{.experiment = experiment->seat.number, .kind = ExperimentEvent::Kind::post, .posted = *event};
    told.posted.key = lanes.fingerprint(key);
    lanes.of(worker_.index()).tell(told);
  }
  return own_text({}, {});
}

}  // namespace marea::router
