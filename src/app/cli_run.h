// One command line from its words to its exit code, with the world passed in: what tests drive, and what main() runs.
#pragma once

#include <string>
#include <vector>

#include "app/cli_console.h"

namespace marea::app {

struct CliEnvironment {
  std::string server;  // MAREA_SERVER
  std::string data;    // MAREA_DATA
};

// `words` are without the program's name.
int run_words(const std::vector<std::string>& words, const CliEnvironment& environment, Console& console);

}  // namespace marea::app
