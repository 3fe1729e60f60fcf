// services, revisions, instances, releasepolicies: list, describe, delete; releases: list.
#include "app/cli_verbs.h"
#include "app/cli_view.h"

namespace marea::app {
namespace {

std::string list_path(const View& view, const Arguments& arguments) {
  std::string query;
  const auto add = [&](std::string_view key, const std::optional<std::string>& value) {
    if (value) query += fmt::format("{}{}={}", query.empty() ? '?' : '&', key, escape(*value));
  };
  if (view.noun == "revisions") {
    if (const auto service = arguments.text("--service"))
      add("labelSelector", "serving.knative.dev/service=" + *service);
  } else if (view.noun == "instances") {
    add("service", arguments.text("--service"));
    add("revision", arguments.text("--revision"));
  } else if (view.noun == "experiments") {
    if (const auto service = arguments.text("--service"))
      add("labelSelector", "serving.knative.dev/service=" + *service);
  } else if (view.noun == "releases") {
    add("service", arguments.text("--service"));
  }
  return std::string(view.path) + query;
}

std::string object_path(const View& view, const std::string& name) {
  return fmt::format("{}/{}", view.path, escape(name));
}

// An instance has its name at top level, beside service and state, for programs that know only these.
void lift_name(Json& object) {
  if (object.is_object() && !object.contains("name")) object["name"] = name_of(object);
}

// The platform says it in Kubernetes' words, for kubectl.
Failure not_there(Failure failure, const Verb& verb, std::string_view noun, const std::string& name) {
  if (failure.error.code != base::ErrorCode::not_found || !failure.error.remedy.empty()) return failure;
  failure.error.what = verb.words()(Text::no_such_object, noun, name);
  failure.error.remedy = verb.words()(Text::see_list, noun);
  return failure;
}

}  // namespace

Outcome<Json> get_object(Verb& verb, std::string_view noun, const std::string& name) {
  Outcome<Json> object = verb.api.get(object_path(*view_of(noun), name));
  if (!object) return give_up(not_there(object.error(), verb, noun, name));
  return object;
}

Outcome<Exit> list_objects(Verb& verb) {
  const View& view = *view_of(verb.command.noun());
  Outcome<Json> list = verb.api.get(list_path(view, verb.arguments));
  if (!list) return std::unexpected(list.error());
  if (view.noun == "instances" && list->contains("items")) {
    for (Json& item : (*list)["items"]) lift_name(item);
  }
  verb.console.data(print_list(view, *list, verb.arguments.format(), verb.words()));
  return Exit::ok;
}

Outcome<Exit> describe_object(Verb& verb) {
  const View& view = *view_of(verb.command.noun());
  Outcome<Json> object = get_object(verb, view.noun, verb.arguments.positional(0));
  if (!object) return std::unexpected(object.error());
  if (view.noun == "instances") lift_name(*object);
  switch (verb.arguments.format()) {
    case Format::json:
    case Format::yaml: verb.console.data(print_value(*object, verb.arguments.format())); break;
    case Format::name: verb.console.data(name_of(*object) + "\n"); break;
    case Format::table: verb.console.data(print_pairs(view.pairs(*object, verb.words()))); break;
  }
  return Exit::ok;
}

Outcome<Exit> delete_object(Verb& verb) {
  const View& view = *view_of(verb.command.noun());
  const std::string& name = verb.arguments.positional(0);
  const Outcome<Answer> answer = verb.api.send({.method = "DELETE", .path = object_path(view, name)});
  if (!answer) return give_up(not_there(answer.error(), verb, view.noun, name));
  switch (verb.arguments.format()) {
    case Format::json:
    case Format::yaml: verb.console.data(print_value(answer->json(), verb.arguments.format())); break;
    case Format::name: verb.console.data(name + "\n"); break;
    case Format::table: verb.console.say(Text::deleted, view.noun, name); break;
  }
  return Exit::ok;
}

}  // namespace marea::app
