// The command table: every verb with its words, options and texts, once. Reading arguments, help, completion
// (cli_complete.h), the manual (cli_man.cc) and the verbs of docs/cli.md come from it, in both languages.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli_arguments.h"
#include "app/cli_client.h"
#include "app/cli_console.h"
#include "app/cli_failure.h"

namespace marea::app {

struct CommandSpec;

// What a verb works with.
struct Verb {
  const CommandSpec& command;
  const Arguments& arguments;
  Console& console;
  ApiClient& api;

  const Words& words() const { return console.words(); }
};

struct CommandSpec {
  std::string_view name;  // "services describe": one or two words
  std::vector<PositionalSpec> positionals;
  std::vector<OptionSpec> options;  // with those that all verbs have
  Text summary;
  Outcome<Exit> (*run)(Verb& verb);
  std::optional<Text> detail = std::nullopt;
  bool hidden = false;  // for programs: no list shows it

  std::string_view noun() const { return name.substr(0, name.find(' ')); }
  // Of a verb that asks the platform, --server or --data say where it is.
  bool asks_platform() const;
  std::string usage() const;  // "marea services describe NAME [options]"
};

std::span<const CommandSpec> commands();

// "services": what has verbs of its own.
bool is_noun(std::string_view word);
// `marea service describe web` is what many type; the table has the plural.
std::string in_plural(std::string word);

// Those that may stand before the verb.
std::span<const OptionSpec> common_options();
// Options before the verb and their values; one more than there are words when the last one lacks its value.
std::size_t words_before_verb(std::span<const std::string> words);

struct ChosenCommand {
  const CommandSpec* command = nullptr;
  std::vector<std::string> words;  // without the verb's own
};

// Options may stand before the verb; a noun alone ("services") means its list. Failure: usage.
Outcome<ChosenCommand> choose_command(const std::vector<std::string>& words, const Words& language);

// The columns of a page: texts are broken at words, also where they are wide enough already.
inline constexpr std::size_t kPageWidth = 80;

// `text` in lines of at most `width` columns, all but the first indented.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width = kPageWidth);

std::string help_of(const CommandSpec& command, const Words& words);
std::string help_of_all(const Words& words);
// "-o, --output table|json|yaml|name".
std::string option_form(const OptionSpec& spec);

}  // namespace marea::app
