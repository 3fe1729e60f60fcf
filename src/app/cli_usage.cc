// usage [NAME].
#include "app/cli_verbs.h"
#include "app/cli_view.h"

namespace marea::app {
namespace {

// Seconds with two digits; a program reads them with -o json.
std::string seconds_at(const Json& object, std::string_view key) {
  const Json* value = find(object, {key});
  return value != nullptr && value->is_number() ? fmt::format("{:.2f}", value->get<double>()) : std::string();
}

}  // namespace

Outcome<Exit> print_usage(Verb& verb) {
  std::string path = fmt::format("{}/usage", kMarea);
  if (const std::string& name = verb.arguments.positional(0); !name.empty()) path += "?service=" + escape(name);
  const Outcome<Json> list = verb.api.get(path);
  if (!list) return std::unexpected(list.error());
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value(*list, format));
    return Exit::ok;
  }
  std::vector<std::vector<std::string>> rows;
  std::string names;
  for (const Json& line : items_of(*list)) {
    rows.push_back({text_at(line, {"service"}), text_at(line, {"revision"}), text_at(line, {"since"}),
                    text_at(line, {"requests"}), seconds_at(line, "billable_seconds"),
                    seconds_at(line, "minimum_idle_seconds"), seconds_at(line, "vcpu_seconds"),
                    seconds_at(line, "memory_gib_seconds"), seconds_at(line, "cpu_seconds")});
    names += text_at(line, {"name"}) + "\n";
  }
  const Words& words = verb.words();
  verb.console.data(
      format == Format::name
          ? names
          : print_table({words(Text::head_service), words(Text::head_revision), words(Text::head_since),
                         words(Text::head_requests), words(Text::head_billable), words(Text::head_minimum_idle),
                         words(Text::head_vcpu), words(Text::head_gib), words(Text::head_cpu_used)},
                        rows));
  return Exit::ok;
}

}  // namespace marea::app
