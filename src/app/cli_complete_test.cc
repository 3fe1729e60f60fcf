#include "app/cli_complete.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/test_platform.h"

namespace marea::app {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::json_answer;
using ::testing::Not;
using testing::run_cli;
using testing::TestPlatform;

// The texts; the platform knows the services web and work, and of each the revision NAME-1.
std::vector<std::string> candidates(const std::vector<std::string>& words) {
  const Ask ask = [](Completes what, const TypedLine& line) -> std::vector<Candidate> {
    const std::string service = line.service();
    if (what == Completes::services) return {{.text = "web"}, {.text = "work"}};
    if (what == Completes::revisions && service.empty()) return {{.text = "web-1"}, {.text = "work-1"}};
    if (what == Completes::revisions) return {{.text = service + "-1"}};
    return {};
  };
  std::vector<std::string> out;
  for (const Candidate& one : complete(words, Words(Language::en), ask).candidates) out.push_back(one.text);
  return out;
}

TEST(CliComplete, TheFirstWordIsAVerbOrANoun) {
  EXPECT_THAT(candidates({"re"}), ElementsAre("revisions", "releases", "releasepolicies", "restore", "repair"));
  EXPECT_THAT(candidates({""}), AllOf(Contains("services"), Not(Contains("complete"))));
  EXPECT_THAT(candidates({"-o", "json", "se"}), ElementsAre("serve", "services"));
}

TEST(CliComplete, ANounHasItsVerbsInTheSingularToo) {
  EXPECT_THAT(candidates({"services", ""}), ElementsAre("list", "describe", "delete"));
  EXPECT_THAT(candidates({"service", "d"}), ElementsAre("describe", "delete"));
}

TEST(CliComplete, OptionsThatWereGivenAreNotOfferedAgainUnlessTheyRepeat) {
  EXPECT_THAT(candidates({"deploy", "web", "--port", "1", "--env", "A=B", "--"}),
              AllOf(Not(Contains("--port")), Contains("--env"), Contains("--memory")));
}

TEST(CliComplete, AnOptionsValueComesFromTheTableOrThePlatform) {
  EXPECT_THAT(candidates({"services", "-o", ""}), ElementsAre("table", "json", "yaml", "name"));
  EXPECT_THAT(candidates({"services", "--output=j"}), ElementsAre("--output=json"));
  EXPECT_THAT(candidates({"-o", "n"}), ElementsAre("name"));
  EXPECT_THAT(candidates({"revisions", "list", "--service", "wo"}), ElementsAre("work"));
  EXPECT_THAT(candidates({"logs", "work", "--revision", ""}), ElementsAre("work-1"));
  EXPECT_THAT(candidates({"logs", "work", "--tail", ""}), IsEmpty());
}

TEST(CliComplete, WordsAreOfferedOnlyWhereTheVerbTakesThem) {
  EXPECT_THAT(candidates({"services", "describe", "w"}), ElementsAre("web", "work"));
  EXPECT_THAT(candidates({"services", "describe", "web", ""}), IsEmpty());
  EXPECT_THAT(candidates({"fly", ""}), IsEmpty());
}

TEST(CliComplete, ThePlatformIsTheOneThatTheLineNames) {
  TestPlatform platform([](const net::HttpRequest&) {
    return json_answer(200, R"({"items":[{"metadata":{"name":"web"},"status":{"url":"http://web.localhost"}}]})");
  });
  const std::string named = run_cli({"complete", "--", "--data", platform.dir(), "logs", ""}, "/nowhere").out;
  EXPECT_EQ(named, "web\thttp://web.localhost\n");
  EXPECT_EQ(run_cli({"complete", "--", "logs", ""}, "/nowhere").out, "");
}

TEST(CliComplete, EveryShellHasItsScript) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_THAT(run_cli({"completion", shell}, "").out, HasSubstr(" complete -- ")) << shell;
  }
  EXPECT_EQ(run_cli({"completion", "cmd"}, "").code, 2);
}

}  // namespace
}  // namespace marea::app
