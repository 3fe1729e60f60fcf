#include "app/cli_console.h"

#include <unistd.h>

#include <cstdlib>

#include "app/cli_codes.h"

namespace marea::app {
namespace {

constexpr std::string_view kRed = "\033[31m";
constexpr std::string_view kYellow = "\033[33m";
constexpr std::string_view kPlain = "\033[0m";

}  // namespace

void Console::data(std::string_view text) {
  out_ << text << std::flush;
}

void Console::say(std::string_view line) {
  err_ << line << '\n' << std::flush;
}

void Console::notice(std::string_view text) {
  err_ << paint(kYellow) << words_(Text::notice, text) << paint(kPlain) << '\n' << std::flush;
}

int Console::report(Failure failure) {
  complete_parts(failure, words_);
  const base::Error& error = failure.error;
  const std::string code(base::to_string(error.code));
  for (const Cause& cause : failure.causes) err_ << to_string(cause, failure.file) << '\n';
  err_ << paint(kRed) << "marea: " << error.what << paint(kPlain) << " [" << code << "]\n";
  err_ << "  " << error.why << '\n';
  for (const std::string& line : failure.quoted) err_ << "  | " << line << '\n';
  err_ << "  → " << error.remedy << '\n';
  err_ << "  " << words_(Text::read_more, code, error.more) << '\n' << std::flush;
  return static_cast<int>(failure.exit);
}

bool wants_colour() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  return (no_color == nullptr || *no_color == '\0') && !dumb && ::isatty(STDERR_FILENO) == 1;
}

}  // namespace marea::app
