// Experiments as rows and pairs, for cli_view.cc.
#pragma once

#include "app/cli_view.h"

namespace marea::app {

inline constexpr std::string_view kExperiments = "/apis/marea.dev/v1/experiments";

View experiments_view();

// The sentence of what it shows, in the language of the words.
std::string summary_of(const Json& experiment, const Words& words);
// "old 50% 1204 users …; new …": of the arms that are compared.
std::string counts_of(const Json& experiment, const Words& words);

}  // namespace marea::app
