// What ends a verb early: an error in four parts (what, why, remedy, where to read more), the causes with their places
// when a manifest is at fault, and the exit code that scripts branch on. Values; cli_console.h prints them.
#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace marea::app {

enum class Exit {
  ok = 0,
  failure = 1,
  usage = 2,
  not_found = 3,
  not_allowed = 4,
  conflict = 5,       // somebody else changed it, or it is there already
  deploy_failed = 6,  // and the old revision keeps serving
  rolled_back = 7,    // a release, by itself
  timeout = 8,
  interrupted = 130,
};

Exit exit_of(base::ErrorCode code);

struct Cause {
  int line = 0;  // 1-based; 0: unknown
  int column = 0;
  std::string field;
  std::string message;
};

// "FILE:LINE:COL: field: message", without what is unknown.
std::string to_string(const Cause& cause, const std::string& file);

struct Failure {
  base::Error error;
  std::vector<Cause> causes;
  std::string file;                 // what the causes' places are in; empty: no file
  std::vector<std::string> quoted;  // lines of an app or of a build, shown as they are
  Exit exit = Exit::failure;
};

template <class T>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> give_up(Failure failure) {
  return std::unexpected<Failure>(std::move(failure));
}
// With the exit code that belongs to the error's code.
std::unexpected<Failure> give_up(base::Error error);

}  // namespace marea::app
