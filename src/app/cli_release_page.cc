#include "app/cli_release_page.h"

#include <algorithm>
#include <cmath>

#include "app/cli_release_change.h"
#include "app/cli_release_words.h"

namespace marea::app {
namespace {

constexpr std::size_t kBarColumns = 10;
constexpr std::size_t kIndent = 2;
constexpr std::size_t kNewestLines = 3;  // of the history, while it is drawn

using Lines = std::vector<std::string>;

// As much of the line as fits; "…" stands for the rest.
std::string cut(const std::string& line, std::size_t columns) {
  if (columns == 0 || width_of(line) <= columns) return line;
  std::string out;
  std::size_t taken = 0;
  for (const char c : line) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // of a code point
    if (begins && ++taken >= columns) break;
    out += c;
  }
  return out + "…";
}

void add_lines(Lines& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string count(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : std::string();
}

// "0.51%": of the arm's keys.
std::string share_of_keys(const std::optional<std::int64_t>& hits, const std::optional<std::int64_t>& keys) {
  if (!hits || !keys || *keys <= 0) return {};
  return fmt::format("{:.2f}%", 100.0 * static_cast<double>(*hits) / static_cast<double>(*keys));
}

std::string with_share(const std::optional<std::int64_t>& hits, const std::optional<std::int64_t>& keys) {
  const std::string share = share_of_keys(hits, keys);
  return share.empty() ? count(hits) : fmt::format("{} ({})", *hits, share);
}

// E-values go up to 1e300.
std::string short_number(double value) {
  if (value >= 1e6) return fmt::format("{:.0e}", value);
  return value < 100 ? fmt::format("{:.3g}", value) : fmt::format("{:.0f}", value);
}

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::floor(share * kBarColumns));
  std::string out;
  for (std::size_t i = 0; i < kBarColumns; ++i) out += i < full ? "█" : "·";
  return out;
}

std::string title(const ReleaseReport& report, const Words& words) {
  std::string state = report.phase ? in_language(to_string(*report.phase), words) : std::string("-");
  if (!report.cause.empty()) state += fmt::format(" ({})", in_language(report.cause, words));
  if (report.in_phase && !report.over()) state = words(Text::since_ago, state, short_time(*report.in_phase));
  return words(Text::release_title, report.name, report.service, state);
}

std::string beside(const ReleaseReport& report, const Words& words) {
  return report.stable.revision.empty() ? words(Text::release_alone, report.canary.revision)
                                        : words(Text::release_beside, report.canary.revision, report.stable.revision);
}

// "1% ✓  5% unproven  [25%]  50%  99%  promoted".
std::string ladder(const ReleaseReport& report, const Words& words) {
  std::string out;
  const auto add = [&](const std::string& rung, int index, const std::string& proof) {
    if (!out.empty()) out += "  ";
    const bool present = index == report.step && !report.over();
    out += present ? "[" + rung + "]" : rung;
    if (!proof.empty()) out += proof == "proven good" ? " ✓" : " " + in_language(proof, words);
  };
  int index = 0;
  for (const RungReport& rung : report.ladder) add(rung.weight, index++, rung.proof);
  add(words(Text::rung_promoted), index, report.promoted() ? "proven good" : "");
  return out;
}

std::string arms(const ReleaseReport& report, const Words& words) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](Text name, const ArmReport& arm) {
    if (arm.revision.empty()) return;
    rows.push_back({words(name), arm.weight, count(arm.requests), count(arm.keys), with_share(arm.failed, arm.keys),
                    share_of_keys(arm.slow, arm.keys), arm.p50, arm.p95, arm.p99});
  };
  add(Text::arm_stable, report.stable);
  add(Text::arm_canary, report.canary);
  return print_table(
      {words(Text::head_arm), words(Text::head_share), words(Text::head_requests), words(Text::head_keys),
       words(Text::head_failed), words(Text::head_slow), "P50-MS", "P95-MS", "P99-MS"},
      rows);
}

// "12.1 of 144  █████·····" of each; the bars stand below each other.
std::vector<std::string> limit_column(const std::vector<std::pair<LimitReport, bool>>& limits, const Words& words) {
  std::vector<std::string> out;
  std::size_t widest = 0;
  for (const auto& [one, distance] : limits) {
    out.push_back(limit_text(one, words));
    widest = std::max(widest, width_of(out.back()));
  }
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (out[i].empty()) continue;
    out[i] += std::string(widest - width_of(out[i]) + 2, ' ') + bar(way_to_limit(limits[i].first, limits[i].second));
  }
  return out;
}

std::string tests(const ReleaseReport& report, const Words& words) {
  std::vector<std::string> names;
  std::vector<std::pair<LimitReport, bool>> worse;
  std::vector<std::pair<LimitReport, bool>> good;
  for (const TestReport& test : report.tests) {
    names.push_back(in_language(test.name, words));
    worse.emplace_back(test.worse, test.distance);
    good.emplace_back(nearer_proof(test), false);
  }
  if (report.split) {
    names.push_back(words(Text::test_split));
    worse.emplace_back(*report.split, false);
    good.emplace_back(LimitReport{}, false);
  }
  if (names.empty()) return {};
  const std::vector<std::string> bad = limit_column(worse, words);
  const std::vector<std::string> proven = limit_column(good, words);
  std::vector<std::vector<std::string>> rows;
  rows.reserve(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) rows.push_back({names[i], bad[i], proven[i]});
  return print_table({words(Text::head_test), words(Text::head_worse), words(Text::head_good)}, rows);
}

