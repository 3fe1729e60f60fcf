// A release on one page: the ladder with the present step, both arms, the tests against their limits, the verdict, and
// what comes next. What `releases describe` prints and `releases watch` draws anew. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "app/cli_commands.h"
#include "app/cli_release_report.h"

namespace marea::app {

struct ReleasePage {
  std::size_t columns = kPageWidth;  // no line is wider
  std::size_t lines = 0;             // 0: without bound; else of the history what fits, three at most
};
std::string print_release(const ReleaseReport& report, const Words& words, ReleasePage page = {});

// "1m18s": two units at most.
std::string short_time(base::Duration duration);

// "created by ana, canary 5%: why".
std::string history_text(const HistoryReport& line, const Words& words);

// What the release waits for and how long that may take; of one that is over its cause.
std::string what_comes_next(const ReleaseReport& report, const Words& words);

// "12.1 of 144"; empty: there is no limit.
std::string limit_text(const LimitReport& report, const Words& words);

// Of the proofs that it is good the one that is nearer to its limit.
const LimitReport& nearer_proof(const TestReport& test);

// How far an E-value is on its way to the limit, in evidence (its logarithm): 0 to 1. Of a distance the plain ratio.
double way_to_limit(const LimitReport& report, bool distance);

}  // namespace marea::app
