#include "sim/releases/releases.h"

#include <array>
#include <cstdio>
#include <memory>
#include <ostream>
#include <string>

#include "sim/releases/marea.h"
#include "sim/releases/others.h"
#include "sim/releases/table.h"

namespace marea::sim::releases {
namespace {

constexpr std::array<const char*, 4> kRules = {"marea", "thresholds", "z-test", "marea, twice the failures"};

// Scenarios of one seed share nothing but the seed.
std::uint64_t seed_of(std::uint64_t seed, std::size_t scenario) {
  return base::SeededRandom(seed * 1000 + scenario).next();
}

std::string seconds_text(const std::optional<base::Duration>& time) {
  if (!time) return "-";
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%.2f s", static_cast<double>(time->count()) * 1e-9);
  return out.data();
}

std::string line_of(const Scenario& scenario, const char* rule, const CourseEnd& end) {
  const Standing& standing = end.standing;
  std::string out = std::string(scenario.name) + ", " + rule + ": ";
  switch (standing.way) {
    case Way::running: out += "still running at " + seconds_text(end.at); break;
    case Way::promoted:
      out += "promoted at " + seconds_text(standing.promoted) + " as " + std::string(to_string(standing.proof));
      break;
    case Way::rolled_back: out += "rolled back at " + seconds_text(standing.since); break;
    case Way::over: out += "given back at " + seconds_text(standing.since); break;
  }
  return out + "; proven good at " + seconds_text(standing.proven) + "; " + std::to_string(end.requests) +
         " requests, " + std::to_string(end.failed_keys) + " users failed by the canary, " +
         std::to_string(end.late_keys) + " of them late";
}

// Of a release for which hardly anybody asks.
std::string fault_of(const CourseEnd& end) {
  if (!end.standing.finished) return "its release never ended";
  if (end.standing.way != Way::promoted) return "";
  if (end.standing.proof != model::ReleaseProof::cannot_know) {
    return "it was promoted as " + std::string(to_string(end.standing.proof)) + " though nothing can be known";
  }
  return "";
}

}  // namespace

CourseEnd release(const Scenario& scenario, const model::ReleasePolicy& policy, std::uint64_t seed, bool until_proven) {
  const People people(scenario, seed);
  Marea marea(policy, seed);
  return Course(scenario, people, seed, marea).run(until_proven);
}

Verdict run(std::uint64_t seed, std::ostream* trace) {
  Verdict verdict;
  for (std::size_t i = 0; i < scenarios().size(); ++i) {
    const Scenario& scenario = scenarios()[i];
    const std::uint64_t own = seed_of(seed, i);
    const model::ReleasePolicy policy = policy_of(scenario);
    const People people(scenario, own);
    std::array<Tally, kRules.size()> tallies;
    const auto keep = [&](std::size_t rule, const CourseEnd& end) {
      tallies.at(rule).add(end);
      if (trace != nullptr) *trace << line_of(scenario, kRules.at(rule), end) << "\n";
    };
    Marea marea(policy, own);
    const CourseEnd end = Course(scenario, people, own, marea).run();
    keep(0, end);
    const std::string fault = scenario.truth == Truth::quiet ? fault_of(end) : "";
    if (!fault.empty()) {
      return {end.standing.finished ? Ending::wrong : Ending::stuck, std::string(scenario.name) + ": " + fault, {}};
    }
    FixedThresholds thresholds(scenario.fixed);
    keep(1, Course(scenario, people, own, thresholds).run());
    NaiveTest naive(policy);
    keep(2, Course(scenario, people, own, naive).run());
    if (scenario.twin) {
      keep(3, release(twin_of(scenario, policy.tolerances.promotion), policy, own, true));
    }
    for (const Tally& tally : tallies) tally.append_to(verdict.figures);
  }
  return verdict;
}

Verdict conclude(const std::vector<double>& sums, std::uint64_t runs) {
  Verdict verdict;
  if (sums.size() != scenarios().size() * kRules.size() * Tally::kFigures) return verdict;
  std::vector<Row> rows;
  std::span<const double> rest(sums);
  for (const Scenario& scenario : scenarios()) {
    Row row{.scenario = &scenario};
    for (Tally* tally : {&row.marea, &row.thresholds, &row.naive, &row.twin}) {
      *tally = Tally::read(rest);
      rest = rest.subspan(Tally::kFigures);
    }
    rows.push_back(std::move(row));
  }
  verdict.what = table_of(rows) + "\n" + std::to_string(runs) + " runs of each\n";
  std::size_t hold = 0;
  const std::vector<Bound> bounds = bounds_of(rows);
  for (const Bound& bound : bounds) {
    if (bound.finding == Finding::broken) verdict.ending = Ending::wrong;
    if (bound.finding == Finding::holds) ++hold;
    verdict.what += std::string(to_string(bound.finding)) + ": " + bound.what + "\n";
  }
  verdict.what += std::to_string(hold) + " of " + std::to_string(bounds.size()) + " bounds hold";
  return verdict;
}

}  // namespace marea::sim::releases
