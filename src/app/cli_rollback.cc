// rollback NAME [REVISION]: the last stable revision back in one publication; says what served before and after.
#include <chrono>
#include <thread>

#include "app/cli_releases.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "base/clock.h"

namespace marea::app {
namespace {

constexpr base::Duration kPause = std::chrono::milliseconds(20);
constexpr int kMostSeconds = 30;  // the router takes routes within milliseconds; a role that restarts takes seconds

// Whether the revision has all requests, and the router knows it.
bool serves_alone(const Json& service, const std::string& revision) {
  const Json* traffic = find(service, {"status", "traffic"});
  if (traffic == nullptr || !traffic->is_array()) return false;
  bool all = false;
  for (const Json& target : *traffic) {
    const std::string percent = text_at(target, {"percent"});
    if (percent.empty() || percent == "0") continue;
    if (text_at(target, {"revisionName"}) != revision) return false;
    all = true;
  }
  return all && text_at(condition_of(service, "RoutesReady"), {"status"}) == "True";
}

// What the platform refuses for a reason of its own (a rollback is forbidden by now) has another way on.
Failure with_way_on(Failure failure, const std::string& service, const Words& words) {
  if (failure.error.code == base::ErrorCode::conflict && failure.error.remedy.empty()) {
    failure.error.remedy = words(Text::rollback_refused_remedy, service, service);
  }
  return failure;
}

Outcome<Json> until_it_serves(Verb& verb, const std::string& name, const std::string& revision,
                              const base::Clock& clock) {
  const base::Instant deadline = clock.now() + std::chrono::seconds(kMostSeconds);
  while (true) {
    Outcome<Json> service = verb.api.get(fmt::format("{}/{}", kServices, escape(name)));
    if (service ? serves_alone(*service, revision) : service.error().error.code != base::ErrorCode::unavailable) {
      return service;
    }
    if (clock.now() >= deadline) {
      return give_up(base::Error{.code = base::ErrorCode::timeout,
                                 .what = verb.words()(Text::rollback_slow, name, kMostSeconds),
                                 .remedy = verb.words()(Text::rollback_slow_remedy, name)});
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Outcome<Exit> roll_back(Verb& verb) {
  const std::string& name = verb.arguments.positional(0);
  const Outcome<Json> before = get_object(verb, "services", name);
  if (!before) return std::unexpected(before.error());
  Json body = Json::object();
  if (const std::string& revision = verb.arguments.positional(1); !revision.empty()) body["revision"] = revision;
  if (const auto reason = verb.arguments.text("--reason")) body["reason"] = *reason;
  const base::SystemClock clock;
  const base::Instant began = clock.now();
  const Outcome<Answer> answer = verb.api.send(
      {.method = "POST", .path = fmt::format("{}/services/{}/rollback", kMarea, escape(name)), .body = body.dump()});
  if (!answer) return give_up(with_way_on(answer.error(), name, verb.words()));
  const Json done = answer->json();
  for (const std::string& notice : answer->notices) verb.console.notice(notice);
  const std::string to = text_at(done, {"to"});
  const Outcome<Json> after = until_it_serves(verb, name, to, clock);
  if (!after) return std::unexpected(after.error());
  const double seconds = std::chrono::duration_cast<std::chrono::duration<double>>(clock.now() - began).count();
  const Words& words = verb.words();
  switch (const Format format = verb.arguments.format()) {
    case Format::json:
    case Format::yaml: verb.console.data(print_value(done, format)); break;
    case Format::name: verb.console.data(to + "\n"); break;
    case Format::table:
      verb.console.data(print_pairs({{words(Text::rollback_before), traffic_of(*before)},
                                     {words(Text::rollback_after), traffic_of(*after)},
                                     {words(Text::rollback_took), words(Text::rollback_seconds, seconds)},
                                     {words(Text::rollback_release), text_at(done, {"release"})}}));
      break;
  }
  return Exit::ok;
}

}  // namespace marea::app
