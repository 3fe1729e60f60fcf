// experiments watch, end. The other verbs are those of all objects (cli_objects.cc).
#include <thread>

#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "app/cli_view_experiments.h"
#include "base/clock.h"

namespace marea::app {
namespace {

constexpr base::Duration kBetweenLooks = std::chrono::seconds(1);        // router tells so often
constexpr base::Duration kExperimentSilence = std::chrono::seconds(15);  // a role that restarts is back within seconds

void print_experiment(Verb& verb, const Json& experiment) {
  const Format format = verb.arguments.format();
  if (format == Format::name) verb.console.data(name_of(experiment) + "\n");
  if (format == Format::json || format == Format::yaml) verb.console.data(print_value(experiment, format));
}

// A line of numbers or a sentence that were not there before: data of a table, else for people beside the data.
void tell_news(Verb& verb, const std::string& line, std::string& told) {
  if (line.empty() || line == told) return;
  told = line;
  if (verb.arguments.format() == Format::table) {
    verb.console.data(line + "\n");
  } else {
    verb.console.say(line);
  }
}

}  // namespace

Outcome<Exit> watch_experiment(Verb& verb) {
  const std::string& name = verb.arguments.positional(0);
  const base::SystemClock clock;
  base::Instant answered = clock.now();
  std::string counts;
  std::string summary;
  bool seen = false;
  for (;;) {
    const Outcome<Json> experiment = get_object(verb, "experiments", name);
    if (!experiment) {
      const bool silent = experiment.error().error.code == base::ErrorCode::unavailable;
      if (!seen || !silent || clock.now() - answered > kExperimentSilence) return std::unexpected(experiment.error());
    } else {
      seen = true;
      answered = clock.now();
      tell_news(verb, counts_of(*experiment, verb.words()), counts);
      tell_news(verb, summary_of(*experiment, verb.words()), summary);
      if (text_at(*experiment, {"status", "phase"}) == "ended") {
        const std::string cause = text_at(*experiment, {"status", "cause"});
        verb.console.say(Text::experiment_ended, name, cause);
        print_experiment(verb, *experiment);
        return cause == "guardrail" ? Exit::rolled_back : Exit::ok;
      }
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

Outcome<Exit> end_experiment(Verb& verb) {
  const std::string& name = verb.arguments.positional(0);
  Json body = Json::object();
  if (const auto reason = verb.arguments.text("--reason")) body["reason"] = *reason;
  if (const auto arm = verb.arguments.text("--promote")) body["promote"] = *arm;
  const Outcome<Json> known = get_object(verb, "experiments", name);
  if (!known) return std::unexpected(known.error());
  const Outcome<Answer> answer = verb.api.send(
      {.method = "POST", .path = fmt::format("{}/{}/end", kExperiments, escape(name)), .body = body.dump()});
  if (!answer) return std::unexpected(answer.error());
  const Json now = answer->json();
  verb.console.say(Text::experiment_ended, name, text_at(now, {"status", "cause"}));
  if (verb.arguments.format() == Format::table) {
    verb.console.data(summary_of(now, verb.words()) + "\n");
  } else {
    print_experiment(verb, now);
  }
  return Exit::ok;
}

}  // namespace marea::app
