// Help from the command table, and the verbs that print it.
#include <algorithm>

#include "app/cli_codes.h"
#include "app/cli_verbs.h"
#include "app/version.h"
#include "model/names.h"

namespace marea::app {
namespace {

constexpr std::size_t kWidestLeft = 34;  // of two columns; what is wider has the line to itself

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string in_columns(const Lines& lines) {
  std::size_t widest = 0;
  for (const auto& [left, right] : lines) {
    if (width_of(left) <= kWidestLeft) widest = std::max(widest, width_of(left));
  }
  const std::size_t column = widest + 4;
  std::string out;
  for (const auto& [left, right] : lines) {
    out += "  " + left;
    if (width_of(left) > widest) {
      out += "\n" + std::string(column, ' ');
    } else {
      out.append(column - 2 - width_of(left), ' ');
    }
    out += wrapped(right, column) + "\n";
  }
  return out;
}

std::string title_of(const CommandSpec& command, const Words& words) {
  return fmt::format("{} [{}]", command.usage(), words.raw(Text::help_options));
}

std::string summary_of(const CommandSpec& command, const Words& words) {
  std::string out(words.raw(command.summary));
  if (command.detail) out += fmt::format(". {}", words.raw(*command.detail));
  return out;
}

// What a stable code means; nothing when it is none.
std::optional<std::string> help_of_code(const std::string& name, const Words& words) {
  std::string upper;
  for (const char c : name) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  for (const base::ErrorCode code : base::error_codes()) {
    if (base::to_string(code) != upper) continue;
    const CodeTexts texts = texts_of(code);
    return fmt::format("{}: {}\n  → {}\n  {}\n", upper, words.raw(texts.meaning), words.raw(texts.remedy),
                       words(Text::code_exits, static_cast<int>(exit_of(code))));
  }
  return std::nullopt;
}

Json json_of(const OptionSpec& spec) {
  Json out = {{"name", spec.name},
              {"help", {{"en", Words(Language::en).raw(spec.help)}, {"es", Words(Language::es).raw(spec.help)}}}};
  if (spec.letter != '\0') out["letter"] = std::string(1, spec.letter);
  if (!spec.value.empty()) out["value"] = spec.value;
  out["repeats"] = spec.repeats();
  return out;
}

Json json_of(const CommandSpec& command) {
  Json options = Json::array();
  for (const OptionSpec& spec : command.options) options.push_back(json_of(spec));
  return {
      {"name", command.name},
      {"usage", command.usage()},
      {"summary", {{"en", summary_of(command, Words(Language::en))}, {"es", summary_of(command, Words(Language::es))}}},
      {"options", std::move(options)}};
}

Json json_of_codes() {
  Json out = Json::array();
  for (const base::ErrorCode code : base::error_codes()) {
    const CodeTexts texts = texts_of(code);
    const Words en(Language::en);
    const Words es(Language::es);
    out.push_back({{"code", base::to_string(code)},
                   {"exit", static_cast<int>(exit_of(code))},
                   {"meaning", {{"en", en.raw(texts.meaning)}, {"es", es.raw(texts.meaning)}}},
                   {"remedy", {{"en", en.raw(texts.remedy)}, {"es", es.raw(texts.remedy)}}}});
  }
  return out;
}

Json json_of_exits() {
  Json out = Json::array();
  for (const Exit exit : kExits) {
    const Text text = text_of_exit(exit);
    out.push_back({{"exit", static_cast<int>(exit)},
                   {"meaning", {{"en", Words(Language::en).raw(text)}, {"es", Words(Language::es).raw(text)}}}});
  }
  return out;
}

}  // namespace

std::string option_form(const OptionSpec& spec) {
  std::string out = spec.letter == '\0' ? "    " : fmt::format("-{}, ", spec.letter);
  out += spec.name;
  if (!spec.value.empty()) out += fmt::format(" {}", spec.value);
  return out;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const std::size_t wide = width_of(word);
    if (!out.empty() && column + 1 + wide > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!out.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += wide;
  }
  return out;
}

std::string CommandSpec::usage() const {
  std::string out = "marea " + std::string(name);
  for (const PositionalSpec& spec : positionals) {
    out += spec.required ? fmt::format(" {}", spec.name) : fmt::format(" [{}]", spec.name);
    if (spec.repeats) out += "…";
  }
  return out;
}

std::string help_of(const CommandSpec& command, const Words& words) {
  Lines lines;
  for (const OptionSpec& spec : command.options) lines.emplace_back(option_form(spec), words.raw(spec.help));
  return fmt::format("{}\n\n{}\n\n{}:\n{}", title_of(command, words), wrapped(summary_of(command, words), 0),
                     words.raw(Text::help_options_title), in_columns(lines));
}

std::string help_of_all(const Words& words) {
  Lines lines;
  for (const CommandSpec& command : commands()) {
    if (!command.hidden) lines.emplace_back(command.usage(), words.raw(command.summary));
  }
  return fmt::format("{}\n\n{}\n{}\n", wrapped(words.raw(Text::help_first), 0), in_columns(lines),
                     wrapped(words.raw(Text::help_last), 0));
}

Outcome<Exit> print_help(Verb& verb) {
  const std::string& first = verb.arguments.positional(0);
  const std::string& second = verb.arguments.positional(1);
  const std::string name = second.empty() ? first : first + " " + second;
  if (name.empty()) {
    verb.console.data(help_of_all(verb.words()));
    return Exit::ok;
  }
  if (const std::optional<std::string> code = help_of_code(name, verb.words())) {
    verb.console.data(*code);
    return Exit::ok;
  }
  bool found = false;
  for (const CommandSpec& command : commands()) {
    if (command.name != name && command.noun() != name) continue;
    verb.console.data((found ? "\n" : "") + help_of(command, verb.words()));
    found = true;
  }
  if (!found) return give_up(usage_failure(verb.words()(Text::unknown_verb, name), verb.words()(Text::see_help, "")));
  return Exit::ok;
}

Outcome<Exit> print_commands(Verb& verb) {
  const Format format = verb.arguments.format();
  Json items = Json::array();
  std::string names;
  Lines lines;
  for (const CommandSpec& command : commands()) {
    if (command.hidden) continue;
    items.push_back(json_of(command));
    names += std::string(command.name) + "\n";
    lines.emplace_back(command.name, verb.words().raw(command.summary));
  }
  if (format == Format::json || format == Format::yaml) {
    const Json all = {{"items", std::move(items)}, {"codes", json_of_codes()}, {"exits", json_of_exits()}};
    verb.console.data(print_value(all, format));
  } else {
    verb.console.data(format == Format::name ? names : in_columns(lines));
  }
  return Exit::ok;
}

Outcome<Exit> print_version(Verb& verb) {
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value({{"version", kVersion}}, format));
  } else {
    verb.console.data(fmt::format("{}{}\n", format == Format::name ? "" : "marea ", kVersion));
  }
  return Exit::ok;
}

}  // namespace marea::app
