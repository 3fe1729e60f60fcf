// The platform's words of releases (phases, causes, verdicts, events) in the user's language.
#pragma once

#include <string>
#include <string_view>

#include "app/cli_text.h"

namespace marea::app {

// A word that this program does not know is given back as it is.
std::string in_language(std::string_view word, const Words& words);

}  // namespace marea::app
