// logs NAME [-f].
#include "app/cli_verbs.h"

namespace marea::app {
namespace {

constexpr int kTailOfFollow = 10;  // as tail -f

std::string logs_path(const Arguments& arguments) {
  std::string out = fmt::format("{}/logs?service={}", kMarea, escape(arguments.positional(0)));
  if (const auto revision = arguments.text("--revision")) out += "&revision=" + escape(*revision);
  if (const auto instance = arguments.text("--instance")) out += "&instance=" + escape(*instance);
  if (const auto container = arguments.text("--container")) out += "&container=" + escape(*container);
  if (arguments.has("--requests")) out += "&requests=1";
  const bool follow = arguments.has("--follow");
  if (const auto tail = arguments.number("--tail")) {
    out += fmt::format("&tail={}", *tail);
  } else if (follow) {
    out += fmt::format("&tail={}", kTailOfFollow);
  }
  return follow ? out + "&follow=1" : out;
}

// A record of a request: what people look for first; a program takes all of it.
std::string shown_request(const Json& record, std::string_view line, Format format) {
  if (format == Format::json) return std::string(line) + "\n";
  if (format == Format::yaml) return "---\n" + print_value(record, format);
  if (format == Format::name) return text_at(record, {"id"}) + "\n";
  std::string out = fmt::format("{} {} {} {} {} us {}", text_at(record, {"time"}), text_at(record, {"status"}),
                                text_at(record, {"method"}), text_at(record, {"path"}), text_at(record, {"total_us"}),
                                text_at(record, {"instance"}));
  if (record.contains("cold")) out += " cold";
  for (const std::string_view key : {"reason", "why"}) {
    if (const std::string text = text_at(record, {key}); !text.empty()) out += " " + text;
  }
  return out + "\n";
}

// The app's own line; what is no JSON object (a newer platform) passes as it is.
std::string shown_line(std::string_view line, Format format) {
  const Json record = Json::parse(line, nullptr, false);
  if (record.is_object() && record.contains("total_us")) return shown_request(record, line, format);
  if (!record.is_object() || !record.contains("text")) return std::string(line) + "\n";
  if (format == Format::json) return std::string(line) + "\n";
  if (format == Format::yaml) return "---\n" + print_value(record, format);
  if (format == Format::name) return text_at(record, {"instance"}) + "\n";
  std::string who = text_at(record, {"instance"});
  if (const std::string sidecar = text_at(record, {"container"}); !sidecar.empty()) who += "/" + sidecar;
  return fmt::format("{} {} {}\n", text_at(record, {"time"}), who, text_at(record, {"text"}));
}

}  // namespace

Outcome<Exit> print_logs(Verb& verb) {
  const std::string& name = verb.arguments.positional(0);
  if (verb.arguments.has("--delete")) {
    const Outcome<Answer> gone =
        verb.api.send({.method = "DELETE", .path = fmt::format("{}/logs?service={}", kMarea, escape(name))});
    if (!gone) return std::unexpected(gone.error());
    verb.console.say(Text::deleted, "logs", name);
    return Exit::ok;
  }
  // A wrong name must not look like a quiet service.
  const Outcome<Json> service = get_object(verb, "services", name);
  if (!service) return std::unexpected(service.error());
  const Format format = verb.arguments.format();
  const Outcome<Answer> answer =
      verb.api.send({.path = logs_path(verb.arguments), .on_line = [&](std::string_view line) {
                       if (!line.empty()) verb.console.data(shown_line(line, format));
                       return true;
                     }});
  if (!answer) return std::unexpected(answer.error());
  return Exit::ok;
}

}  // namespace marea::app
