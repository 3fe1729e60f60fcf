// What would change a release's verdict, as a sentence in the user's language, made of the numbers that the platform
// tells (docs/api.md: evidence.distances). Pure.
#pragma once

#include <string>

#include "app/cli_release_report.h"
#include "app/cli_text.h"

namespace marea::app {

// In English, and where the platform told no numbers, its own sentence.
std::string what_would_change(const ReleaseReport& report, const Words& words);

}  // namespace marea::app
