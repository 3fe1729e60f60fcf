#include "control/changes.h"

#include <gtest/gtest.h>

namespace marea::control {
namespace {

using model::TimelineCause;
using Lines = std::vector<std::string>;

constexpr std::int64_t kNoon = 1'795'694'400'000'000'000;  // 2026-11-26T12:00:00Z
constexpr std::int64_t kSecond = 1'000'000'000;

model::TimelineLine line(std::int64_t second, TimelineCause cause, std::uint32_t weight_of_first = 10'000) {
  model::TimelineLine out{.unix_ns = kNoon + second * kSecond,
                          .cause = cause,
                          .revision = base::RevisionName("hola-2"),
                          .release = "hola-2"};
  out.serving.shares = {{.revision = base::RevisionName("hola-1"), .weight = weight_of_first}};
  if (weight_of_first < 10'000) {
    out.serving.shares.push_back({.revision = base::RevisionName("hola-2"), .weight = 10'000 - weight_of_first});
  }
  return out;
}

TEST(Changes, a_release_that_ends_badly_reads_from_its_deploy_to_its_end_with_what_the_platform_went_through) {
  std::vector<model::TimelineLine> lines = {line(0, TimelineCause::deploy_asked), line(5, TimelineCause::deployed),
                                            line(5, TimelineCause::release_step, 9900),
                                            line(40, TimelineCause::rolled_back)};
  lines[0].who = "ana";
  lines[0].why = "faster form";
  lines[0].changed = {"image name: a → b", "env LEVEL"};
  lines[2].proof = "unproven";
  lines[3].actor = model::ReleaseActor::judge;
  lines[3].why = "rolled back: judged bad";
  const std::vector<model::PlatformEvent> events = {
      {.unix_ns = kNoon + 30 * kSecond, .kind = model::PlatformEventKind::router_restarted}};
  EXPECT_EQ(
      report_of(changes_of(lines, events)),
      (Lines{"2026-11-26T12:00:00.000Z deploy: hola-2 asked for by ana (faster form); image name: a → b; env LEVEL",
             "2026-11-26T12:00:05.000Z deploy: hola-2 is ready",
             "2026-11-26T12:00:05.000Z release: release hola-2 goes on, the step before unproven; now hola-1 99%, "
             "hola-2 1%",
             "2026-11-26T12:00:30.000Z platform: router restarted",
             "2026-11-26T12:00:40.000Z release: release hola-2 rolled back by judge (rolled back: judged bad); now "
             "hola-1 100%"}));
}

TEST(Changes, every_cause_has_words_and_a_kind) {
  for (std::size_t i = 0; i < model::kTimelineCauses; ++i) {
    const auto cause = static_cast<TimelineCause>(i);
    const std::vector<model::TimelineLine> lines = {line(0, cause)};
    const ShownChange shown = changes_of(lines, {}).at(0);
    EXPECT_FALSE(shown.what.empty()) << to_string(cause);
    EXPECT_NE(shown.kind, ChangeKind::platform) << to_string(cause);
    EXPECT_TRUE(shown.split.empty()) << "nothing is known of before";
  }
}

TEST(Changes, of_too_many_the_newest_stay_and_it_is_said_how_many_do_not) {
  std::vector<model::TimelineLine> lines;
  for (int i = 0; i < 30; ++i) lines.push_back(line(i, TimelineCause::traffic));
  const Lines report = report_of(changes_of(lines, {}));
  ASSERT_EQ(report.size(), kMostReportLines);
  EXPECT_EQ(report.front(), "11 earlier changes are left out");
  EXPECT_TRUE(report.back().starts_with("2026-11-26T12:00:29")) << report.back();
  EXPECT_EQ(report_of(changes_of(std::span(lines).first(20), {})).size(), 20U);
  EXPECT_TRUE(report_of(changes_of({}, {})).empty());
}

TEST(Changes, a_long_line_is_cut_between_characters) {
  std::vector<model::TimelineLine> lines = {line(0, TimelineCause::deploy_failed)};
  for (std::size_t length = 180; length < 190; ++length) {
    lines[0].why = std::string(length, 'x');
    for (int i = 0; i < 40; ++i) lines[0].why += "é";
    const std::string report = report_of(changes_of(lines, {})).at(0);
    EXPECT_LE(report.size(), kMostReportBytes + 3);
    EXPECT_TRUE(report.ends_with("é…") || report.ends_with("x…")) << report;
  }
}

}  // namespace
}  // namespace marea::control
