#include "app/cli_release.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "app/cli_view.h"
#include "app/cli_wait.h"
#include "base/clock.h"
#include "model/names.h"

namespace marea::app {
namespace {

std::string service_path(const std::string& name) {
  return fmt::format("{}/{}", kServices, escape(name));
}

// Null when there is none.
Outcome<Json> read_object(Verb& verb, const std::string& path) {
  Outcome<Json> object = verb.api.get(path);
  if (!object && object.error().error.code == base::ErrorCode::not_found) return Json();
  return object;
}

void say_notices(Verb& verb, const Answer& answer, const std::vector<model::Fault>& known) {
  for (const std::string& notice : answer.notices) {
    const bool said =
        std::ranges::any_of(known, [&](const model::Fault& fault) { return notice.ends_with(fault.message); });
    if (!said) verb.console.notice(notice);
  }
}

std::string body_of(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// `path` is its own; the rest as of send_service().
Outcome<Json> send_object(Verb& verb, std::string_view noun, const std::string& path, const Json& object,
                          const Json& before, const std::vector<model::Fault>& known) {
  const Outcome<Answer> answer = verb.api.send({.method = "PUT", .path = path, .body = body_of(object)});
  if (!answer) return std::unexpected(answer.error());
  say_notices(verb, *answer, known);
  Json now = answer->json();
  if (!now.is_object()) {
    return give_up(base::Error{.code = base::ErrorCode::unavailable,
                               .what = verb.words()(Text::bad_answer, verb.api.endpoint().name()),
                               .remedy = verb.words()(Text::bad_answer_remedy)});
  }
  const auto version = [](const Json& of) { return text_at(of, {"metadata", "resourceVersion"}); };
  const bool same = !version(now).empty() && version(now) == version(before);
  verb.console.say(answer->status == 201 ? Text::created
                   : same                ? Text::unchanged
                                         : Text::changed,
                   noun, name_of(object));
  return now;
}

std::string path_of(const model::MixedDocument& manifest) {
  return fmt::format("{}/{}", view_of(noun_of(manifest.kind))->path, escape(manifest.name));
}

// What is there; takes the resourceVersion out of `document` where it says nothing about that.
Outcome<Json> read_before(Verb& verb, const std::string& path, Json& document) {
  Outcome<Json> before = read_object(verb, path);
  if (!before) return before;
  const std::string uid = text_at(document, {"metadata", "uid"});
  const bool elsewhere = before->is_null() || (!uid.empty() && uid != text_at(*before, {"metadata", "uid"}));
  if (elsewhere) document["metadata"].erase("resourceVersion");
  return before;
}

}  // namespace

Outcome<Json> send_service(Verb& verb, const Json& service, const Json& before,
                           const std::vector<model::Fault>& known) {
  return send_object(verb, "services", service_path(name_of(service)), service, before, known);
}

std::string_view noun_of(model::ManifestKind kind) {
  switch (kind) {
    case model::ManifestKind::release_policy: return "releasepolicies";
    case model::ManifestKind::experiment: return "experiments";
    case model::ManifestKind::service: return "services";
  }
  return {};
}

Outcome<void> try_manifest(Verb& verb, const model::MixedDocument& manifest) {
  Json document = manifest.document;
  const std::string path = path_of(manifest);
  const Outcome<Json> before = read_before(verb, path, document);
  if (!before) return std::unexpected(before.error());
  const Outcome<Answer> answer =
      verb.api.send({.method = "PUT", .path = path + "?dryRun=All", .body = body_of(document)});
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Outcome<Json> send_manifest(Verb& verb, const model::MixedDocument& manifest) {
  Json document = manifest.document;
  const std::string path = path_of(manifest);
  const Outcome<Json> before = read_before(verb, path, document);
  if (!before) return before;
  return send_object(verb, noun_of(manifest.kind), path, document, *before, manifest.notices);
}

Outcome<Json> change_and_send(Verb& verb, const std::string& name, const ServiceSettings& settings) {
  const Outcome<Json> before = read_object(verb, service_path(name));
  if (!before) return before;
  if (before->is_null() && !settings.image) {
    return give_up(usage_failure(verb.words()(Text::no_image, name), verb.words()(Text::no_image_remedy, name)));
  }
  Json service = before->is_null() ? new_service(name) : *before;
  change_service(service, settings);
  return send_service(verb, service, *before);
}

Outcome<Json> wait_as_asked(Verb& verb, const Json& service, bool unless_told) {
  const bool wait = !verb.arguments.has("--no-wait") && (unless_told || verb.arguments.has("--wait"));
  if (!wait) return service;
  const base::SystemClock clock;
  DeployWait waiting(verb.api, verb.console, clock,
                     [](base::Duration duration) { std::this_thread::sleep_for(duration); });
  return waiting.until_ready(service, verb.arguments.number("--wait-timeout").value_or(kDefaultWaitSeconds));
}

Failure with_kept_revision(Verb& verb, const std::string& name, Failure failure) {
  const bool of_the_image = failure.exit == Exit::failure || failure.exit == Exit::not_found;
  if (!of_the_image || failure.error.code == base::ErrorCode::unavailable) return failure;
  const Outcome<Json> service = verb.api.get(service_path(name));
  const std::string serving = service ? text_at(*service, {"status", "latestReadyRevisionName"}) : std::string();
  if (serving.empty()) return failure;
  failure.exit = Exit::deploy_failed;
  failure.error.why += (failure.error.why.empty() ? "" : "; ") + verb.words()(Text::kept, serving);
  return failure;
}

void print_deployed(Verb& verb, const Json& service) {
  const Format format = verb.arguments.format();
  switch (format) {
    case Format::json:
    case Format::yaml: verb.console.data(print_value(service, format)); return;
    case Format::name: verb.console.data(name_of(service) + "\n"); return;
    case Format::table: break;
  }
  const std::string url = text_at(service, {"status", "url"});
  if (!url.empty()) verb.console.data(url + "\n");
}

Outcome<void> check_service_name(const std::string& name, const Words& words) {
  const std::optional<std::string> fault = model::label_fault(name);
  if (!fault) return {};
  const std::string better = model::suggest_label(name);
  Failure failure =
      usage_failure(words(Text::bad_name, name), better.empty() ? std::string() : words(Text::bad_name_remedy, better));
  failure.error.why = *fault;
  return give_up(std::move(failure));
}

}  // namespace marea::app
