// traffic NAME: which revisions get its requests, and the hosts of its tags; shows them, or changes them and waits
// until the router has them.
#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "app/cli_release.h"
#include "app/cli_releases.h"
#include "app/cli_split.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "app/cli_wait.h"
#include "base/clock.h"

namespace marea::app {
namespace {

// One failure of several: each is a line above it, the first decides the code and the way on.
Failure all_of(std::vector<Failure> faults, std::string what) {
  Failure out = faults.front();
  if (faults.size() == 1) return out;
  for (const Failure& fault : faults) out.causes.push_back({.message = fault.error.what});
  out.error.what = std::move(what);
  return out;
}

Outcome<SplitChange> asked_change(const Verb& verb) {
  const Words& words = verb.words();
  SplitChange out{.tags = verb.arguments.pairs("--tag"), .untagged = verb.arguments.all("--remove-tag")};
  std::vector<Failure> faults;
  for (const std::string& word : verb.arguments.positionals_from(1)) {
    if (std::optional<Share> share = read_share(word)) {
      out.shares.push_back(*std::move(share));
    } else {
      faults.push_back(usage_failure(words(Text::bad_share, word), {}));
    }
  }
  for (const auto& [tag, revision] : out.tags) {
    if (revision.empty()) faults.push_back(usage_failure(words(Text::bad_pair, "--tag", tag + "="), {}));
  }
  if (verb.arguments.has("--to-latest")) {
    if (!out.shares.empty()) faults.push_back(usage_failure(words(Text::share_or_latest), {}));
    out.shares = {{std::string(kLatest), model::kWholeWeight}};
  }
  if (!faults.empty()) {
    const std::size_t count = faults.size();
    return give_up(all_of(std::move(faults), words(Text::split_faults, verb.arguments.positional(0), count)));
  }
  return out;
}

// Whether a split says by itself who gets the requests; then no release may.
bool by_hand(const Json& split) {
  return std::ranges::any_of(split, [](const Json& target) {
    const std::string percent = text_at(target, {"percent"});
    return text_at(target, {"latestRevision"}) != "true" && !percent.empty() && percent != "0";
  });
}

// Setting a split by hand ends a running release, which nobody should find out afterwards.
void tell_of_release(Verb& verb, const std::string& service) {
  const Outcome<Json> newest = newest_release(verb, service);
  if (!newest) return;
  const ReleaseReport report = read_release_report(*newest, base::SystemClock().wall());
  if (report.phase && !report.over()) {
    verb.console.notice(verb.words()(Text::split_ends_release, report.name, service));
  }
}

// A name that is none would leave its share to the others without a word. Adds a failure for each; the outcome fails
// when the platform does not tell.
Outcome<void> check_revisions(Verb& verb, const std::string& service, const SplitChange& change,
                              std::vector<Failure>& faults) {
  std::set<std::string> names;
  for (const Share& share : change.shares) names.insert(share.revision);
  for (const auto& [tag, revision] : change.tags) names.insert(revision);
  for (const std::string& name : names) {
    if (name == kLatest) continue;
    const Outcome<Json> revision = get_object(verb, "revisions", name);
    if (!revision) {
      if (revision.error().error.code != base::ErrorCode::not_found) return std::unexpected(revision.error());
      faults.push_back(revision.error());
    } else if (text_at(*revision, {"metadata", "labels", "serving.knative.dev/service"}) != service) {
      faults.push_back({.error = {.code = base::ErrorCode::not_found,
                                  .what = verb.words()(Text::not_of_service, name, service),
                                  .remedy = verb.words()(Text::see_history, service)},
                        .exit = Exit::not_found});
    }
  }
  return {};
}

Outcome<Json> change_traffic(Verb& verb, Json service, const SplitChange& change) {
  const std::string name = name_of(service);
  std::vector<Failure> faults;
  const Outcome<void> told = check_revisions(verb, name, change, faults);
  if (!told) return std::unexpected(told.error());
  auto split = changed_split(service, change, verb.words());
  if (!split) {
    for (std::string& fault : split.error()) {
      faults.push_back(usage_failure(std::move(fault), verb.words()(Text::see_traffic, name)));
    }
  }
  if (!faults.empty()) {
    const std::size_t count = faults.size();
    return give_up(all_of(std::move(faults), verb.words()(Text::split_faults, name, count)));
  }
  if (by_hand(*split)) tell_of_release(verb, name);
  const Json before = service;
  service.erase("status");
  service["spec"]["traffic"] = *std::move(split);
  Outcome<Json> sent = send_service(verb, service, before);
  if (!sent || verb.arguments.has("--no-wait")) return sent;
  const base::SystemClock clock;
  DeployWait waiting(verb.api, verb.console, clock,
                     [](base::Duration duration) { std::this_thread::sleep_for(duration); });
  return waiting.until_routed(*sent, verb.arguments.number("--wait-timeout").value_or(kDefaultWaitSeconds));
}

void print_traffic(Verb& verb, const Json& service) {
  const Format format = verb.arguments.format();
  const Json* traffic = find(service, {"status", "traffic"});
  const Json targets = traffic == nullptr || !traffic->is_array() ? Json::array() : *traffic;
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value({{"items", targets}}, format));
    return;
  }
  std::string names;
  std::vector<std::vector<std::string>> rows;
  for (const Json& target : targets) {
    const std::string percent = text_at(target, {"percent"});
    const bool latest = text_at(target, {"latestRevision"}) == "true";
    rows.push_back({text_at(target, {"revisionName"}), percent.empty() ? percent : percent + "%",
                    latest ? std::string(kLatest) : std::string(), text_at(target, {"tag"}), text_at(target, {"url"})});
    names += rows.back().front() + "\n";
  }
  const Words& words = verb.words();
  verb.console.data(format == Format::name
                        ? names
                        : print_table({words(Text::head_revision), words(Text::head_percent), words(Text::head_follows),
                                       words(Text::head_tag), words(Text::head_url)},
                                      rows));
}

}  // namespace

Outcome<Exit> show_traffic(Verb& verb) {
  const Outcome<SplitChange> change = asked_change(verb);
  if (!change) return std::unexpected(change.error());
  Outcome<Json> service = get_object(verb, "services", verb.arguments.positional(0));
  if (!service) return std::unexpected(service.error());
  if (!change->shares.empty() || !change->tags.empty() || !change->untagged.empty()) {
    service = change_traffic(verb, *service, *change);
    if (!service) return std::unexpected(service.error());
  }
  print_traffic(verb, *service);
  return Exit::ok;
}

}  // namespace marea::app
