// Where a verb speaks: data goes to `out`, everything else to `err`, so that a pipe sees only data. Colour is used only
// when asked for (a terminal, and no NO_COLOR). What takes time is said as a step: on a terminal one line that is drawn
// anew with the time so far, elsewhere a plain line when it is new, so a log file reads like the screen.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "app/cli_failure.h"
#include "app/cli_text.h"
#include "base/clock.h"

namespace marea::app {

class Console {
 public:
  // `columns` of the terminal behind `err`; 0: there is none that could be drawn on.
  Console(std::ostream& out, std::ostream& err, Words words, bool colour, std::size_t columns = 0)
      : out_(out), err_(err), words_(words), colour_(colour), columns_(columns) {}

  const Words& words() const { return words_; }
  // Data; the newline is the caller's.
  void data(std::string_view text);
  // One plain line on stderr.
  void say(std::string_view line);
  template <class... Values>
  void say(Text text, const Values&... values) {
    say(words_(text, values...));
  }
  // What goes on now, and since when. Whatever is said next leaves it as it was drawn last. `detail` (how far it is) is
  // for a terminal alone.
  void step(std::string_view text, base::Duration elapsed, std::string_view detail = {});
  // Whether steps are drawn anew: then what a step says meanwhile may be its detail.
  bool draws() const { return columns_ > 0; }
  void end_step();
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
  std::size_t columns_;
  std::string step_;
};

// The terminal's: stderr decides about colour.
bool wants_colour();
bool is_dumb();  // TERM says that nothing can be drawn
std::size_t terminal_columns();

}  // namespace marea::app
