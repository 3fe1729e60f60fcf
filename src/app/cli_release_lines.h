// A release as plain lines for logs and pipes: one for each change (a line of its history, a verdict), and one every
// ten seconds that tells how far it is. What is new with a step or a verdict, and how far it is, have the evidence:
// each test against its limit, the latencies of both arms, what would change the verdict. Pure: the clock is passed in.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "app/cli_release_report.h"
#include "app/cli_text.h"

namespace marea::app {

inline constexpr base::Duration kProgressEvery = std::chrono::seconds(10);

class ReleaseLines {
 public:
  // Those that are new, in their order, each with its time. A verdict is a line where the history has none of it.
  std::vector<std::string> news(const ReleaseReport& report, const Words& words, base::Instant now,
                                base::WallTime wall);

 private:
  std::size_t told_ = 0;  // of the history
  std::string verdict_;
  std::string weight_;
  bool owed_ = false;  // the evidence, to the next line
  base::Instant quiet_since_{};
  bool begun_ = false;
};

}  // namespace marea::app
