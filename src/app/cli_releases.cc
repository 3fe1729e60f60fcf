#include "app/cli_releases.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "app/cli_release.h"
#include "app/cli_release_lines.h"
#include "app/cli_release_words.h"
#include "app/cli_view.h"

namespace marea::app {
namespace {

constexpr base::Duration kFirstLook = std::chrono::milliseconds(50);
constexpr base::Duration kMostBetweenLooks = std::chrono::seconds(1);  // control looks at releases so often
constexpr base::Duration kLongestSilence = std::chrono::seconds(15);   // a role that restarts is back within seconds

std::string release_path(const std::string& name) {
  return fmt::format("{}/{}", kReleases, escape(name));
}

Failure no_release(const std::string& service, const Words& words) {
  return {.error = {.code = base::ErrorCode::not_found,
                    .what = words(Text::no_release, service),
                    .why = words(Text::no_release_why),
                    .remedy = words(Text::no_release_remedy, service, service)},
          .exit = Exit::not_found};
}

bool is_there_yet(const ReleaseReport& report, FollowUntil until) {
  return report.over() || (until == FollowUntil::promoted && report.promoted());
}

// Lines of the deploy that began it, on stderr.
void say_lines(Verb& verb, ReleaseLines& lines, const ReleaseReport& report, const base::Clock& clock) {
  for (const std::string& line : lines.news(report, verb.words(), clock.now(), clock.wall())) verb.console.say(line);
}

}  // namespace

Outcome<Json> newest_release(Verb& verb, const std::string& service) {
  const Outcome<Json> list = verb.api.get(fmt::format("{}?service={}", kReleases, escape(service)));
  if (!list && list.error().error.code == base::ErrorCode::not_found) return Json();  // marea of before releases
  if (!list) return std::unexpected(list.error());
  Json newest;
  std::string created;
  for (const Json& item : items_of(*list)) {
    if (text_at(item, {"spec", "service"}) != service) continue;
    const std::string time = text_at(item, {"metadata", "creationTimestamp"});
    if (!newest.is_null() && time < created) continue;
    newest = item;
    created = time;
  }
  return newest;
}

Outcome<Json> find_release(Verb& verb, const std::string& name) {
  Outcome<Json> named = verb.api.get(release_path(name));
  if (named || named.error().error.code != base::ErrorCode::not_found) return named;
  Outcome<Json> newest = newest_release(verb, name);
  if (!newest || !newest->is_null()) return newest;
  const Outcome<Json> service = verb.api.get(fmt::format("{}/{}", kServices, escape(name)));
  if (service) return give_up(no_release(name, verb.words()));
  return give_up(base::Error{.code = base::ErrorCode::not_found,
                             .what = verb.words()(Text::no_such_object, "releases", name),
                             .remedy = verb.words()(Text::see_list, "releases")});
}

Outcome<Json> follow_release(Verb& verb, const std::string& name, const FollowOptions& options,
                             const std::function<void(const ReleaseReport&)>& show) {
  const base::SystemClock clock;
  const base::Instant began = clock.now();
  base::Instant answered = began;
  base::Duration pause = kFirstLook;
  while (true) {
    Outcome<Json> now = verb.api.get(release_path(name));
    if (now) {
      answered = clock.now();
      const ReleaseReport report = read_release_report(*now, clock.wall());
      show(report);
      if (is_there_yet(report, options.until)) return now;
    } else if (now.error().error.code != base::ErrorCode::unavailable || clock.now() - answered > kLongestSilence) {
      return std::unexpected(now.error());
    }
    base::Duration next = pause;
    if (options.seconds) {
      const base::Duration left = began + std::chrono::seconds(*options.seconds) - clock.now();
      if (left <= base::Duration{0}) {
        return give_up(base::Error{.code = base::ErrorCode::timeout,
                                   .what = verb.words()(Text::release_timeout, name, *options.seconds),
                                   .remedy = verb.words()(Text::release_timeout_remedy, name)});
      }
      next = std::min(next, left);
    }
    std::this_thread::sleep_for(next);
    pause = std::min(pause * 2, kMostBetweenLooks);
  }
}

Exit exit_of_release(const ReleaseReport& report) {
  if (report.promoted()) return Exit::ok;
  return report.phase == model::ReleasePhase::rolled_back ? Exit::rolled_back : Exit::failure;
}

void say_how_it_ended(Verb& verb, const ReleaseReport& report) {
  using enum model::ReleasePhase;
  const Words& words = verb.words();
  const std::string& canary = report.canary.revision;
  const std::string& stable = report.stable.revision;
  if (report.phase == done) return verb.console.say(Text::release_done, report.name, canary);
  if (report.promoted()) return verb.console.say(Text::release_promoted, report.name, canary, report.canary.weight);
  if (!report.over()) return;
  const std::string cause = in_language(report.cause, words);
  if (report.phase == rolled_back) {
    verb.console.say(Text::release_rolled_back, report.name, cause, stable);
  } else {
    verb.console.say(Text::release_ended, report.name, in_language(to_string(*report.phase), words), cause, canary,
                     report.canary.weight);
  }
  if (!report.detail.empty()) verb.console.say("  " + report.detail);
  if (report.marked_bad) verb.console.say("  " + words(Text::release_marked_bad, canary));
  verb.console.say("  → " + words(Text::release_see, report.name, stable, canary));
}

Outcome<Exit> follow_deployed(Verb& verb, const Json& service, base::Duration waited) {
  const base::SystemClock clock;
  const bool waits = verb.arguments.has("--wait");
  const Outcome<Json> newest = newest_release(verb, name_of(service));
  if (!newest && waits) return std::unexpected(newest.error());
  if (!newest) return Exit::ok;  // the deploy itself is done
  const ReleaseReport report = read_release_report(*newest, clock.wall());
  const bool its_own = report.canary.revision == text_at(service, {"status", "latestCreatedRevisionName"});
  if (report.name.empty() || !its_own) return Exit::ok;
  if (!waits) {
    if (!report.over()) verb.console.say(Text::release_goes_on, report.name, report.name);
    return Exit::ok;
  }
  if (!report.over() && !report.ladder.empty()) {
    std::string steps;
    for (const RungReport& rung : report.ladder) steps += (steps.empty() ? "" : ", ") + rung.weight;
    verb.console.say(Text::release_began, report.canary.revision, steps);
  }
  FollowOptions options;
  if (const auto seconds = verb.arguments.number("--wait-timeout")) {
    const auto gone = std::chrono::duration_cast<std::chrono::seconds>(waited).count();
    options.seconds = std::max<std::int64_t>(0, *seconds - gone);
  }
  ReleaseLines lines;
  const Outcome<Json> end =
      follow_release(verb, report.name, options, [&](const ReleaseReport& now) { say_lines(verb, lines, now, clock); });
  if (!end) return std::unexpected(end.error());
  const ReleaseReport last = read_release_report(*end, clock.wall());
  say_how_it_ended(verb, last);
  return exit_of_release(last);
}

Outcome<Exit> finish_deploy(Verb& verb, const Json& service, base::Duration waited) {
  const Outcome<Exit> exit = follow_deployed(verb, service, waited);
  if (exit && *exit == Exit::ok) print_deployed(verb, service);
  return exit;
}

}  // namespace marea::app
