// What marea-sim (sim/main.cc) runs: a world is a function from a seed to a verdict, nothing else. It has its own
// timeline, its own dice, and looks at its invariants after every event.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace marea::sim {

enum class Ending {
  passed,
  stuck,  // the world did not come to rest: something waits for ever
  wrong,  // an invariant does not hold
};

struct Verdict {
  Ending ending = Ending::passed;
  std::string what;                  // when it did not pass: which invariant, and when; else a summary, may be empty
  std::vector<double> figures = {};  // what adds up over runs, element by element; may be empty
};

struct World {
  std::string_view name;
  std::string_view purpose;
  // `trace` gets a line per event, or is null. Whatever is thrown counts as a crash.
  Verdict (*run)(std::uint64_t seed, std::ostream* trace);
  // What only many runs can tell, from their figures added up; null when there is nothing.
  Verdict (*conclude)(const std::vector<double>& sums, std::uint64_t runs) = nullptr;
};

}  // namespace marea::sim
