// Sums of what is kept as logarithms, since evidence outgrows a double.
#pragma once

#include <algorithm>
#include <cmath>

namespace marea::decide {

// ln(e^a + e^b); one of them may be minus infinity.
inline double log_add(double a, double b) {
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}

}  // namespace marea::decide
