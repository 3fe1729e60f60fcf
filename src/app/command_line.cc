#include "app/command_line.h"

#include <curl/curl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli_run.h"
#include "app/keeper_main.h"
#include "app/role_main.h"

namespace marea::app {
namespace {

// What SIGINT says while a verb runs; set before the signal can come.
std::string_view interrupted_text;

extern "C" void marea_cli_interrupted(int /*signal*/) {
  const ssize_t ignored = ::write(STDERR_FILENO, interrupted_text.data(), interrupted_text.size());
  static_cast<void>(ignored);
  ::_exit(static_cast<int>(Exit::interrupted));
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// `marea logs` is a verb and a role; only keeper says --shim (role_options.h).
bool is_role(net::Role role, const std::vector<std::string>& words) {
  if (words.empty() || words[0] != net::to_string(role)) return false;
  return role != net::Role::logs || std::ranges::find(words, "--shim") != words.end();
}

}  // namespace

int run(int argc, char** argv) {
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && words[0] == "keeper") return keeper_main(argc - 2, argv + 2);
  using net::Role;
  for (const Role role : {Role::engine, Role::router, Role::control, Role::logs, Role::builder}) {
    if (is_role(role, words)) return role_main(role, argc - 2, argv + 2);
  }
  const Words language(language_of_environment());
  interrupted_text = language.raw(Text::interrupted);
  ::signal(SIGINT, marea_cli_interrupted);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  Console console(std::cout, std::cerr, language, wants_colour(), terminal_columns());
  const int code =
      run_words(words, {.server = environment("MAREA_SERVER"), .data = environment("MAREA_DATA")}, console);
  curl_global_cleanup();
  if (std::cout) return code;
  const base::Error unwritten{
      .code = base::ErrorCode::io, .what = language(Text::cannot_write), .remedy = language(Text::cannot_write_remedy)};
  return console.report({.error = unwritten});
}

}  // namespace marea::app
