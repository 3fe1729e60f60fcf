// What many runs showed, as text of at most 100 columns, and which bounds they break.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/releases/interval.h"
#include "sim/releases/scenario.h"
#include "sim/releases/tally.h"

namespace marea::sim::releases {

// All rules on one scenario.
struct Row {
  const Scenario* scenario = nullptr;
  Tally marea;
  Tally thresholds;
  Tally naive;
  Tally twin;  // marea with a canary at the promotion tolerance; of scenarios that have one
};

std::string table_of(std::span<const Row> rows);

struct Bound {
  std::string what;  // with the figures that it was judged by
  Finding finding = Finding::too_few;
};
std::vector<Bound> bounds_of(std::span<const Row> rows);

}  // namespace marea::sim::releases
