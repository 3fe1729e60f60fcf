#include "app/cli_console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "app/cli_codes.h"
#include "app/cli_output.h"

namespace marea::app {
namespace {

constexpr std::string_view kRed = "\033[31m";
constexpr std::string_view kYellow = "\033[33m";
constexpr std::string_view kPlain = "\033[0m";
constexpr std::string_view kRedraw = "\r\033[K";
constexpr std::size_t kUsualColumns = 80;

// As much of the text as fits; "…" stands for the rest.
std::string first_columns(std::string_view text, std::size_t columns) {
  if (width_of(text) <= columns) return std::string(text);
  std::string out;
  std::size_t taken = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // of a code point
    if (begins && ++taken >= columns) break;
    out += c;
  }
  return out + "…";
}

}  // namespace

void Console::step(std::string_view text, base::Duration elapsed, std::string_view detail) {
  const bool fresh = text != step_;
  if (columns_ == 0) {
    if (fresh) err_ << text << '\n' << std::flush;
    step_ = text;
    return;
  }
  if (fresh) end_step();
  step_ = text;
  const std::string time =
      fmt::format(" ({:.1f} s)", std::chrono::duration_cast<std::chrono::duration<double>>(elapsed).count());
  // The last column stays free: a full line would be followed by an empty one.
  const std::size_t room = columns_ > time.size() + 1 ? columns_ - time.size() - 1 : 0;
  const std::string line = detail.empty() ? std::string(text) : fmt::format("{}: {}", text, detail);
  err_ << kRedraw << first_columns(line, room) << time << std::flush;
}

void Console::end_step() {
  if (columns_ > 0 && !step_.empty()) err_ << '\n';
  step_.clear();
}

void Console::data(std::string_view text) {
  end_step();
  out_ << text << std::flush;
}

void Console::say(std::string_view line) {
  end_step();
  err_ << line << '\n' << std::flush;
}

void Console::notice(std::string_view text) {
  end_step();
  err_ << paint(kYellow) << words_(Text::notice, text) << paint(kPlain) << '\n' << std::flush;
}

int Console::report(Failure failure) {
  complete_parts(failure, words_);
  end_step();
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

bool is_dumb() {
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) == "dumb";
}

bool wants_colour() {
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && !is_dumb() && ::isatty(STDERR_FILENO) == 1;
}

std::size_t terminal_columns() {
  if (is_dumb() || ::isatty(STDERR_FILENO) != 1) return 0;
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualColumns;
}

}  // namespace marea::app
