// The words of one command line, checked against the command table (cli_commands.h). Reading is CLI11's work; what is
// wrong is said in the user's language, with the command's own help as the next step.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/cli_failure.h"
#include "app/cli_output.h"
#include "app/cli_text.h"

namespace marea::app {

enum class ValueKind {
  none,     // a switch
  word,     // any text
  any,      // any text, even one that begins with "-"; may be given again: each is one more element
  pairs,    // NAME=VALUE, may be given again
  count,    // an integer from 0
  port,     // 1 to 65535
  seconds,  // "90", "90s", "5m", "1h"
  choice,   // one of the words that OptionSpec::value lists: "on|off"
};

// What the value of an option or a word may be, for completion (cli_complete.h).
enum class Completes {
  nothing,
  services,
  revisions,
  shares,  // REVISION=
  tagged,  // TAG=REVISION, after the "="
  tags,    // of the service
  instances,
  releases,  // or services: of each its newest
  experiments,
  policies,    // of releases
  strategies,  // the same, and those that every installation has
  images,      // of the platform's store
  layouts,     // oci:DIR, or one of images
  files,
  directories,
  limits,  // LIMIT=
  verbs,   // of this program, and codes of errors
  itself,  // the words that the positional's name lists: "bash|zsh|fish"
};

struct OptionSpec {
  std::string_view name;  // "--port"
  char letter = '\0';     // 'f' of -f
  ValueKind kind = ValueKind::none;
  std::string_view value;  // what stands for the value in the help: "N"; of a choice "on|off"
  Text help;
  Completes completes = Completes::nothing;

  bool repeats() const { return kind == ValueKind::any || kind == ValueKind::pairs; }
};

struct PositionalSpec {
  std::string_view name;  // "NAME", as the help prints it
  bool required = true;
  Completes completes = Completes::nothing;
  bool repeats = false;  // the last one only
};

// "on", "off" of "on|off".
std::vector<std::string_view> choices_of(std::string_view listed);

class Arguments {
 public:
  // Only names that the command's table has; any other is a bug. Absent: nothing.
  bool has(std::string_view option) const { return values_.contains(option); }
  std::optional<std::string> text(std::string_view option) const;
  std::vector<std::string> all(std::string_view option) const;
  std::optional<std::int64_t> number(std::string_view option) const;  // count, port, seconds: already checked
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view option) const;
  Format format() const;  // of -o; a table unless given
  // Absent ones are empty.
  const std::string& positional(std::size_t index) const;
  // All of them from that one on.
  std::span<const std::string> positionals_from(std::size_t index) const;

 private:
  friend Outcome<Arguments> read_arguments(std::span<const OptionSpec> options,
                                           std::span<const PositionalSpec> positionals, std::vector<std::string> words,
                                           const Words& language);
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> positionals_;
};

Outcome<Arguments> read_arguments(std::span<const OptionSpec> options, std::span<const PositionalSpec> positionals,
                                  std::vector<std::string> words, const Words& language);

// "90", "90s", "5m", "1h" as seconds.
std::optional<std::int64_t> read_seconds(std::string_view text);

// The option of "--port", "--port=80", "-o", "-o=json"; null: none of them.
const OptionSpec* find_option(std::span<const OptionSpec> options, std::string_view word);
// Whether the word after this one is its value.
bool takes_next(std::span<const OptionSpec> options, std::string_view word);

// The one of `known` that somebody who wrote `word` probably meant; "" when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

// A usage error without a better place.
Failure usage_failure(std::string what, std::string remedy);

}  // namespace marea::app
