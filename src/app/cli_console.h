// Where a verb speaks: data goes to `out`, everything else to `err`, so that a pipe sees only data. Colour is used only
// when asked for (a terminal, and no NO_COLOR); there are no spinners, so a log file reads like the screen.
#pragma once

#include <ostream>
#include <string_view>

#include "app/cli_failure.h"
#include "app/cli_text.h"

namespace marea::app {

class Console {
 public:
  Console(std::ostream& out, std::ostream& err, Words words, bool colour)
      : out_(out), err_(err), words_(words), colour_(colour) {}

  const Words& words() const { return words_; }
  // Data; the newline is the caller's.
  void data(std::string_view text);
  // One plain line on stderr.
  void say(std::string_view line);
  template <class... Values>
  void say(Text text, const Values&... values) {
    say(words_(text, values...));
  }
  // One of the platform's notices (a Warning header).
  void notice(std::string_view text);
  // All four parts of the failure; answers its exit code.
  int report(Failure failure);

 private:
  std::string_view paint(std::string_view escape) const { return colour_ ? escape : std::string_view{}; }

  std::ostream& out_;
  std::ostream& err_;
  Words words_;
  bool colour_;
};

// The terminal's: stderr decides about colour.
bool wants_colour();

}  // namespace marea::app
