// The one entry of the program: runs the verb or the role that argv names. Verbs are in the command table
// (cli_commands.h); the roles are started by keeper alone. The exit codes are those of docs/cli.md.
#pragma once

namespace marea::app {

int run(int argc, char** argv);

}  // namespace marea::app
