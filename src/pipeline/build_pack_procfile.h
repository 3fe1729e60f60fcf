// A Procfile (Heroku's form): one process a line, `NAME: COMMAND`; blank lines and `#` comments. Commands are what a
// shell takes. Pure; errors name the line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace marea::pipeline {

struct ProcfileEntry {
  std::string name;
  std::string command;
  int line = 0;
};

base::Result<std::vector<ProcfileEntry>> read_procfile(std::string_view text);

// Valid UTF-8 without control characters; the tab will do.
bool is_plain_text(std::string_view line);

// One command of words, variables and quotes: no `;`, `&`, `|`, `<`, `>`, `(`, backtick, backslash, no assignment or
// word of the shell's own in front. Such a one may follow `exec`, so that the app gets the signals itself.
bool is_single_command(std::string_view command);

// The words of a command that needs no shell; empty when it has variables, quotes, patterns or more than one command.
std::vector<std::string> words_of_command(std::string_view command);

// The argument vector that runs it.
std::vector<std::string> argv_of_command(const std::string& command);

// Whether a command names something in the folder: "build/x" and "./build/x" do, "rebuild/x" and "build" do not.
bool names_folder(std::string_view command, std::string_view folder);

}  // namespace marea::pipeline
