// history NAME --at|--since, whatran --request ID, changes NAME: what served when, what ran a request, what changed.
#include "app/cli_timeline.h"

#include <utility>

#include "app/cli_moment.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"

namespace marea::app {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Rows = std::vector<std::vector<std::string>>;

std::string history_path(const std::string& name, std::string_view what) {
  return fmt::format("{}/services/{}/{}", kMarea, escape(name), what);
}

std::string joined(const Json* list, std::string_view between) {
  std::string out;
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& each : *list) {
    if (each.is_string()) out += (out.empty() ? "" : std::string(between)) + each.get<std::string>();
  }
  return out;
}

// "vip → hola-2, old → hola-1"
std::string ways_of(const Json& line, std::string_view name) {
  std::string out;
  const Json* ways = find(line, {name});
  if (ways == nullptr || !ways->is_array()) return out;
  for (const Json& each : *ways) {
    out += fmt::format("{}{} → {}", out.empty() ? "" : ", ", text_at(each, {"name"}), text_at(each, {"to"}));
  }
  return out;
}

std::string printed_split(const Json& line) {
  std::string out;
  const Json* split = find(line, {"split"});
  if (split == nullptr || !split->is_array()) return out;
  for (const Json& each : *split) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", text_at(each, {"revision"}), text_at(each, {"percent"}));
  }
  return out;
}

std::string who_of(const Json& line) {
  const std::string who = text_at(line, {"who"});
  return who.empty() ? text_at(line, {"actor"}) : who;
}

// The ladder's steps are counted from 1 where people read them.
std::string release_of(const Json& release, std::string_view name, const Words& words) {
  const std::string id = text_at(release, {name});
  const auto step = read_seconds(text_at(release, {"step"}));
  return id.empty() || !step ? id : words(Text::label_release_step, id, *step + 1);
}

Rows share_rows(const Json& line) {
  Rows out;
  const Json* split = find(line, {"split"});
  if (split == nullptr || !split->is_array()) return out;
  for (const Json& each : *split) {
    out.push_back({text_at(each, {"revision"}), text_at(each, {"percent"}), in_short(text_at(each, {"digest"})),
                   text_at(each, {"commit"}).substr(0, kShownCommit)});
  }
  return out;
}

void print_items(Verb& verb, const Json& answer, const std::vector<Text>& header,
                 std::vector<std::string> (*row)(const Json&)) {
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value(answer, format));
    return;
  }
  if (const std::string lost = text_at(answer, {"lost"}); !lost.empty() && lost != "0") {
    verb.console.say(Text::history_lost, lost);
  }
  Rows rows;
  for (const Json& item : items_of(answer)) {
    if (format == Format::name) verb.console.data(text_at(item, {"time"}) + "\n");
    rows.push_back(row(item));
  }
  if (rows.empty()) verb.console.say(Text::history_none);
  if (format == Format::name || rows.empty()) return;
  std::vector<std::string> titles;
  titles.reserve(header.size());
  for (const Text each : header) titles.push_back(verb.words()(each));
  verb.console.data(print_table(titles, rows));
}

}  // namespace

std::string print_instant(const Json& instant, const Words& words) {
  const Json* dividing = find(instant, {"dividing"});
  Pairs pairs = {{words(Text::label_service), text_at(instant, {"service"})},
                 {words(Text::label_at), text_at(instant, {"at"})},
                 {words(Text::label_since), text_at(instant, {"time"})},
                 {words(Text::label_confirmed), text_at(instant, {"confirmed"})},
                 {words(Text::label_cause), text_at(instant, {"cause"})},
                 {words(Text::label_who), who_of(instant)},
                 {words(Text::label_why), text_at(instant, {"why"})},
                 {words(Text::label_changed), joined(find(instant, {"changed"}), "; ")},
                 {words(Text::label_release), dividing == nullptr ? "" : release_of(*dividing, "release", words)},
                 {words(Text::label_proof), text_at(instant, {"proof"})},
                 {words(Text::label_rules), ways_of(instant, "rules")},
                 {words(Text::label_tags), ways_of(instant, "tags")}};
  std::string out = print_pairs(pairs);
  if (const Rows rows = share_rows(instant); !rows.empty()) {
    out += "\n" + print_table({words(Text::head_revision), words(Text::head_part), words(Text::head_digest),
                               words(Text::head_source)},
                              rows);
  }
  return out;
}

