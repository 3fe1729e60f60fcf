// The command table: every verb with its words, options and texts, once. Reading arguments, the help in both languages
// and docs/cli.md come from it; completion and man pages can.
#pragma once

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

  std::string_view noun() const { return name.substr(0, name.find(' ')); }
  std::string usage() const;  // "marea services describe NAME [options]"
};

std::span<const CommandSpec> commands();

struct ChosenCommand {
  const CommandSpec* command = nullptr;
  std::vector<std::string> words;  // without the verb's own
};

// Options may stand before the verb; a noun alone ("services") means its list. Failure: usage.
Outcome<ChosenCommand> choose_command(const std::vector<std::string>& words, const Words& language);

std::string help_of(const CommandSpec& command, const Words& words);
std::string help_of_all(const Words& words);

}  // namespace marea::app
