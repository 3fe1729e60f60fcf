#include "sim/scale/scale.h"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string>

#include "sim/chance.h"
#include "sim/scale/kpa.h"
#include "sim/scale/load.h"
#include "sim/scale/marea.h"
#include "sim/scale/tally.h"

namespace marea::sim::scale {
namespace {

constexpr std::size_t kScalers = 2;  // the platform's, Knative's

std::string line(std::string_view load, const char* scaler, const Tally& tally) {
  std::array<char, 200> text{};
  std::snprintf(
      text.data(), text.size(),
      "%-7s%-6s slowdown p50 %5.2f p99 %6.2f  cold %6.2f %%  wasted %12.1f GB-s of %12.1f  starts/request %.4f",
      std::string(load).c_str(), scaler, tally.slowdown(0.5), tally.slowdown(0.99), 100 * tally.cold_ratio(),
      tally.wasted(), tally.total(), tally.starts_per_request());
  return text.data();
}

std::string fault_of(const Account& account) {
  if (!account.within_max) return "it wants more instances than the service may have";
  if (account.forgotten) return "instances are there that nobody will look at again";
  return "";
}

}  // namespace

Verdict run(std::uint64_t seed, std::ostream* trace) {
  Verdict verdict;
  Chance phases(seed);
  for (const Load& load : make_loads(seed)) {
    Tally ours;
    Tally theirs;
    std::uint64_t number = seed * 1000;
    for (const LoadedService& service : load.services) {
      Marea marea(service);
      Kpa kpa(service, phases.unit());
      const base::Instant horizon(load.horizon);
      ++number;
      const Account account = Plant(service, horizon, number).run(marea);
      const std::string fault = fault_of(account);
      if (!fault.empty()) return {Ending::wrong, std::string(load.name) + ": " + fault, {}};
      if (!account.finished) return {Ending::stuck, std::string(load.name) + ": not every request was served", {}};
      ours.add(account);
      theirs.add(Plant(service, horizon, number).run(kpa));
    }
    if (trace != nullptr) *trace << line(load.name, "marea", ours) << "\n" << line(load.name, "kpa", theirs) << "\n";
    ours.append_to(verdict.figures);
    theirs.append_to(verdict.figures);
  }
  return verdict;
}

Verdict conclude(const std::vector<double>& sums, std::uint64_t runs) {
  Verdict verdict;
  if (sums.size() != kLoads.size() * kScalers * Tally::kFigures) return verdict;
  std::string worse;
  std::span<const double> rest(sums);
  for (const std::string_view load : kLoads) {
    const Tally ours = Tally::read(rest);
    rest = rest.subspan(Tally::kFigures);
    const Tally theirs = Tally::read(rest);
    rest = rest.subspan(Tally::kFigures);
    verdict.what += line(load, "marea", ours) + "\n" + line(load, "kpa", theirs) + "\n";
    if (ours.slowdown(0.99) >= theirs.slowdown(0.99))
      worse += std::string(load) + ": the slowdown at p99 is no better; ";
    if (ours.wasted() >= theirs.wasted()) worse += std::string(load) + ": the wasted memory is no less; ";
  }
  if (runs < kEnoughRuns) {
    verdict.what += "too few runs to judge the comparison";
  } else if (!worse.empty()) {
    verdict.ending = Ending::wrong;
    verdict.what += worse;
  } else {
    verdict.what += "better for each load on both";
  }
  return verdict;
}

}  // namespace marea::sim::scale
