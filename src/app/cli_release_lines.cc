#include "app/cli_release_lines.h"

#include <algorithm>

#include "app/cli_release_page.h"
#include "app/cli_release_words.h"
#include "base/log.h"

namespace marea::app {
namespace {

std::string arm(const ArmReport& report, const Words& words) {
  if (!report.requests || !report.keys || !report.failed) return words(Text::line_arm_unknown);
  return words(Text::line_arm, *report.requests, *report.failed, *report.keys);
}

std::string progress(const ReleaseReport& report, const Words& words) {
  const std::string state = in_language(report.verdict.empty() ? to_string(*report.phase) : report.verdict, words);
  const std::string left = report.left ? words(Text::line_left, short_time(*report.left)) : std::string();
  return words(Text::line_progress, report.canary.weight, state, arm(report.stable, words), arm(report.canary, words),
               left);
}

// "4.1/12/31.4"; "-": nothing was timed yet.
std::string latencies(const ArmReport& arm) {
  return arm.p50.empty() ? std::string("-") : fmt::format("{}/{}/{}", arm.p50, arm.p95, arm.p99);
}

// "; failures E 12.1 of 144, good E 2 of 100; shape 0.01 of 0.04; …": what is not told is left out.
std::string evidence(const ReleaseReport& report, const Words& words) {
  std::string out;
  const auto add = [&](const std::string& name, const LimitReport& worse, bool distance, const LimitReport& good) {
    const std::string to_worse = limit_text(worse, words);
    const std::string to_good = limit_text(good, words);
    if (to_worse.empty() && to_good.empty()) return;
    out += "; " + name;
    if (!to_worse.empty()) out += (distance ? " " : " E ") + to_worse;
    if (!to_good.empty()) out += words(Text::line_good, "E " + to_good);
  };
  for (const TestReport& test : report.tests) {
    add(in_language(test.name, words), test.worse, test.distance, nearer_proof(test));
  }
  if (report.split) add(words(Text::test_split), *report.split, false, {.limit = 0});
  if (!report.stable.p50.empty() || !report.canary.p50.empty()) {
    out += words(Text::line_latencies, latencies(report.stable), latencies(report.canary));
  }
  if (!report.change.empty() && !report.over()) out += words(Text::line_change, report.change);
  return out;
}

}  // namespace

std::vector<std::string> ReleaseLines::news(const ReleaseReport& report, const Words& words, base::Instant now,
                                            base::WallTime wall) {
  std::vector<std::string> out;
  const std::string time = base::rfc3339(wall.unix_ns);
  bool verdict_told = false;
  owed_ |= report.verdict != verdict_ || report.canary.weight != weight_;
  weight_ = report.canary.weight;
  const std::size_t lines = report.history_left_out + report.history.size();
  for (told_ = std::clamp(told_, report.history_left_out, lines); told_ < lines; ++told_) {
    const HistoryReport& line = report.history[told_ - report.history_left_out];
    verdict_told |= line.event == "verdict";
    out.push_back((line.time.empty() ? time : line.time) + " " + history_text(line, words));
  }
  if (report.verdict != verdict_) {
    verdict_ = report.verdict;
    if (!verdict_told && !verdict_.empty() && !report.over()) {
      out.push_back(time + " " + words(Text::line_verdict, in_language(verdict_, words), report.canary.weight));
    }
  }
  const bool silent = out.empty() && begun_;
  if (silent && report.phase && !report.over() && now - quiet_since_ >= kProgressEvery) {
    out.push_back(time + " " + progress(report, words));
    owed_ = true;
  }
  if (owed_ && !out.empty()) {
    out.back() += evidence(report, words);
    owed_ = false;
  }
  if (!out.empty() || !begun_) quiet_since_ = now;
  begun_ = true;
  return out;
}

}  // namespace marea::app
