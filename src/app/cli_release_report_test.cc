#include "app/cli_release_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>

#include "app/cli_release_change.h"
#include "app/cli_release_lines.h"
#include "app/cli_release_page.h"
#include "app/cli_release_words.h"
#include "app/release_samples_test.h"
#include "decide/judge.h"
#include "model/release_seats.h"

namespace marea::app {
namespace {

using testing::kSampleNow;
using testing::sample_release;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Words kEnglish(Language::en);
const Words kSpanish(Language::es);

std::size_t widest(const std::string& text) {
  std::size_t out = 0;
  for (const auto line : text | std::views::split('\n')) {
    out = std::max(out, width_of(std::string_view(line.begin(), line.end())));
  }
  return out;
}

TEST(CliReleaseReport, ReadsWhatThePlatformTells) {
  const ReleaseReport report = read_release_report(sample_release(), kSampleNow);
  EXPECT_EQ(report.name, "web-00002");
  EXPECT_EQ(report.phase, model::ReleasePhase::stepping);
  EXPECT_EQ(report.step, 1);
  EXPECT_EQ(report.ladder.size(), 3U);
  EXPECT_EQ(report.ladder[0].proof, "proven good");
  EXPECT_EQ(short_time(report.left.value()), "1m18s");
  EXPECT_EQ(short_time(report.in_phase.value()), "42s");
  EXPECT_EQ(report.stable.weight, "95%");
  EXPECT_EQ(report.canary.requests, 410);
  EXPECT_EQ(report.canary.p99, "31.4");
  ASSERT_EQ(report.tests.size(), 2U);
  EXPECT_EQ(report.tests[0].good.limit, 25);
  EXPECT_EQ(report.history.size(), 2U);
  EXPECT_FALSE(report.promoted());
}

TEST(CliReleaseReport, WhatIsNotToldIsAbsentAndNeverAFault) {
  const auto documents = {Json::object(),
                          Json::array(),
                          Json(nullptr),
                          Json{{"status", "gone"}},
                          Json{{"status", {{"phase", "tidal"}, {"steps", 3}, {"evidence", "text"}}}},
                          Json{{"spec", {{"policy", {{"ladder", {1, nullptr}}}}}}}};
  for (const Json& document : documents) {
    const ReleaseReport report = read_release_report(document, kSampleNow);
    EXPECT_FALSE(report.over() || report.promoted()) << document.dump();
    EXPECT_EQ(report.canary.requests, std::nullopt);
    EXPECT_FALSE(print_release(report, kEnglish).empty());
  }
}

TEST(CliReleaseReport, APauseAfterThePromotionIsPromotedStill) {
  Json paused = sample_release();
  paused["status"]["phase"] = "paused";
  EXPECT_FALSE(read_release_report(paused, kSampleNow).promoted());
  paused["status"]["step"] = 4;
  EXPECT_TRUE(read_release_report(paused, kSampleNow).promoted());
}

TEST(CliReleaseReport, EveryWordOfTheModelHasItsTranslation) {
  const auto check = [](std::string_view word) {
    if (!word.empty()) {
      EXPECT_NE(in_language(word, kSpanish), word);
    }
  };
  for (std::size_t i = 0; i < model::kReleasePhases; ++i) check(to_string(static_cast<model::ReleasePhase>(i)));
  for (std::size_t i = 0; i < model::kReleaseCauses; ++i) check(to_string(static_cast<model::ReleaseCause>(i)));
  for (std::size_t i = 0; i < model::kReleaseVerdicts; ++i) check(to_string(static_cast<model::ReleaseVerdict>(i)));
  for (std::size_t i = 0; i < model::kReleaseProofs; ++i) check(to_string(static_cast<model::ReleaseProof>(i)));
  for (std::size_t i = 0; i < model::kReleaseEvents; ++i) check(to_string(static_cast<model::ReleaseEvent>(i)));
  for (std::size_t i = 0; i < model::kUnknownCauses; ++i) check(to_string(static_cast<model::UnknownCause>(i)));
  EXPECT_EQ(in_language("tidal", kSpanish), "tidal");
}

TEST(CliReleasePage, TellsTheLadderBothArmsTheTestsTheVerdictAndWhatComesNext) {
  const std::string page = print_release(read_release_report(sample_release(), kSampleNow), kEnglish);
  EXPECT_THAT(page, AllOf(HasSubstr("web-00002 of web: stepping for 42s\n"), HasSubstr("web-00002 beside web-00001\n"),
                          HasSubstr("1% ✓  [5%]  25%  promoted\n")));
  EXPECT_THAT(page, AllOf(HasSubstr("stable  95%    7900      812   4 (0.49%)"),
                          HasSubstr("canary  5%     410       44    1 (2.27%)"), HasSubstr("31.4\n")));
  EXPECT_THAT(page, AllOf(HasSubstr("12.1 of 144   █████·····  2 of 100  █·········\n"),
                          HasSubstr("shape     0.01 of 0.04  ██········  -\n")));
  EXPECT_THAT(page, AllOf(HasSubstr("Verdict: not yet; a relative risk beyond 3.2 is ruled out"),
                          HasSubstr("Next: on when proven good, else as its policy says after 1m18s at most\n"),
                          HasSubstr("To change it: about 60 more keys without failures")));
  EXPECT_THAT(page, HasSubstr("2026-11-26T13:00:30Z advanced, canary 5%: proven good"));
}

TEST(CliReleasePage, NoLineIsWiderThanTheTerminalInEitherLanguageAndNoPageLonger) {
  Json release = sample_release();
  const std::string name = std::string(57, 'x') + "-00002";
  release["metadata"]["name"] = name;
  release["spec"]["canary"] = name;
  release["spec"]["stable"] = std::string(57, 'x') + "-00001";
  release["status"]["evidence"]["stable"]["requests"] = 123456789012;
  for (const Words& words : {kEnglish, kSpanish}) {
    for (const std::size_t columns : {40U, 80U, 120U}) {
      const std::string page =
          print_release(read_release_report(release, kSampleNow), words, {.columns = columns, .lines = 12});
      EXPECT_LE(widest(page), columns) << page;
      EXPECT_LE(std::ranges::count(page, '\n'), 12);
    }
  }
}

TEST(CliReleaseChange, IsMadeOfNumbersInTheUsersLanguage) {
  Json release = sample_release();
  Json& evidence = release["status"]["evidence"];
  const auto in_spanish = [&] { return what_would_change(read_release_report(release, kSampleNow), kSpanish); };
  evidence["verdict"] = "not yet";
  EXPECT_EQ(in_spanish(), evidence["wouldChange"]) << "an older platform tells no numbers";
  evidence["distances"] = {{{"name", "failures"}, {"clean", 1234}, {"alike", 240}, {"bad", 3}},
                           {{"name", "slow"}, {"proven", true}, {"bad", 5}, {"lost", 2}}};
  EXPECT_EQ(
      in_spanish(),
      "bueno, demostrado: fallos: unas 1300 claves más del canary sin ningún fallo, o unas 240 más suyas que fallen "
      "tanto como las de la estable; malo: 3 claves más del canary que fallen, o 5 claves más del canary con una "
      "petición lenta, sin que le pase a ninguna de la estable");
  EXPECT_EQ(what_would_change(read_release_report(release, kSampleNow), kEnglish), evidence["wouldChange"]);
  evidence["verdict"] = "proven good";
  EXPECT_THAT(in_spanish(), HasSubstr("todavía no: 2 claves más del canary con una petición lenta; malo: "));
  evidence["verdict"] = "cannot know";
  evidence["missingKeys"] = 56;
  EXPECT_THAT(in_spanish(), HasSubstr("56 claves más del canary; hasta entonces"));
  evidence.erase("missingKeys");
  evidence["distances"] = Json::array();
  evidence["doubt"] = "lost counts";
  EXPECT_EQ(in_spanish(), "un minuto en el que lleguen todas las cuentas, y pruebas nuevas desde entonces");
  evidence["doubt"] = "a doubt of tomorrow";
  EXPECT_EQ(in_spanish(), evidence["wouldChange"]);
  evidence["verdict"] = "bad";
  EXPECT_EQ(in_spanish(), "nada en este intento: lo malo es definitivo");
}

TEST(CliReleaseChange, EveryDoubtAndItsRemedyIsInSpanish) {
  for (int i = 1; i <= static_cast<int>(decide::Doubt::untracked); ++i) {
    const auto doubt = static_cast<decide::Doubt>(i);
    ReleaseReport report{.doubt = std::string(to_string(doubt)), .change = "English", .judged = "cannot know"};
    EXPECT_NE(in_language(report.doubt, kSpanish), report.doubt);
    if (doubt == decide::Doubt::too_few_keys || doubt == decide::Doubt::no_stable) report.missing_keys = 1;
    EXPECT_NE(what_would_change(report, kSpanish), "English") << report.doubt;
    if (!report.missing_keys) {
      EXPECT_EQ(what_would_change(report, kEnglish), "English");
    }
  }
  EXPECT_THAT(std::string(kEnglish.raw(Text::word_no_seat)), HasSubstr(std::to_string(model::kReleaseSeats)));
}

TEST(CliReleasePage, TellsWhatHadChangedWhenItWentBack) {
  Json release = sample_release();
  release["status"]["changes"] = {"2026-11-26T10:00:00Z deploy: web-00002 asked for by ana", 7};
  const ReleaseReport report = read_release_report(release, kSampleNow);
  EXPECT_THAT(report.changes, ElementsAre("2026-11-26T10:00:00Z deploy: web-00002 asked for by ana"));
  EXPECT_THAT(print_release(report, kEnglish), HasSubstr("Changed since it began:\n- 2026-11-26T10:00:00Z deploy: "));
  EXPECT_THAT(print_release(report, kSpanish), HasSubstr("Cambió desde que empezó:\n- "));
}

TEST(CliReleasePage, SpeaksSpanish) {
  const std::string page = print_release(read_release_report(sample_release(), kSampleNow), kSpanish);
  EXPECT_THAT(page, AllOf(HasSubstr("subiendo por pasos desde hace 42s"), HasSubstr("Veredicto: todavía no"),
                          HasSubstr("estable"), HasSubstr("avanzó, canary 5%"), Not(HasSubstr("Verdict"))));
}

TEST(CliReleasePage, ABarIsFullAtTheLimitAndHalfFullAtHalfTheEvidence) {
  EXPECT_DOUBLE_EQ(way_to_limit({1, 100}, false), 0);
  EXPECT_DOUBLE_EQ(way_to_limit({10, 100}, false), 0.5);
  EXPECT_DOUBLE_EQ(way_to_limit({100, 100}, false), 1);
  EXPECT_DOUBLE_EQ(way_to_limit({1e300, 100}, false), 1);
  EXPECT_DOUBLE_EQ(way_to_limit({0.2, 100}, false), 0);
  EXPECT_DOUBLE_EQ(way_to_limit({0.01, 0.04}, true), 0.25);
  EXPECT_DOUBLE_EQ(way_to_limit({3, 0}, false), 0);
}

TEST(CliReleasePage, TimesHaveTwoUnitsAtMost) {
  EXPECT_EQ(short_time(-5s), "0s");
  EXPECT_EQ(short_time(59s + 999ms), "59s");
  EXPECT_EQ(short_time(78s), "1m18s");
  EXPECT_EQ(short_time(3725s), "1h02m");
  EXPECT_EQ(short_time(24h), "24h00m");
}

TEST(CliReleasePage, EachPhaseSaysWhatItWaitsFor) {
  ReleaseReport report = read_release_report(sample_release(), kSampleNow);
  report.gate = "qa";
  const std::vector<std::pair<model::ReleasePhase, std::string>> told = {
      {model::ReleasePhase::preparing, "1m18s more at most"},
      {model::ReleasePhase::gated, "the gate qa"},
      {model::ReleasePhase::holding, "marea releases advance web-00002"},
      {model::ReleasePhase::paused, "goes on by itself in 1m18s"},
      {model::ReleasePhase::watching, "last known stable"},
      {model::ReleasePhase::comparing, "whose fault"}};
  for (const auto& [phase, text] : told) {
    report.phase = phase;
    EXPECT_THAT(what_comes_next(report, kEnglish), HasSubstr(text));
  }
  report.phase = model::ReleasePhase::paused;
  report.endless = true;
  EXPECT_THAT(what_comes_next(report, kEnglish), HasSubstr("paused without end"));
  report.phase = model::ReleasePhase::rolled_back;
  EXPECT_EQ(what_comes_next(report, kEnglish), "");
}

TEST(CliReleaseLines, AreOneForEachChangeAndOneOfProgressInTenSeconds) {
  base::ManualClock clock;
  ReleaseLines lines;
  Json release = sample_release();
  const auto news = [&] {
    return lines.news(read_release_report(release, kSampleNow), kEnglish, clock.now(), clock.wall());
  };
  EXPECT_THAT(news(), ElementsAre("2026-11-26T13:00:00Z created: web-00002 beside web-00001",
                                  "2026-11-26T13:00:30Z advanced, canary 5%: proven good",
                                  HasSubstr(" verdict: not yet (canary 5%); failures E 12.1 of 144, good E 2 of 100; "
                                            "shape 0.01 of 0.04; split E 0.8 of 1000; p50/p95/p99 in ms: stable "
                                            "4.1/12/31.4, canary 4.1/12/31.4; to change it: about 60 more keys")));
  clock.advance(9s);
  EXPECT_THAT(news(), IsEmpty());
  clock.advance(1s);
  EXPECT_THAT(news(), ElementsAre(AllOf(HasSubstr("canary 5%, not yet: stable 7900 requests, 4 of 812 keys failed"),
                                        HasSubstr("1m18s more at most; failures E 12.1 of 144"))));
  clock.advance(5s);
  release["status"]["verdict"] = "proven good";
  EXPECT_THAT(news(), ElementsAre(HasSubstr("verdict: proven good")));
  release["status"]["verdict"] = "bad";
  release["status"]["phase"] = "rolled back";
  release["status"]["history"].push_back({{"time", "2026-11-26T13:01:00Z"},
                                          {"actor", "person"},
                                          {"who", "ana"},
                                          {"event", "aborted"},
                                          {"weight", "0%"},
                                          {"why", "enough"}});
  EXPECT_THAT(news(), ElementsAre(AllOf(HasSubstr("2026-11-26T13:01:00Z aborted by ana, canary 0%: enough; failures E"),
                                        Not(HasSubstr("to change it")))));
  clock.advance(60s);
  EXPECT_THAT(news(), IsEmpty());  // it is over
}

TEST(CliReleaseLines, LinesThatThePlatformLeavesOutAreNotToldAgain) {
  base::ManualClock clock;
  ReleaseLines lines;
  Json release = sample_release();
  release["status"].erase("verdict");
  const auto news = [&] {
    return lines.news(read_release_report(release, kSampleNow), kEnglish, clock.now(), clock.wall()).size();
  };
  EXPECT_EQ(news(), 2U);
  release["status"]["historyLeftOut"] = 1;
  release["status"]["history"] = {release["status"]["history"][1], {{"time", "T"}, {"event", "holding"}}};
  EXPECT_EQ(news(), 1U);
}

TEST(CliReleaseLines, AVerdictThatTheHistoryTellsIsToldOnce) {
  base::ManualClock clock;
  ReleaseLines lines;
  Json release = sample_release();
  release["status"]["history"] = {{{"time", "T"}, {"event", "verdict"}, {"weight", "5%"}, {"why", "not yet"}}};
  EXPECT_THAT(lines.news(read_release_report(release, kSampleNow), kEnglish, clock.now(), clock.wall()),
              ElementsAre(HasSubstr("T verdict, canary 5%: not yet; failures E 12.1 of 144")));
}

TEST(CliReleaseLines, TheEvidenceIsToldWithANewStepOrVerdictAndInBothLanguages) {
  base::ManualClock clock;
  ReleaseLines lines;
  Json release = sample_release();
  const auto news = [&] {
    return lines.news(read_release_report(release, kSampleNow), kSpanish, clock.now(), clock.wall());
  };
  EXPECT_THAT(news().back(), AllOf(HasSubstr("; fallos E 12.1 de 144, bueno E 2 de 100; latencia 0.01 de 0.04"),
                                   HasSubstr("estable 4.1/12/31.4"), HasSubstr("; para cambiarlo: ")));
  const auto tell = [&](const char* event) {
    release["status"]["history"].push_back({{"time", "T"}, {"event", event}, {"weight", "25%"}});
  };
  tell("warning");
  EXPECT_THAT(news(), ElementsAre(Not(HasSubstr("12.1"))));
  release["status"]["weight"] = "25%";
  tell("warning");
  tell("advanced");
  EXPECT_THAT(news(), ElementsAre(Not(HasSubstr("12.1")), HasSubstr("12.1 de 144")));
}

TEST(CliReleaseLines, WhatIsNotMeasuredYetIsLeftOutOfTheEvidence) {
  base::ManualClock clock;
  Json release = sample_release();
  release["status"].erase("evidence");
  ReleaseLines lines;
  EXPECT_THAT(lines.news(read_release_report(release, kSampleNow), kEnglish, clock.now(), clock.wall()).back(),
              EndsWith("verdict: not yet (canary 5%)"));
}

}  // namespace
}  // namespace marea::app
