// What may stand next on a command line, from the command table: verbs, options, values, names that the platform knows.
// Shells ask through the hidden verb `complete` (cli_completion.cc); all that differs between them is how they show it.
// Pure but for layouts (folders of this machine); the platform is asked through `ask`.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "app/cli_commands.h"

namespace marea::app {

struct Candidate {
  std::string text;
  std::string about;  // one line for people, may be empty
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

struct Completion {
  enum class Paths { none, files, directories };  // the shell knows its own paths better
  std::vector<Candidate> candidates;
  Paths paths = Paths::none;
};

// The words before the one that is typed.
struct TypedLine {
  const CommandSpec* command = nullptr;
  std::map<std::string, std::string, std::less<>> options;  // "--server" → its value; a switch has ""
  std::vector<std::string> positionals;

  // The service that the line is about, "" when it names none.
  std::string service() const;
};

// Names of services, revisions, instances, images or tags; nothing when the platform does not answer.
using Ask = std::function<std::vector<Candidate>(Completes what, const TypedLine& line)>;

// `words` are those after the program's name; the last one is being typed and may be empty.
Completion complete(std::span<const std::string> words, const Words& language, const Ask& ask);

}  // namespace marea::app
