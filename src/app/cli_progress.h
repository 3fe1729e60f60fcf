// How far an upload and a build are, on a terminal: one line that is drawn anew, at most ten times a second. Elsewhere
// uploads are said once and a build's lines are plain.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "app/cli_console.h"
#include "base/clock.h"

namespace marea::app {

class Progress {
 public:
  Progress(Console& console, const base::Clock& clock) : console_(console), clock_(clock), began_(clock.now()) {}

  // `bytes` of `all` are sent; `what` is the same for the whole upload.
  void sent(std::string_view what, std::int64_t bytes, std::int64_t all);
  // One line of a build: on a terminal "STEP 2/7: RUN …" is the step, and what comes after it its detail.
  void build_line(const std::string& line);

 private:
  void draw(std::string_view detail, bool always);

  Console& console_;
  const base::Clock& clock_;
  base::Instant began_;  // of the step
  base::Instant drawn_{};
  std::string step_;
};

}  // namespace marea::app
