#include "app/cli_wait.h"

#include <algorithm>
#include <charconv>

#include "app/cli_view.h"

namespace marea::app {
namespace {

constexpr base::Duration kFirstPause = std::chrono::milliseconds(50);  // a warm deploy takes about that long
constexpr base::Duration kMostPause = std::chrono::milliseconds(500);
constexpr base::Duration kMostSilence = std::chrono::seconds(15);  // a role that restarts is back within seconds

std::int64_t number_at(const Json& value, std::initializer_list<std::string_view> path) {
  const Json* found = find(value, path);
  return found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

DeployState deploy_state(const Json& service, std::int64_t generation, std::string_view condition) {
  if (number_at(service, {"status", "observedGeneration"}) < generation) return DeployState::going_on;
  const std::string ready = text_at(condition_of(service, condition), {"status"});
  if (ready == "True") return DeployState::ready;
  return ready == "False" ? DeployState::failed : DeployState::going_on;
}

Failure deploy_failure(const Json& service, const Words& words) {
  const Json ready = condition_of(service, "Ready");
  const std::string name = name_of(service);
  // What is wrong with the routes is no fault of the newest revision.
  const bool routes = text_at(condition_of(service, "ConfigurationsReady"), {"status"}) == "True";
  const std::string failed = routes ? name : text_at(service, {"status", "latestCreatedRevisionName"});
  const std::string serving = text_at(service, {"status", "latestReadyRevisionName"});
  const bool kept = !serving.empty() && serving != failed;
  const std::string code = text_at(service, {"status", "annotations", "marea.dev/error-code"});
  std::vector<std::string> lines = lines_of(text_at(ready, {"message"}));
  Failure out{.exit = kept ? Exit::deploy_failed : Exit::failure};
  out.error.code = base::error_code_from(code);
  out.error.what = words(Text::deploy_failed, failed.empty() ? name : failed, text_at(ready, {"reason"}));
  if (!lines.empty()) {
    out.error.why = lines.front();
    out.quoted.assign(lines.begin() + 1, lines.end());
  }
  out.error.remedy = kept ? words(Text::deploy_kept, serving, name) : words(Text::deploy_nothing, name);
  return out;
}

void DeployWait::say_progress(const Json& service, base::Duration elapsed) {
  const Json ready = condition_of(service, "Ready");
  const std::string reason = text_at(ready, {"reason"});
  const std::vector<std::string> lines = lines_of(text_at(ready, {"message"}));
  if (text_at(ready, {"status"}) == "False" || (reason.empty() && lines.empty())) return;
  std::string text = reason;
  if (!lines.empty()) text += (text.empty() ? "" : ": ") + lines.front();
  console_.step(fmt::format("{}: {}", name_of(service), text), elapsed);
}

Outcome<Json> DeployWait::until(const Json& service, std::int64_t seconds, std::string_view condition) {
  const std::string name = name_of(service);
  const std::int64_t generation = number_at(service, {"metadata", "generation"});
  const base::Instant deadline = clock_.now() + std::chrono::seconds(seconds);
  const base::Instant began = clock_.now();
  base::Instant answered = began;
  base::Duration pause = kFirstPause;
  std::string last;
  while (true) {
    Outcome<Json> now = api_.get(fmt::format("{}/{}", kServices, escape(name)));
    if (now) {
      answered = clock_.now();
      const DeployState state = deploy_state(*now, generation, condition);
      if (state == DeployState::ready) return now;
      if (state == DeployState::failed) return give_up(deploy_failure(*now, console_.words()));
      say_progress(*now, clock_.now() - began);
      last = text_at(condition_of(*now, condition), {"reason"});
    } else if (now.error().error.code != base::ErrorCode::unavailable || clock_.now() - answered > kMostSilence) {
      return std::unexpected(now.error());
    }
    if (clock_.now() >= deadline) {
      return give_up(base::Error{.code = base::ErrorCode::timeout,
                                 .what = console_.words()(Text::wait_timeout, name, seconds),
                                 .why = last,
                                 .remedy = console_.words()(Text::wait_timeout_remedy, name)});
    }
    pause_(std::min<base::Duration>(pause, deadline - clock_.now()));
    pause = std::min(pause * 2, kMostPause);
  }
}

}  // namespace marea::app
