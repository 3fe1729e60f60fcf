// What each stable code and each exit code means, in the user's language: for `marea help E_CODE`, the manual and
// docs/cli.md, and for the parts that an error itself leaves open.
#pragma once

#include <array>

#include "app/cli_failure.h"
#include "app/cli_text.h"
#include "base/error.h"

namespace marea::app {

struct CodeTexts {
  Text meaning;
  Text remedy;
};

CodeTexts texts_of(base::ErrorCode code);

inline constexpr std::array kExits = {Exit::ok,          Exit::failure,    Exit::usage,         Exit::not_found,
                                      Exit::not_allowed, Exit::conflict,   Exit::deploy_failed, Exit::rolled_back,
                                      Exit::timeout,     Exit::interrupted};

Text text_of_exit(Exit exit);

// Every error that a person sees has four parts: what the error leaves out is what its code says.
void complete_parts(Failure& failure, const Words& words);

}  // namespace marea::app
