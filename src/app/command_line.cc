#include "app/command_line.h"

#include <cstdio>

namespace marea::app {

int run(int /*argc*/, char** /*argv*/) {
  std::fputs("marea: no verbs yet\n", stderr);
  return 2;
}

}  // namespace marea::app
