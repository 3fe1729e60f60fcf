#include "app/cli_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli_commands.h"
#include "app/cli_revision_diff.h"
#include "app/test_platform.h"

namespace marea::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::json_answer;
using testing::Ran;
using testing::run_cli;
using testing::TestPlatform;

// "r1=90 r2=10 r2#next": percents, then tags.
std::string text(const Json& traffic) {
  std::string out;
  for (const Json& target : traffic) {
    std::string name = text_at(target, {"revisionName"});
    if (name.empty()) name = kLatest;
    if (!out.empty()) out += ' ';
    const std::string tag = text_at(target, {"tag"});
    out += tag.empty() ? name + "=" + text_at(target, {"percent"}) : name + "#" + tag;
  }
  return out;
}

std::string changed(const Json& traffic, const SplitChange& change) {
  const auto split = changed_split({{"spec", {{"traffic", traffic}}}}, change, Words(Language::en));
  if (split) return text(*split);
  std::string faults;
  for (const std::string& fault : split.error()) faults += fault + "; ";
  return faults;
}

const Json kHalves = {{{"revisionName", "r1"}, {"percent", 60}},
                      {{"revisionName", "r2"}, {"percent", 40}, {"tag", "new"}}};

TEST(CliSplit, WhatIsNotNamedKeepsItsProportion) {
  EXPECT_EQ(changed(kHalves, {.shares = {{"r3", 1000}}}), "r3=10 r1=54 r2=36 r2#new");
  EXPECT_EQ(changed(kHalves, {.shares = {{"r3", 2500}}}), "r3=25 r1=45 r2=30 r2#new");
  EXPECT_EQ(changed(kHalves, {.shares = {{"r2", 100}}}), "r2=1 r1=99 r2#new");
  EXPECT_EQ(changed(Json::array(), {.shares = {{"r1", 1000}}}), "r1=10 latest=90");
}

