#include "app/cli_run.h"

#include "app/cli_commands.h"
#include "app/cli_endpoint.h"

namespace marea::app {
namespace {

// A mistake in the command line that has no better remedy: the command's help.
Failure with_help(Failure failure, const CommandSpec& command, const Words& words) {
  const bool usage = failure.error.code == base::ErrorCode::usage;
  if (usage && failure.error.remedy.empty())
    failure.error.remedy = words(Text::see_help, " " + std::string(command.name));
  return failure;
}

int run_verb(const CommandSpec& command, const Arguments& arguments, const CliEnvironment& environment,
             Console& console) {
  const Outcome<Endpoint> endpoint = find_endpoint({.server = arguments.text("--server").value_or(""),
                                                    .data = arguments.text("--data").value_or(""),
                                                    .env_server = environment.server,
                                                    .env_data = environment.data},
                                                   console.words());
  if (!endpoint && command.asks_platform() && !command.hidden) return console.report(endpoint.error());
  ApiClient api(endpoint.value_or(Endpoint{}), console.words());
  Verb verb{.command = command, .arguments = arguments, .console = console, .api = api};
  Outcome<Exit> done = command.run(verb);
  return done ? static_cast<int>(*done) : console.report(with_help(done.error(), command, console.words()));
}

}  // namespace

int run_words(const std::vector<std::string>& words, const CliEnvironment& environment, Console& console) {
  const Words& language = console.words();
  const Outcome<ChosenCommand> chosen = choose_command(words, language);
  if (!chosen) return console.report(chosen.error());
  const CommandSpec& command = *chosen->command;
  Outcome<Arguments> arguments = read_arguments(command.options, command.positionals, chosen->words, language);
  if (!arguments) {
    return console.report(with_help(arguments.error(), command, language));
  }
  if (arguments->has("--help")) {
    console.data(help_of(command, language));
    return static_cast<int>(Exit::ok);
  }
  return run_verb(command, *arguments, environment, console);
}

}  // namespace marea::app
