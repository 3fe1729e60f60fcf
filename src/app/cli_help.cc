// Help from the command table, and the verbs that print it.
#include <algorithm>

#include "app/cli_verbs.h"
#include "app/version.h"

namespace marea::app {
namespace {

std::string option_left(const OptionSpec& spec) {
  std::string out = spec.letter == '\0' ? "    " : fmt::format("-{}, ", spec.letter);
  out += spec.name;
  if (!spec.value.empty()) out += fmt::format(" {}", spec.value);
  return out;
}

}  // namespace

std::string CommandSpec::usage() const {
  std::string out = "marea " + std::string(name);
  for (const PositionalSpec& spec : positionals) {
    out += spec.required ? fmt::format(" {}", spec.name) : fmt::format(" [{}]", spec.name);
  }
  return out;
}

std::string help_of(const CommandSpec& command, const Words& words) {
  std::string out = fmt::format("{} [{}]\n\n{}\n\n{}:\n", command.usage(), words(Text::help_options),
                                words.raw(command.summary), words(Text::help_options_title));
  std::size_t widest = 0;
  for (const OptionSpec& spec : command.options) widest = std::max(widest, option_left(spec).size());
  for (const OptionSpec& spec : command.options) {
    out += fmt::format("  {:<{}}  {}\n", option_left(spec), widest, words.raw(spec.help));
  }
  return out;
}

std::string help_of_all(const Words& words) {
  std::string out = words(Text::help_first) + "\n\n";
  std::size_t widest = 0;
  for (const CommandSpec& command : commands()) widest = std::max(widest, command.usage().size());
  for (const CommandSpec& command : commands()) {
    out += fmt::format("  {:<{}}  {}\n", command.usage(), widest, words.raw(command.summary));
  }
  return out + "\n" + words(Text::help_last) + "\n";
}

Outcome<Exit> print_help(Verb& verb) {
  const std::string& first = verb.arguments.positional(0);
  const std::string& second = verb.arguments.positional(1);
  const std::string name = second.empty() ? first : first + " " + second;
  if (name.empty()) {
    verb.console.data(help_of_all(verb.words()));
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
