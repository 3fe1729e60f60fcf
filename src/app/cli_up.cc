// up [DIR]: the directory becomes an image by its Dockerfile, or by one that is made for it; the image becomes a
// revision, the revision a URL.
#include <filesystem>

#include "app/cli_adopt.h"
#include "app/cli_build_plan.h"
#include "app/cli_progress.h"
#include "app/cli_release.h"
#include "app/cli_releases.h"
#include "app/cli_source.h"
#include "app/cli_verbs.h"
#include "base/clock.h"
#include "model/names.h"

namespace marea::app {
namespace {

Outcome<std::string> service_name(const Verb& verb, const std::string& dir) {
  const std::optional<std::string> given = verb.arguments.text("--name");
  std::string name = given ? *given : model::suggest_label(std::filesystem::path(dir).filename().string());
  if (name.empty()) {
    return give_up(usage_failure(verb.words()(Text::up_no_name, dir), verb.words()(Text::up_no_name_remedy)));
  }
  if (const Outcome<void> good = check_service_name(name, verb.words()); !good) return std::unexpected(good.error());
  return name;
}

Failure build_failure(const Json& error) {
  const std::string code = text_at(error, {"code"});
  base::Error out{.code = code.empty() ? base::ErrorCode::build_failed : base::error_code_from(code),
                  .what = text_at(error, {"what"}),
                  .why = text_at(error, {"why"}),
                  .remedy = text_at(error, {"remedy"})};
  const Exit exit = exit_of(out.code);
  return {.error = std::move(out), .exit = exit};
}

// The image's name in the store.
Outcome<std::string> build(Verb& verb, const std::string& name, const std::string& dockerfile, const BuildTar& tar) {
  const std::string tag = "localhost/" + name + ":latest";
  Json outcome;
  const base::SystemClock clock;
  Progress progress(verb.console, clock);
  const std::string sending = verb.words()(Text::up_sending, name);
  const Outcome<Answer> answer =
      verb.api.send({.method = "POST",
                     .path = fmt::format("{}/builds?name={}&dockerfile={}", kMarea, escape(tag), escape(dockerfile)),
                     .content_type = "application/x-tar",
                     .body_fd = tar.file.get(),
                     .body_bytes = tar.bytes,
                     .on_line =
                         [&](std::string_view line) {
                           Json event = Json::parse(line, nullptr, false);
                           if (!event.is_object()) return true;
                           if (event.contains("line")) {
                             progress.build_line(text_at(event, {"line"}));
                           } else {
                             outcome = std::move(event);
                           }
                           return true;
                         },
                     .on_sent = [&](std::int64_t bytes) { progress.sent(sending, bytes, tar.bytes); }});
  if (!answer) return std::unexpected(answer.error());
  if (outcome.is_object() && outcome.contains("error")) return give_up(build_failure(outcome["error"]));
  std::string image = text_at(outcome, {"image", "name"});
  if (image.empty()) {
    return give_up(base::Error{.code = base::ErrorCode::unavailable,
                               .what = verb.words()(Text::connection_lost, verb.api.endpoint().name()),
                               .remedy = verb.words()(Text::platform_timeout_remedy)});
  }
  return image;
}

}  // namespace

Outcome<Exit> up_directory(Verb& verb) {
  const std::string& given = verb.arguments.positional(0);
  std::error_code failed;
  std::string dir = std::filesystem::absolute(given.empty() ? "." : given, failed).lexically_normal().string();
  if (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  const bool print_only = verb.arguments.has("--print-dockerfile");
  const Outcome<std::string> name = print_only ? Outcome<std::string>() : service_name(verb, dir);
  if (!name) return std::unexpected(name.error());
  const base::Result<BuildPlan> plan =
      plan_build(dir, {.dockerfile = verb.arguments.text("--dockerfile").value_or(""),
                       .pack = {.kind = pipeline::pack_kind_from(verb.arguments.text("--kind").value_or("")),
                                .base = verb.arguments.text("--base").value_or("")}});
  if (!plan) return give_up(plan.error());
  for (const std::string& line : describe_plan(*plan, verb.words())) verb.console.say(line);
  if (print_only) {
    verb.console.data(plan->text);
    return Exit::ok;
  }
  const base::Result<BuildTar> tar = pack_build_tar(dir, plan->rules, plan->dockerfile);
  if (!tar) return give_up(tar.error());
  verb.console.say(Text::up_building, *name, dir, tar->entries, tar->bytes);

  ServiceSettings settings = settings_of(verb.arguments);
  settings.source = source_of(dir);  // before the build, during which files may change
  Outcome<std::string> image = build(verb, *name, plan->dockerfile.path, *tar);
  if (!image) return give_up(with_kept_revision(verb, *name, image.error()));
  settings.image = *std::move(image);
  const Outcome<Json> sent = change_and_send(verb, *name, settings);
  if (!sent) return std::unexpected(sent.error());
  const base::SystemClock clock;
  const base::Instant began = clock.now();
  Outcome<Json> service = wait_as_asked(verb, *sent, true);
  if (!service && !settings.port) service = adopt_port(verb, *name, service.error());
  if (!service) return std::unexpected(service.error());
  return finish_deploy(verb, *service, clock.now() - began);
}

}  // namespace marea::app
