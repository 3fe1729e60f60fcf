#include "app/cli_timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli_moment.h"
#include "app/test_platform.h"

namespace marea::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::json_answer;
using testing::Ran;
using testing::run_cli;
using testing::TestPlatform;

constexpr std::int64_t kEight = 1'795'420'800'000'000'000;  // 2026-11-23T08:00:00Z
const std::string kNoon = "2026-11-26T12:00:00Z";

const Json kLine = {
    {"service", "web"},
    {"number", 4},
    {"time", "T4"},
    {"cause", "release step"},
    {"actor", "judge"},
    {"why", "advanced: few failures"},
    {"proof", "unproven"},
    {"split",
     {{{"revision", "web-1"}, {"weight", 9500}, {"percent", "95%"}, {"digest", "sha256:0123456789abcdef"}},
      {{"revision", "web-2"},
       {"weight", 500},
       {"percent", "5%"},
       {"digest", "sha256:fedcba9876543210"},
       {"commit", std::string(40, 'c')}}}},
    {"rules", {{{"name", "vip"}, {"to", "web-2"}}}},
    {"dividing", {{"release", "web-2"}, {"step", 1}}}};

Json with(Json object, const char* name, const Json& value) {
  object[name] = value;
  return object;
}

TEST(CliMoment, IsATimeOrHowLongAgo) {
  EXPECT_EQ(moment_before("2026-11-23T08:00:00Z", 0), kEight);
  EXPECT_EQ(moment_before("90s", kEight), kEight - 90'000'000'000);
  EXPECT_EQ(moment_before("15m", kEight), kEight - 900'000'000'000);
  for (const char* text : {"", "noon", "-5m", "2026-11-23"}) EXPECT_FALSE(moment_before(text, kEight)) << text;
  EXPECT_FALSE(moment_before("9999999999", 5'000'000'000)) << "before 1970";
  EXPECT_EQ(**moment_of(kNoon, "--at", Words(Language::en)), "2026-11-26T12:00:00Z");
}

TEST(CliHistory, AnInstantHasEachRevisionWithItsShareImageAndSourceAndWhoAndWhy) {
  TestPlatform platform([](const net::HttpRequest&) {
    return json_answer(200, with(with(kLine, "at", kNoon), "certain", false).dump());
  });
  const Ran ran = run_cli({"history", "web", "--at", kNoon}, platform.dir());
  EXPECT_THAT(platform.requests(), ElementsAre("GET /apis/marea.dev/v1/services/web/history?at=2026-11-26T12:00:00Z"));
  EXPECT_EQ(ran.out,
            "Service:                   web\nAt:                        2026-11-26T12:00:00Z\n"
            "Since:                     T4\nCause:                     release step\n"
            "Who:                       judge\nWhy:                       advanced: few failures\n"
            "Release:                   web-2, step 2\nProof of the step before:  unproven\n"
            "Rules:                     vip → web-2\n\n"
            "REVISION  SHARE  DIGEST               SOURCE\n"
            "web-1     95%    sha256:0123456789ab  -\n"
            "web-2     5%     sha256:fedcba987654  cccccccccccc\n");
  EXPECT_THAT(ran.err, HasSubstr("had not confirmed"));
  EXPECT_EQ(run_cli({"history", "web", "--at", kNoon, "-o", "name"}, platform.dir()).out, "web-1\nweb-2\n");
  EXPECT_EQ(Json::parse(run_cli({"history", "web", "--at", kNoon, "-o", "json"}, platform.dir()).out)["number"], 4);
}

TEST(CliHistory, ALineForEachChangeSinceAMoment) {
  TestPlatform platform([](const net::HttpRequest&) {
    return json_answer(200, Json{{"lost", 7}, {"items", Json::array({kLine})}}.dump());
  });
  const Ran ran = run_cli({"history", "web", "--since", "2h"}, platform.dir());
  EXPECT_EQ(ran.out,
            "WHEN  CAUSE         SPLIT                WHO    WHY\n"
            "T4    release step  web-1 95%, web-2 5%  judge  advanced: few failures\n");
  EXPECT_THAT(ran.err, HasSubstr("7 older changes"));
  EXPECT_EQ(run_cli({"history", "web", "--since", "2h", "--at", "1h"}, platform.dir()).code, 2);
  EXPECT_EQ(run_cli({"history", "web", "--at", "noon"}, platform.dir()).code, 2);
}

TEST(CliChanges, AreATableOfWhatWhoAndWhy) {
  TestPlatform platform([](const net::HttpRequest&) {
    const Json items = {{{"time", "T1"},
                         {"kind", "deploy"},
                         {"what", "web-2 asked for"},
                         {"who", "ana"},
                         {"why", "faster form"},
                         {"changed", {"env A", "image name: a → b"}}},
                        {{"time", "T2"}, {"kind", "platform"}, {"what", "router restarted"}},
                        {{"time", "T3"}, {"kind", "split"}, {"what", "split set by hand"}, {"split", "web-1 100%"}}};
    return json_answer(200, Json{{"lost", 0}, {"items", items}}.dump());
  });
  EXPECT_EQ(run_cli({"changes", "web", "--since", kNoon}, platform.dir()).out,
            "WHEN  EVENT     WHAT                                       WHO  WHY\n"
            "T1    deploy    web-2 asked for: env A; image name: a → b  ana  faster form\n"
            "T2    platform  router restarted                           -    -\n"
            "T3    split     split set by hand (web-1 100%)             -    -\n");
  EXPECT_THAT(platform.requests(),
              ElementsAre("GET /apis/marea.dev/v1/services/web/changes?since=2026-11-26T12:00:00Z"));
}

TEST(CliChanges, ThatThereWereNoneIsSaid) {
  TestPlatform platform([](const net::HttpRequest&) { return json_answer(200, R"({"lost":0,"items":[]})"); });
  const Ran ran = run_cli({"changes", "web"}, platform.dir());
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.err, HasSubstr("nothing changed"));
}

TEST(CliWhatRan, ARequestLeadsToWhatServedItAndToItsDeploy) {
  TestPlatform platform([](const net::HttpRequest&) {
    const Json ran = {{"request", "r1"},
                      {"time", "T5"},
                      {"service", "web"},
                      {"revision", "web-2"},
                      {"image", "sha256:fedcba9876543210"},
                      {"sourceCommit", "cccc"},
                      {"split", "web-1 95%, web-2 5%"},
                      {"release", {{"name", "web-2"}, {"step", 1}}},
                      {"arm", "canary"},
                      {"deploy", {{"time", "T1"}, {"who", "ana"}, {"why", "faster form"}, {"changed", {"env A"}}}},
                      {"record", {{"method", "GET"}, {"path", "/x"}, {"status", 500}}}};
    return json_answer(200, ran.dump());
  });
  const Ran ran = run_cli({"whatran", "--request", "r1", "--around", kNoon}, platform.dir());
  EXPECT_THAT(platform.requests(),
              ElementsAre("GET /apis/marea.dev/v1/whatran?request=r1&around=2026-11-26T12:00:00Z"));
  EXPECT_EQ(ran.out,
            "Request:   r1\nAt:        T5\nAnswer:    GET /x → 500\nService:   web\nRevision:  web-2\n"
            "Digest:    sha256:fedcba9876543210\nSource:    cccc\nSplit:     web-1 95%, web-2 5%\n"
            "Release:   web-2, step 2\nArm:       canary\nDeployed:  T1\nWho:       ana\nWhy:       faster form\n"
            "Changed:   env A\n");
  EXPECT_EQ(run_cli({"whatran"}, platform.dir()).code, 2);
}

TEST(CliWhatRan, ARequestWithoutARecordIsNotFound) {
  TestPlatform platform([](const net::HttpRequest&) {
    return json_answer(404, R"({"kind":"Status","message":"there is no record of request r1: the records begin at T",
      "details":{"code":"E_NOT_FOUND"}})");
  });
  EXPECT_EQ(run_cli({"whatran", "--request", "r1"}, platform.dir()).code, 3);
}

TEST(CliDiff, OfAServiceTakesThePartOfTheNamesThatTellsThemApart) {
  TestPlatform platform([](const net::HttpRequest&) {
    Json items = Json::array();
    for (const int number : {1, 2, 3}) {
      const std::string digest = "web@sha256:" + std::to_string(number);
      items.push_back({{"metadata",
                        {{"name", "web-0000" + std::to_string(number) + "-abc"},
                         {"annotations", {{"marea.dev/source-commit", "c" + std::to_string(number)}}},
                         {"labels", {{"serving.knative.dev/configurationGeneration", std::to_string(number)}}}}},
                       {"spec", {{"containerConcurrency", number}, {"containers", {{{"image", "web"}}}}}},
                       {"status", {{"containerStatuses", {{{"name", "c"}, {"imageDigest", digest}}}}}}});
    }
    return json_answer(200, Json{{"items", items}}.dump());
  });
  const std::string table =
      "FIELD                 web-00001-abc  web-00003-abc\n"
      "image                 sha256:1       sha256:3\n"
      "source commit         c1             c3\n"
      "containerConcurrency  1              3\n";
  EXPECT_EQ(run_cli({"diff", "web", "00001", "latest"}, platform.dir()).out, table);
  EXPECT_EQ(run_cli({"diff", "web", "web-00001-abc", "00003"}, platform.dir()).out, table);
  const Json json = Json::parse(run_cli({"diff", "web", "00001", "00003", "-o", "json"}, platform.dir()).out);
  EXPECT_EQ(json["before"], "web-00001-abc");
  EXPECT_EQ(json["items"].at(0)["after"], "sha256:3");
  EXPECT_EQ(run_cli({"diff", "web", "00001", "00009"}, platform.dir()).code, 3);
  const Ran many = run_cli({"diff", "web", "0000", "00001"}, platform.dir());
  EXPECT_EQ(many.code, 3);
  EXPECT_THAT(many.err, HasSubstr("web-00001-abc, web-00002-abc"));
}

}  // namespace
}  // namespace marea::app
