// disk, images delete, builds delete.
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

Outcome<Exit> show_disk(Verb& verb) {
  const Outcome<Json> disk = verb.api.get(fmt::format("{}/disk", kMarea));
  if (!disk) return std::unexpected(disk.error());
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value(*disk, format));
    return Exit::ok;
  }
  const Words& words = verb.words();
  const auto bytes = [&](std::initializer_list<std::string_view> path) {
    std::string text = text_at(*disk, path);
    return text == "-1" ? std::string(words(Text::disk_unknown)) : text;
  };
  const std::string most = fmt::format("{} ({} %)", bytes({"images", "most"}), bytes({"images", "most_percent"}));
  const std::string most_disk = fmt::format("{} ({} %)", bytes({"bytes"}), bytes({"most_percent"}));
  const std::vector<std::vector<std::string>> rows = {
      {words(Text::disk_used), bytes({"images", "in_use"}), "", "marea revisions delete NAME"},
      {words(Text::disk_unused), bytes({"images", "unused"}), "", "marea images delete --unused"},
      {words(Text::disk_builds), bytes({"images", "builds"}), "", "marea builds delete"},
      {words(Text::disk_images), bytes({"images", "used"}), most, ""},
      {words(Text::disk_logs), bytes({"removable", "logs"}), "", "marea logs NAME --delete"},
      {words(Text::disk_whole), bytes({"used"}), most_disk, ""}};
  std::string names;
  for (const auto& row : rows) names += row.front() + "\n";
  verb.console.data(format == Format::name ? names
                                           : print_table({words(Text::head_what), words(Text::head_bytes),
                                                          words(Text::head_most), words(Text::head_freed_by)},
                                                         rows));
  return Exit::ok;
}

}  // namespace marea::app
