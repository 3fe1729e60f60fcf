#include "app/cli_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli_commands.h"
#include "app/test_platform.h"

namespace marea::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::json_answer;
using testing::Ran;
using testing::run_cli;
using testing::TestPlatform;

constexpr const char* kInstances = R"({"kind":"InstanceList","items":[
  {"kind":"Instance","metadata":{"name":"i1"},"service":"web","revision":"web-00001","state":"running","since":"T","in_flight":2},
  {"kind":"Instance","metadata":{"name":"i2"},"service":"web","revision":"web-00001","state":"idle","since":"U","in_flight":0}]})";

TEST(CliRun, ANounAloneListsAndEveryFormatShowsTheSame) {
  TestPlatform platform([](const net::HttpRequest&) { return json_answer(200, kInstances); });
  EXPECT_EQ(run_cli({"instances"}, platform.dir()).out,
            "NAME  SERVICE  REVISION   STATE    SINCE  IN-FLIGHT  REASON\n"
            "i1    web      web-00001  running  T      2          -\n"
            "i2    web      web-00001  idle     U      0          -\n");
  EXPECT_EQ(run_cli({"instances", "list", "-o", "name"}, platform.dir()).out, "i1\ni2\n");
  const Json list = Json::parse(run_cli({"instances", "-o=json"}, platform.dir()).out);
  EXPECT_EQ(list["items"][0]["name"], "i1");
  EXPECT_EQ(list["items"][0]["in_flight"], 2);
  EXPECT_THAT(run_cli({"instances", "-o", "yaml"}, platform.dir()).out, HasSubstr("in_flight: 2"));
}

TEST(CliRun, ANounMayStandInTheSingular) {
  TestPlatform platform([](const net::HttpRequest&) { return json_answer(200, kInstances); });
  EXPECT_EQ(run_cli({"instance", "-o", "name"}, platform.dir()).out, "i1\ni2\n");
  run_cli({"service", "describe", "web"}, platform.dir());
  EXPECT_EQ(platform.requests().back(), "GET /apis/serving.knative.dev/v1/namespaces/default/services/web");
  EXPECT_EQ(run_cli({"log", "web"}, platform.dir()).code, 2);
}

TEST(CliRun, FiltersAreEscapedWordsOfTheQuery) {
  TestPlatform platform([](const net::HttpRequest&) { return json_answer(200, R"({"items":[]})"); });
  run_cli({"instances", "--service", "a&b", "--revision=r"}, platform.dir());
  run_cli({"revisions", "list", "--service", "web"}, platform.dir());
  EXPECT_THAT(platform.requests(),
              ElementsAre("GET /apis/marea.dev/v1/instances?service=a%26b&revision=r",
                          "GET /apis/serving.knative.dev/v1/namespaces/default/revisions?labelSelector="
                          "serving.knative.dev%2Fservice%3Dweb"));
}

TEST(CliRun, WhatIsNotThereExitsWithThreeAndSaysFourThings) {
  TestPlatform platform([](const net::HttpRequest&) {
    return json_answer(404, R"({"kind":"Status","message":"m","code":404,
        "details":{"code":"E_NOT_FOUND","what":"Service \"x\" not found","remedy":"Run: marea services"}})");
  });
  const Ran ran = run_cli({"services", "describe", "x"}, platform.dir());
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "marea: Service \"x\" not found [E_NOT_FOUND]\n  there is no such object, or no longer\n"
            "  → Run: marea services\n  More: marea help E_NOT_FOUND, docs/cli.md#e_not_found\n");
}

TEST(CliRun, AnObjectThatIsNotThereIsNamedWithTheListToLookIn) {
  TestPlatform platform([](const net::HttpRequest&) {
    return json_answer(404, R"({"kind":"Status","code":404,"message":"services.serving.knative.dev \"x\" not found",
        "details":{"code":"E_NOT_FOUND","what":"services.serving.knative.dev \"x\" not found"}})");
  });
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"services", "describe", "x"}, {"services", "delete", "x"}, {"logs", "x"}}) {
    const Ran ran = run_cli(words, platform.dir());
    EXPECT_EQ(ran.code, 3);
    EXPECT_EQ(ran.err,
              "marea: there is no services/x [E_NOT_FOUND]\n  there is no such object, or no longer\n"
              "  → See what there is: marea services list\n  More: marea help E_NOT_FOUND, docs/cli.md#e_not_found\n");
  }
}

TEST(CliRun, WhatAnswersButIsNotMareasApiIsSaidToBeThat) {
  TestPlatform platform(
      [](const net::HttpRequest&) { return net::HttpResponse{.status = 404, .body = "no such page"}; });
  const Ran ran = run_cli({"services"}, platform.dir());
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr(platform.dir()), HasSubstr("HTTP 404"), HasSubstr("is it marea that listens")));
}

TEST(CliRun, APlatformThatIsNotThereIsNamedWithTheNextCommand) {
  const Ran ran = run_cli({"services"}, "/nowhere");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("unix:/nowhere/api.sock"));
  EXPECT_THAT(ran.err, HasSubstr("E_UNAVAILABLE"));
  EXPECT_THAT(ran.err, HasSubstr("sudo marea serve"));
  EXPECT_THAT(run_cli({"services"}, "/nowhere", Language::es).err, HasSubstr("no se puede llegar a la plataforma"));
}

