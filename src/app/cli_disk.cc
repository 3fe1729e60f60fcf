// images delete, builds delete.
#include "app/cli_verbs.h"
#include "app/cli_view.h"

namespace marea::app {
namespace {

// DELETE, and what it freed.
Outcome<Exit> free_disk(Verb& verb, const std::string& path) {
  const Outcome<Answer> answer = verb.api.send({.method = "DELETE", .path = path});
  if (!answer) return std::unexpected(answer.error());
  const Json freed = answer->json();
  const Json* names = find(freed, {"deleted"});
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value(freed, format));
    return Exit::ok;
  }
  if (names != nullptr && names->is_array()) {
    for (const Json& name : *names) verb.console.data(name.get<std::string>() + "\n");
  }
  if (format == Format::table) verb.console.say(Text::freed, text_at(freed, {"bytes"}));
  return Exit::ok;
}

}  // namespace

Outcome<Exit> delete_images(Verb& verb) {
  const std::string& name = verb.arguments.positional(0);
  if (name.empty() != verb.arguments.has("--unused")) {
    return give_up(usage_failure(verb.words()(Text::delete_what), verb.words()(Text::delete_what_remedy)));
  }
  const std::string query = name.empty() ? "unused=1" : "name=" + escape(name);
  return free_disk(verb, fmt::format("{}/images?{}", kMarea, query));
}

Outcome<Exit> delete_builds(Verb& verb) {
  return free_disk(verb, fmt::format("{}/builds", kMarea));
}

}  // namespace marea::app
