// Picks the verb or role that argv names and runs it; the exit codes are those of docs/cli.md.
#pragma once

namespace marea::app {

int run(int argc, char** argv);

}  // namespace marea::app