TEST(CliRun, UsageErrorsExitWithTwoAndPointAtTheHelp) {
  struct Row {
    std::vector<std::string> words;
    const char* says;
  };
  for (const Row& row : std::vector<Row>{{{}, "no command"},
                                         {{"fly"}, "'fly'"},
                                         {{"services", "paint"}, "'services paint'"},
                                         {{"services", "describe"}, "NAME is missing"},
                                         {{"services", "list", "x"}, "'x'"},
                                         {{"services", "--colour"}, "'--colour'"},
                                         {{"servces"}, "perhaps you mean 'services'"},
                                         {{"services", "descibe"}, "perhaps you mean 'services describe'"},
                                         {{"deploy", "--prot=1"}, "perhaps you mean '--port'"},
                                         {{"serve", "--runtime", "docker"}, "auto, crun, runc"},
                                         {{"services", "-o", "xml"}, "'xml'"},
                                         {{"deploy", "web", "--port", "0"}, "--port"},
                                         {{"deploy", "web", "--port"}, "--port needs a value"},
                                         {{"deploy", "web", "--env", "A"}, "NAME=VALUE"},
                                         {{"deploy", "web", "--max-scale=-1"}, "--max-scale"},
                                         {{"deploy", "Web!", "--image", "i"}, "'Web!'"},
                                         {{"apply"}, "-f FILE"},
                                         {{"images", "import", "x", "y"}, "'y'"},
                                         {{"--server", "ftp://x", "services"}, "'ftp://x'"}}) {
    const Ran ran = run_cli(row.words, "/nowhere");
    EXPECT_EQ(ran.code, 2) << row.says << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(row.says));
    EXPECT_THAT(ran.err, HasSubstr("E_USAGE"));
    EXPECT_THAT(ran.err, HasSubstr("  → ")) << row.says;
  }
}

TEST(CliRun, EveryCommandHasHelpInBothLanguages) {
  for (const CommandSpec& command : commands()) {
    if (command.hidden) continue;
    std::vector<std::string> words;
    words.emplace_back(command.noun());
    if (command.noun() != command.name) words.emplace_back(command.name.substr(command.noun().size() + 1));
    words.emplace_back("--help");
    const Ran english = run_cli(words, "");
    const Ran spanish = run_cli(words, "", Language::es);
    EXPECT_EQ(english.code, 0) << command.name;
    EXPECT_THAT(english.out, HasSubstr(command.usage()));
    EXPECT_NE(english.out, spanish.out) << command.name;
    EXPECT_THAT(run_cli({"help"}, "").out, HasSubstr(command.usage()));
  }
}

TEST(CliRun, OptionsMayStandBeforeTheVerb) {
  TestPlatform platform([](const net::HttpRequest&) { return json_answer(200, R"({"items":[]})"); });
  const Ran ran = run_cli({"--server", "unix:" + platform.dir() + "/api.sock", "-o", "name", "services"}, "/nowhere");
  EXPECT_EQ(ran.code, 0) << ran.err;
}

TEST(CliRun, DoctorTellsAPlatformThatIsDownFromOneThatIsUp) {
  TestPlatform platform([](const net::HttpRequest&) {
    return json_answer(200, R"({"roles":[{"role":"control","state":"running"},{"role":"engine","state":"restarting"}],
                               "runtime":"crun 1.8.1"})");
  });
  const Json up = Json::parse(run_cli({"doctor", "-o", "json"}, platform.dir()).out);
  EXPECT_EQ(up["items"][0]["check"], "platform");
  EXPECT_EQ(up["items"][0]["ok"], true);
  const Ran names = run_cli({"doctor", "-o", "name"}, platform.dir());
  EXPECT_EQ(names.code, 1);
  EXPECT_THAT(names.out, HasSubstr("role engine\n"));
  // The machine itself, and, when nothing answers, the addresses that `marea serve` would take.
  const std::string down = run_cli({"doctor", "-o", "json"}, "/nowhere").out;
  EXPECT_THAT(down, AllOf(HasSubstr("\"privilege\""), HasSubstr("\"runtime\""), HasSubstr("address 127.0.0.1:8080")));
  EXPECT_THAT(run_cli({"doctor", "-o", "name"}, "/nowhere").out, HasSubstr("platform\n"));
}

TEST(CliRun, NoLineOfTheHelpIsWiderThanAPage) {
  for (const Language language : {Language::en, Language::es}) {
    std::string all = run_cli({"help"}, "", language).out;
    for (const CommandSpec& command : commands()) {
      if (!command.hidden) all += help_of(command, Words(language));
    }
    std::istringstream lines(all);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(width_of(line), kPageWidth) << line;
  }
}

TEST(CliRun, HelpTellsWhatACodeMeans) {
  const Ran ran = run_cli({"help", "e_port_mismatch"}, "");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("E_PORT_MISMATCH: the app listens on another port"), HasSubstr("--port N"),
                             HasSubstr("exit code 1")));
  EXPECT_THAT(run_cli({"help", "E_NOTHING"}, "").err, HasSubstr("E_USAGE"));
}

TEST(CliRun, WordsBehindTwoDashesAreNoOptions) {
  EXPECT_THAT(run_cli({"services", "describe", "--", "--help"}, "/nowhere").err, HasSubstr("E_UNAVAILABLE"));
  EXPECT_THAT(run_cli({"services", "list", "--", "-o"}, "/nowhere").err, HasSubstr("'-o'"));
}

}  // namespace
}  // namespace marea::app