std::string verdict(const ReleaseReport& report, const Words& words) {
  if (report.verdict.empty()) return {};
  std::string out = in_language(report.verdict, words);
  if (!report.doubt.empty()) out += ": " + in_language(report.doubt, words);
  if (report.verdict == "bad" || report.verdict == "cannot know") return out;
  return report.risk_bound ? words(Text::risk_ruled_out, out, short_number(*report.risk_bound))
                           : words(Text::risk_open, out);
}

// Sentences may be longer than a line.
void add_pair(Lines& out, const std::string& label, const std::string& text, std::size_t columns) {
  if (text.empty()) return;
  add_lines(out, wrapped(label + ": " + text, kIndent, columns == 0 ? kPageWidth : columns));
}

Lines history(const ReleaseReport& report, const Words& words, std::size_t most) {
  Lines out;
  const std::size_t skipped = report.history.size() - std::min(most, report.history.size());
  for (std::size_t i = skipped; i < report.history.size(); ++i) {
    const HistoryReport& line = report.history[i];
    out.push_back("  " + line.time + " " + history_text(line, words));
  }
  return out;
}

}  // namespace

std::string limit_text(const LimitReport& report, const Words& words) {
  if (!(report.limit > 0)) return {};
  return words(Text::of_limit, short_number(report.value), short_number(report.limit));
}

const LimitReport& nearer_proof(const TestReport& test) {
  return way_to_limit(test.absolute, false) > way_to_limit(test.good, false) ? test.absolute : test.good;
}

double way_to_limit(const LimitReport& report, bool distance) {
  const auto [value, limit] = report;
  if (!(limit > 0) || !(value > 0)) return 0;
  if (distance) return std::clamp(value / limit, 0.0, 1.0);
  if (limit <= 1) return value >= limit ? 1 : 0;
  return std::clamp(std::log(value) / std::log(limit), 0.0, 1.0);
}

std::string short_time(base::Duration duration) {
  using std::chrono::duration_cast;
  const std::int64_t seconds = std::max<std::int64_t>(0, duration_cast<std::chrono::seconds>(duration).count());
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

std::string history_text(const HistoryReport& line, const Words& words) {
  std::string out = in_language(line.event, words);
  if (!line.who.empty()) out = words(Text::line_by, out, line.who);
  if (!line.weight.empty()) out = words(Text::line_at, out, line.weight);
  return line.why.empty() ? out : out + ": " + line.why;
}

std::string what_comes_next(const ReleaseReport& report, const Words& words) {
  using enum model::ReleasePhase;
  if (!report.phase) return {};
  const std::string left = report.left ? short_time(*report.left) : std::string("?");
  switch (*report.phase) {
    case preparing: return words(Text::next_preparing, left);
    case stepping: return words(Text::next_stepping, left);
    case gated: return words(Text::next_gated, report.gate, left, report.name);
    case holding: return words(Text::next_holding, left, report.name);
    case paused:
      return report.endless ? words(Text::next_endless, report.name) : words(Text::next_paused, left, report.name);
    case watching: return words(Text::next_watching, left);
    case comparing: return words(Text::next_comparing, left);
    case done:
    case rolled_back:
    case aborted:
    case superseded:
    case failed: return {};
  }
  return {};
}

std::string print_release(const ReleaseReport& report, const Words& words, ReleasePage page) {
  Lines out = {title(report, words), beside(report, words)};
  add_lines(out, wrapped(ladder(report, words), 0, page.columns == 0 ? kPageWidth : page.columns));
  out.emplace_back();
  add_lines(out, arms(report, words));
  if (const std::string all = tests(report, words); !all.empty()) {
    out.emplace_back();
    add_lines(out, all);
  }
  out.emplace_back();
  add_pair(out, words(Text::label_verdict), verdict(report, words), page.columns);
  add_pair(out, words(Text::label_next), what_comes_next(report, words), page.columns);
  if (!report.over()) add_pair(out, words(Text::label_change), what_would_change(report, words), page.columns);
  add_pair(out, words(Text::label_detail), report.detail, page.columns);
  add_pair(out, words(Text::label_last_stable), report.last_known_stable, page.columns);
  if (page.lines == 0 && !report.changes.empty()) {
    out.push_back(words(Text::label_since_began) + ":");
    for (const std::string& line : report.changes) {
      add_lines(out, wrapped("- " + line, kIndent, page.columns == 0 ? kPageWidth : page.columns));
    }
  }
  const std::size_t room = page.lines - std::min(page.lines, out.size() + 1);  // below its title
  Lines events = history(report, words, page.lines == 0 ? report.history.size() : std::min(room, kNewestLines));
  if (!events.empty()) {
    out.push_back(words(Text::label_history) + ":");
    std::ranges::move(events, std::back_inserter(out));
  }
  if (page.lines > 0 && out.size() > page.lines) out.resize(page.lines);
  std::string text;
  for (const std::string& line : out) text += cut(line, page.columns) + "\n";
  return text;
}

}  // namespace marea::app