TEST(CliSplit, NobodyGetsMoreOrLessThanAll) {
  EXPECT_EQ(changed(kHalves, {.shares = {{"r1", 10'000}}}), "r1=100 r2#new");
  EXPECT_EQ(changed(kHalves, {.shares = {{"latest", 10'000}}}), "latest=100 r2#new");
  EXPECT_THAT(changed(kHalves, {.shares = {{"r1", 8000}, {"r3", 3000}}}), HasSubstr("110"));
  EXPECT_THAT(changed(kHalves, {.shares = {{"r1", 5000}, {"r2", 4900}}}), HasSubstr("99"));
  EXPECT_THAT(changed(kHalves, {.shares = {{"r1", 5000}, {"r1", 5000}}}), HasSubstr("twice"));
  const Json thirds = {{{"revisionName", "a"}, {"percent", 34}},
                       {{"revisionName", "b"}, {"percent", 33}},
                       {{"revisionName", "c"}, {"percent", 33}}};
  EXPECT_EQ(changed(thirds, {.shares = {{"d", 5000}}}), "d=50 a=17 b=17 c=16");
}

TEST(CliSplit, StepsOfAHundredthAreDividedAsExactly) {
  EXPECT_EQ(changed(Json::array(), {.shares = {{"r1", 9975}, {"r2", 25}}}), "r1=99.75 r2=0.25");
  EXPECT_EQ(changed(kHalves, {.shares = {{"r3", 25}}}), "r3=0.25 r1=59.85 r2=39.9 r2#new");
  const Json fine = {{{"revisionName", "a"}, {"percent", 99.75}}, {{"revisionName", "b"}, {"percent", 0.25}}};
  EXPECT_EQ(changed(fine, {.shares = {{"c", 5000}}}), "c=50 a=49.88 b=0.12");
  EXPECT_EQ(changed(fine, {.tags = {{"old", "a"}}}), "a=99.75 b=0.25 a#old");
  EXPECT_THAT(changed(kHalves, {.shares = {{"r1", 9975}, {"r3", 30}}}), HasSubstr("100.05"));
  EXPECT_TRUE(changed_split(Json::object(), {.shares = {{"r1", 10'000}}}, Words(Language::en))
                  ->at(0)["percent"]
                  .is_number_integer());
}

TEST(CliSplit, ATagNamesOneRevisionAndMoves) {
  EXPECT_EQ(changed(kHalves, {.tags = {{"new", "r1"}}}), "r1=60 r2=40 r1#new");
  EXPECT_EQ(changed(kHalves, {.tags = {{"old", "latest"}}}), "r1=60 r2=40 r2#new latest#old");
  EXPECT_EQ(changed(kHalves, {.untagged = {"new"}}), "r1=60 r2=40");
  EXPECT_THAT(changed(kHalves, {.untagged = {"x"}}), HasSubstr("no tag x"));
  EXPECT_THAT(changed(kHalves, {.shares = {{"r1", 8000}, {"r3", 3000}}, .untagged = {"x", "y"}}),
              AllOf(HasSubstr("110"), HasSubstr("no tag x"), HasSubstr("no tag y")));
}

TEST(CliSplit, WordsThatAreNoSharesAreRefused) {
  EXPECT_EQ(read_share("r1=10%")->weight, 1000);
  EXPECT_EQ(read_share("r1=0.25")->weight, 25);
  EXPECT_EQ(read_share("r1=99.5%")->weight, 9950);
  for (const char* word : {"r1", "=1", "r1=", "r1=x", "r1=-1", "r1=1.005", "r1=101", "r1=1%%"}) {
    EXPECT_FALSE(read_share(word)) << word;
  }
  EXPECT_EQ(run_cli({"traffic", "web", "r1"}, "/nowhere").code, 2);
  const Ran several = run_cli({"traffic", "web", "r1", "r2=x", "--tag", "new="}, "/nowhere");
  EXPECT_EQ(several.code, 2);
  EXPECT_THAT(several.err, AllOf(HasSubstr("'r1' is no"), HasSubstr("'r2=x' is no"), HasSubstr("new=")));
  EXPECT_EQ(run_cli({"traffic", "web", "r1=1", "--to-latest"}, "/nowhere").code, 2);
  EXPECT_EQ(run_cli({"traffic", "web", "--tag", "new="}, "/nowhere").code, 2);
}

TEST(CliSplit, ARevisionThatIsNotThereChangesNothing) {
  TestPlatform platform([](const net::HttpRequest& request) {
    if (request.target.find("/revisions/") != std::string::npos) return json_answer(404, R"({"kind":"Status"})");
    return json_answer(200, R"({"metadata":{"name":"web"},"spec":{}})");
  });
  EXPECT_EQ(run_cli({"traffic", "web", "ghost=10"}, platform.dir()).code, 3);
  const Ran all = run_cli({"traffic", "web", "ghost=60", "wraith=50", "--remove-tag", "old"}, platform.dir());
  EXPECT_EQ(all.code, 3);
  EXPECT_THAT(all.err, AllOf(HasSubstr("ghost"), HasSubstr("wraith"), HasSubstr("sum to 110"), HasSubstr("no tag old"),
                             HasSubstr("cannot change the traffic of web: 4 faults")));
  for (const std::string& request : platform.requests()) EXPECT_THAT(request, ::testing::StartsWith("GET "));
}

Json revision(const char* digest, const Json& container, const Json& annotations = Json::object()) {
  return {
      {"metadata", {{"name", "r"}, {"annotations", annotations}, {"labels", {{"serving.knative.dev/service", "x"}}}}},
      {"spec", {{"containerConcurrency", 80}, {"containers", Json::array({container})}}},
      {"status", {{"containerStatuses", {{{"name", "c"}, {"imageDigest", std::string("web@") + digest}}}}}}};
}

TEST(CliRevisionDiff, EveryFieldThatDiffersIsNamedOnce) {
  const Json before =
      revision("sha256:aa", {{"name", "a"}, {"image", "web:1"}, {"env", {{{"name", "A"}, {"value", "1"}}}}});
  const Json after = revision("sha256:bb",
                              {{"name", "b"},
                               {"image", "web:2"},
                               {"args", {"-v"}},
                               {"resources", {{"limits", {{"memory", "1Gi"}}}}},
                               {"env", {{{"name", "B"}, {"value", "2"}}, {{"name", "A"}, {"value", "1"}}}}},
                              {{"autoscaling.knative.dev/maxScale", "3"}});
  std::string out;
  for (const Difference& one : differences(before, after))
    out += one.field + ": " + one.before + " > " + one.after + "\n";
  EXPECT_EQ(out,
            "annotation autoscaling.knative.dev/maxScale:  > 3\nargs:  > [\"-v\"]\nenv B:  > 2\n"
            "image: sha256:aa > sha256:bb\nimage name: web:1 > web:2\nlimits.memory:  > 1Gi\n");
  EXPECT_TRUE(differences(after, after).empty());
}

TEST(CliRevisionDiff, HistoryNamesWhatEachRevisionChanged) {
  TestPlatform platform([](const net::HttpRequest& request) {
    if (request.target.find("/revisions") == std::string::npos) {
      return json_answer(200, R"({"metadata":{"name":"web"},"status":{"traffic":[
          {"revisionName":"web-2","percent":100},{"revisionName":"web-1","tag":"old"}]}})");
    }
    Json items = Json::array();
    for (const int number : {2, 1}) {
      Json one = revision("sha256:0123456789abcdef", {{"env", {{{"name", "N"}, {"value", std::to_string(number)}}}}});
      one["metadata"]["name"] = "web-" + std::to_string(number);
      one["metadata"]["creationTimestamp"] = "T" + std::to_string(number);
      one["metadata"]["labels"]["serving.knative.dev/configurationGeneration"] = std::to_string(number);
      if (number == 2) one["metadata"]["annotations"] = {{"marea.dev/source-commit", std::string(40, 'c')}};
      one["status"]["conditions"] = {{{"type", "Ready"}, {"status", "True"}}};
      items.push_back(std::move(one));
    }
    return json_answer(200, Json{{"items", items}}.dump());
  });
  EXPECT_EQ(run_cli({"history", "web"}, platform.dir()).out,
            "REVISION  WHEN  DIGEST               SOURCE        TRAFFIC  STATE       CHANGED\n"
            "web-2     T2    sha256:0123456789ab  cccccccccccc  100%     Ready=True  env N\n"
            "web-1     T1    sha256:0123456789ab  -             old      Ready=True  first revision\n");
}

}  // namespace
}  // namespace marea::app