std::string print_what_ran(const Json& ran, const Words& words) {
  const Json* deploy = find(ran, {"deploy"});
  const Json none = Json::object();
  const Json& asked = deploy == nullptr ? none : *deploy;
  const Json* release = find(ran, {"release"});
  const std::string answer = fmt::format("{} {} → {}", text_at(ran, {"record", "method"}),
                                         text_at(ran, {"record", "path"}), text_at(ran, {"record", "status"}));
  std::string why = text_at(ran, {"why"});
  if (const std::string reason = text_at(ran, {"reason"}); !reason.empty()) why = reason + ": " + why;
  return print_pairs({{words(Text::label_request), text_at(ran, {"request"})},
                      {words(Text::label_at), text_at(ran, {"time"})},
                      {words(Text::label_answer), answer},
                      {words(Text::label_reason), why},
                      {words(Text::label_service), text_at(ran, {"service"})},
                      {words(Text::label_revision), text_at(ran, {"revision"})},
                      {words(Text::label_digest), text_at(ran, {"image"})},
                      {words(Text::label_source), text_at(ran, {"sourceCommit"})},
                      {words(Text::label_split), text_at(ran, {"split"})},
                      {words(Text::label_release), release == nullptr ? "" : release_of(*release, "name", words)},
                      {words(Text::label_experiment), text_at(ran, {"experiment"})},
                      {words(Text::label_arm), text_at(ran, {"arm"})},
                      {words(Text::label_rule), text_at(ran, {"rule"})},
                      {words(Text::label_deployed), text_at(asked, {"time"})},
                      {words(Text::label_who), deploy == nullptr ? "" : who_of(asked)},
                      {words(Text::label_why), text_at(asked, {"why"})},
                      {words(Text::label_changed), joined(find(asked, {"changed"}), "; ")}});
}

Outcome<Exit> show_instant(Verb& verb, const std::string& name, const std::string& at) {
  const Outcome<Json> instant = verb.api.get(history_path(name, "history?at=" + at));
  if (!instant) return std::unexpected(instant.error());
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value(*instant, format));
    return Exit::ok;
  }
  if (text_at(*instant, {"certain"}) == "false") verb.console.say(Text::history_uncertain);
  if (format == Format::table) {
    verb.console.data(print_instant(*instant, verb.words()));
    return Exit::ok;
  }
  for (const std::vector<std::string>& row : share_rows(*instant)) verb.console.data(row.front() + "\n");
  return Exit::ok;
}

Outcome<Exit> show_timeline(Verb& verb, const std::string& name, const std::string& since) {
  const Outcome<Json> history = verb.api.get(history_path(name, "history?since=" + since));
  if (!history) return std::unexpected(history.error());
  print_items(verb, *history, {Text::head_when, Text::head_cause, Text::head_split, Text::head_who, Text::head_why},
              [](const Json& line) -> std::vector<std::string> {
                return {text_at(line, {"time"}), text_at(line, {"cause"}), printed_split(line), who_of(line),
                        text_at(line, {"why"})};
              });
  return Exit::ok;
}

Outcome<Exit> show_changes(Verb& verb) {
  const auto since =
      moment_of(verb.arguments.text("--since").value_or(std::string(kChangesSince)), "--since", verb.words());
  if (!since) return std::unexpected(since.error());
  const Outcome<Json> changes =
      verb.api.get(history_path(verb.arguments.positional(0), "changes?since=" + since->value()));
  if (!changes) return std::unexpected(changes.error());
  print_items(verb, *changes, {Text::head_when, Text::head_event, Text::head_what, Text::head_who, Text::head_why},
              [](const Json& change) -> std::vector<std::string> {
                std::string what = text_at(change, {"what"});
                if (const std::string changed = joined(find(change, {"changed"}), "; "); !changed.empty()) {
                  what += ": " + changed;
                }
                if (const std::string split = text_at(change, {"split"}); !split.empty()) what += " (" + split + ")";
                return {text_at(change, {"time"}), text_at(change, {"kind"}), what, text_at(change, {"who"}),
                        text_at(change, {"why"})};
              });
  return Exit::ok;
}

Outcome<Exit> show_what_ran(Verb& verb) {
  const auto id = verb.arguments.text("--request");
  if (!id) return give_up(usage_failure(verb.words()(Text::no_request_id), verb.words()(Text::see_help, " whatran")));
  const auto around = moment_of(verb.arguments.text("--around"), "--around", verb.words());
  if (!around) return std::unexpected(around.error());
  std::string path = fmt::format("{}/whatran?request={}", kMarea, escape(*id));
  if (*around) path += "&around=" + **around;
  const Outcome<Json> ran = verb.api.get(path);
  if (!ran) return std::unexpected(ran.error());
  switch (verb.arguments.format()) {
    case Format::json:
    case Format::yaml: verb.console.data(print_value(*ran, verb.arguments.format())); break;
    case Format::name: verb.console.data(text_at(*ran, {"revision"}) + "\n"); break;
    case Format::table: verb.console.data(print_what_ran(*ran, verb.words())); break;
  }
  return Exit::ok;
}

}  // namespace marea::app
