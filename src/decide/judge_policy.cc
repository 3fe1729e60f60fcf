#include "decide/judge_policy.h"

#include <sstream>
#include <string_view>

namespace marea::decide {

namespace {

enum class Ends : std::uint8_t { open, above_least, all };

struct Bounds {
  double least;
  double most;
  Ends ends;  // of both, which are allowed: none, the upper one, both
};

void check(std::vector<std::string>& faults, std::string_view name, double value, Bounds bounds) {
  const bool above = bounds.ends == Ends::all ? value >= bounds.least : value > bounds.least;
  const bool below = bounds.ends == Ends::open ? value < bounds.most : value <= bounds.most;
  if (above && below) return;
  std::ostringstream out;
  out << name << " is " << value << ", must be " << (bounds.ends == Ends::all ? "at least " : "above ") << bounds.least
      << " and " << (bounds.ends == Ends::open ? "below " : "at most ") << bounds.most;
  faults.push_back(out.str());
}

}  // namespace

std::vector<std::string> faults_of(const JudgePolicy& policy) {
  constexpr Bounds kError{.least = 0, .most = 0.5, .ends = Ends::open};
  constexpr Bounds kShare{.least = 0, .most = 1, .ends = Ends::open};
  constexpr double kMostFactor = 50;  // the grid of the bound on the relative risk ends at 64
  constexpr Bounds kFactor{.least = 1, .most = kMostFactor, .ends = Ends::all};
  constexpr Bounds kFactorAboveOne{.least = 1, .most = kMostFactor, .ends = Ends::above_least};
  std::vector<std::string> faults;
  check(faults, "alpha", policy.alpha, kError);
  check(faults, "beta", policy.beta, kError);
  check(faults, "harm tolerance", policy.harm_tolerance, kFactor);
  check(faults, "promotion tolerance", policy.promotion_tolerance, kFactorAboveOne);
  check(faults, "latency tolerance", policy.latency_tolerance, kFactor);
  if (policy.objective && *policy.objective <= base::Duration::zero()) {
    faults.emplace_back("objective must be longer than 0");
  }
  check(faults, "unproven limit", policy.unproven_limit, kFactorAboveOne);
  check(faults, "platform limit", policy.platform_limit, {.least = 0, .most = 1, .ends = Ends::above_least});
  check(faults, "failure limit", policy.failure_limit, kShare);
  check(faults, "slow limit", policy.slow_limit, kShare);
  if (policy.least_keys == 0) faults.emplace_back("least keys must be at least 1");
  check(faults, "sample ratio alpha", policy.sample_ratio_alpha, kError);
  return faults;
}

}  // namespace marea::decide
