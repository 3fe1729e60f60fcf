#include "sim/releases/table.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

namespace marea::sim::releases {
namespace {

// P12, and the figures of issue "Releases that judge themselves".
constexpr double kMostFalseRollbacks = 0.01;
constexpr double kMostFalseProofs = 0.05;
constexpr double kHealthySeconds = 720;
constexpr double kMostSlowLadders = 0.01;
constexpr double kMostLateRuns = 0.5;
constexpr std::uint64_t kRunsForTimes = 100;

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...) {
  std::array<char, 256> out{};
  va_list words;
  va_start(words, format);
  std::vsnprintf(out.data(), out.size(), format, words);
  va_end(words);
  return out.data();
}

double percent(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(all);
}

// "0.33 [0.02, 1.51]"
std::string share_of(std::uint64_t hits, std::uint64_t all) {
  const Interval interval = interval_of(hits, all);
  return text("%5.2f [%4.2f,%5.2f]", percent(hits, all), 100 * interval.low, 100 * interval.high);
}

std::string seconds_of(const std::optional<double>& seconds) {
  if (!seconds) return "-";
  return *seconds < 10 ? text("%.1f", *seconds) : text("%.0f", *seconds);
}

std::string keys_of(const Tally& tally, double share) {
  const std::uint64_t keys = tally.failed_keys(share);
  return keys == Tally::kCounts - 1 ? ">254" : std::to_string(keys);
}

std::string name_of(const Scenario& scenario) {
  return text("%-10s", std::string(scenario.name).c_str());
}

std::string harmless_line(const Row& row) {
  const Tally& marea = row.marea;
  return name_of(*row.scenario) +
         text("%-21s %7.1f %7s  %-21s %8.1f %7.1f\n", share_of(marea.rolled_back(), marea.runs()).c_str(),
              percent(marea.promoted(), marea.runs()), seconds_of(marea.promotion_time(0.5)).c_str(),
              row.scenario->twin ? share_of(row.twin.proven(), row.twin.runs()).c_str() : "-",
              percent(row.thresholds.rolled_back(), row.thresholds.runs()),
              percent(row.naive.rolled_back(), row.naive.runs()));
}

std::string harmful_line(const Row& row) {
  std::string out = name_of(*row.scenario);
  for (const Tally* rule : {&row.marea, &row.thresholds, &row.naive}) {
    out += text("%6.1f %6s %6s %5s  ", percent(rule->rolled_back(), rule->runs()),
                seconds_of(rule->rollback_time(0.5)).c_str(), seconds_of(rule->rollback_time(0.9)).c_str(),
                keys_of(*rule, 0.5).c_str());
  }
  out += text("%5.1f\n", percent(row.marea.proven_good(), row.marea.runs()));
  return out;
}

std::string outcomes_line(const Row& row) {
  const Tally& marea = row.marea;
  const auto share = [&marea](std::uint64_t part) { return percent(part, marea.runs()); };
  return name_of(*row.scenario) + text("%6.1f %6.1f  %7.1f %7s %7s  %7.1f %7.1f %7.1f\n", share(marea.rolled_back()),
                                       share(marea.given_back()), share(marea.promoted_within(kHealthySeconds)),
                                       seconds_of(marea.promotion_time(0.5)).c_str(),
                                       seconds_of(marea.promotion_time(0.9)).c_str(), share(marea.proven_good()),
                                       share(marea.unproven()), share(marea.unknown()));
}

Bound share_bound(std::string what, std::uint64_t hits, std::uint64_t all, double limit) {
  return {.what = std::move(what) + ": " + share_of(hits, all) + text(" %% of %g %%", 100 * limit),
          .finding = judge_share(hits, all, limit)};
}

Bound time_bound(const Row& row, double share, double limit) {
  const std::optional<double> time = row.marea.rollback_time(share);
  const bool holds = time && *time <= limit;
  return {.what = std::string(row.scenario->name) + text(": %s of the rollbacks: ", share < 0.9 ? "median" : "p90") +
                  seconds_of(time) + text(" s of %g s", limit),
          .finding = row.marea.runs() < kRunsForTimes ? Finding::too_few
                     : holds                          ? Finding::holds
                                                      : Finding::broken};
}

// Of the median run, as the other times: a failing key of stable asks for one more (docs/decisions/0055.md).
Bound late_bound(const Row& row) {
  const auto late = static_cast<double>(row.marea.late());
  const auto all = static_cast<double>(row.marea.runs());
  return {.what = std::string(row.scenario->name) +
                  ": runs in which a key failed that was sent 50 ms after the third: " +
                  share_of(row.marea.late(), row.marea.runs()) + text(" %% of %g %%", 100 * kMostLateRuns),
          .finding = row.marea.runs() < kRunsForTimes ? Finding::too_few
                     : late < kMostLateRuns * all     ? Finding::holds
                                                      : Finding::broken};
}

}  // namespace

std::string table_of(std::span<const Row> rows) {
  std::string harmless =
      "harmless canaries: % rolled back, % of those with twice the failures that were called good [99 %]\n"
      "          marea: back           promoted  p50 s  good at twice        threshold  z-test\n";
  std::string harmful =
      "harmful canaries: % rolled back, seconds until then p50 and p90, users failed p50; promoted as proven %\n"
      "           marea    p50    p90  keys  thresh    p50    p90  keys  z-test    p50    p90  keys  proven\n";
  std::string outcomes =
      "how marea's releases end, %; promoted: within 12 min, seconds p50, p90, and as what\n"
      "          rolled  given   in 12 min    p50     p90   proven unproven cannot know\n"
      "            back   back                                good\n";
  for (const Row& row : rows) {
    if (row.scenario->truth == Truth::harmless) harmless += harmless_line(row);
    if (row.scenario->truth == Truth::harmful) harmful += harmful_line(row);
    if (row.scenario->truth != Truth::harmful) outcomes += outcomes_line(row);
  }
  return harmless + "\n" + harmful + "\n" + outcomes;
}

std::vector<Bound> bounds_of(std::span<const Row> rows) {
  std::vector<Bound> out;
  for (const Row& row : rows) {
    const std::string name(row.scenario->name);
    const Tally& marea = row.marea;
    if (row.scenario->truth == Truth::harmless) {
      out.push_back(share_bound(name + ": false rollbacks", marea.rolled_back(), marea.runs(), kMostFalseRollbacks));
    }
    if (row.scenario->twin) {
      out.push_back(share_bound(name + ": good at twice", row.twin.proven(), row.twin.runs(), kMostFalseProofs));
    }
    if (name == "iid") {
      out.push_back(share_bound("iid: not promoted within 12 min",
                                marea.runs() - marea.promoted_within(kHealthySeconds), marea.runs(), kMostSlowLadders));
      out.push_back(share_bound("iid: promoted as cannot know", marea.unknown(), marea.runs(), kMostSlowLadders));
    }
    if (name == "rr2@10%") {
      out.push_back(time_bound(row, 0.5, 200));
      out.push_back(time_bound(row, 0.9, 400));
    }
    if (name == "rr3@10%") out.push_back(time_bound(row, 0.5, 45));
    if (name == "total@10%" || name == "fast@10%") out.push_back(late_bound(row));
  }
  return out;
}

}  // namespace marea::sim::releases
