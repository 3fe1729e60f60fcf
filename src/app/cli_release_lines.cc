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

}  // namespace

std::vector<std::string> ReleaseLines::news(const ReleaseReport& report, const Words& words, base::Instant now,
                                            base::WallTime wall) {
  std::vector<std::string> out;
  const std::string time = base::rfc3339(wall.unix_ns);
  bool verdict_told = false;
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
  }
  if (!out.empty() || !begun_) quiet_since_ = now;
  begun_ = true;
  return out;
}

}  // namespace marea::app
