// The verbs of releases and policies, rollback, and what deploy, apply and traffic say of releases, against a platform
// that answers as docs/api.md says and moves a release on with each look at it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "app/release_samples_test.h"
#include "app/test_platform.h"

namespace marea::app {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::json_answer;
using ::testing::Not;
using testing::Ran;
using testing::run_cli;
using testing::sample_release;
using testing::TestPlatform;
using testing::write_text;

Json in_phase(const std::string& phase, const std::string& weight = "5%") {
  Json out = sample_release();
  out["status"]["phase"] = phase;
  out["status"]["weight"] = weight;
  return out;
}

Json rolled_back() {
  Json out = in_phase("rolled back", "0%");
  out["status"]["cause"] = "judged bad";
  out["status"]["detail"] = "failures: 9 of 80 keys";
  out["status"]["history"].push_back(
      {{"time", "2026-11-26T13:02:00Z"}, {"actor", "judge"}, {"event", "rolled back"}, {"weight", "0%"}});
  return out;
}

Json promoted() {
  Json out = in_phase("watching", "99%");
  out["status"]["step"] = 4;
  return out;
}

struct ReleaseWorld {
  std::deque<Json> looks;  // what the release is at each look; the last one stays
  bool there = true;       // a release at all
  Json service = {
      {"metadata", {{"name", "web"}, {"generation", 2}, {"resourceVersion", "7"}}},
      {"spec", {{"traffic", {{{"latestRevision", true}, {"percent", 100}}}}}},
      {"status",
       {{"observedGeneration", 2},
        {"url", "http://web.localhost:8080"},
        {"latestCreatedRevisionName", "web-00002"},
        {"latestReadyRevisionName", "web-00002"},
        {"traffic",
         {{{"revisionName", "web-00001"}, {"percent", 95}}, {{"revisionName", "web-00002"}, {"percent", 5}}}},
        {"conditions", {{{"type", "Ready"}, {"status", "True"}}, {{"type", "RoutesReady"}, {"status", "True"}}}}}}};
  int move_status = 200;
  int looks_before_routes = 2;  // of the service, after a rollback, until the router has it
  bool rolled = false;
  std::map<std::string, Json> policies;

  net::HttpResponse look() {
    if (!there || looks.empty()) return json_answer(404, R"({"message":"not found","code":404})");
    const Json now = looks.front();
    if (looks.size() > 1) looks.pop_front();
    return json_answer(200, now.dump());
  }

  net::HttpResponse of_releases(const net::HttpRequest& request) {
    if (request.method == "POST") {
      if (move_status == 200) return json_answer(200, looks.back().dump());
      return json_answer(409, R"({"message":"no","code":409,"details":{"code":"E_CONFLICT","what":"cannot pause the )"
                              R"(release of web","why":"it is being compared"}})");
    }
    if (request.segments.size() > 4) {
      return request.segments[4] == "web-00002" ? look() : json_answer(404, R"({"message":"not found","code":404})");
    }
    Json items = Json::array();
    if (there && !looks.empty()) {
      Json older = sample_release("web-00001");
      older["metadata"]["creationTimestamp"] = "2026-11-25T13:00:00Z";
      older["status"]["phase"] = "done";
      items = {looks.front(), older};
    }
    return json_answer(200, Json{{"items", items}}.dump());
  }

  net::HttpResponse of_policies(const net::HttpRequest& request) {
    if (request.segments.size() < 5) {
      Json items = Json::array();
      for (const auto& [name, policy] : policies) items.push_back(policy);
      return json_answer(200, Json{{"items", items}}.dump());
    }
    const std::string& name = request.segments[4];
    const bool known = policies.contains(name);
    if (request.method == "PUT") {
      if (request.parameter("dryRun") == "All") return json_answer(known ? 200 : 201, request.body);
      policies[name] = Json::parse(request.body);
      return json_answer(known ? 200 : 201, policies[name].dump());
    }
    if (!known) return json_answer(404, R"({"message":"not found","code":404})");
    if (request.method == "DELETE") return json_answer(200, "{}");
    return json_answer(200, policies[name].dump());
  }

  net::HttpResponse of_services(const net::HttpRequest& request) {
    if (request.segments.back() == "rollback") {
      if (move_status != 200) {
        return json_answer(409, R"({"message":"no","code":409,"details":{"code":"E_CONFLICT","what":"cannot roll web )"
                                R"(back","why":"the policy forbids a rollback after 25%"}})");
      }
      rolled = true;
      return json_answer(200, R"({"service":"web","from":"web-00002","to":"web-00001","release":"web-00002"})");
    }
    if (request.segments.back() != "web") return json_answer(404, R"({"message":"not found","code":404})");
    if (request.parameter("dryRun") == "All") return json_answer(200, request.body);
    if (request.method == "PUT") service["spec"] = Json::parse(request.body)["spec"];
    if (rolled && --looks_before_routes < 0) {
      service["status"]["traffic"] = {{{"revisionName", "web-00001"}, {"percent", 100}}};
    }
    return json_answer(200, service.dump());
  }

  net::HttpResponse operator()(const net::HttpRequest& request) {
    if (request.segments[3] == "releases") return of_releases(request);
    if (request.segments[3] == "releasepolicies") return of_policies(request);
    if (request.segments[3] == "services" || request.segments[5] == "services") return of_services(request);
    if (request.segments[5] == "revisions") {
      return json_answer(200, R"({"metadata":{"name":"web-00001","labels":{"serving.knative.dev/service":"web"}}})");
    }
    return json_answer(404, R"({"message":"not found","code":404})");
  }
};

class CliReleases : public ::testing::Test {
 protected:
  Ran run(const std::vector<std::string>& words, Language language = Language::en) {
    return run_cli(words, platform.dir(), language);
  }
  std::string last_body() const { return platform.bodies().back(); }
  std::string last_request() const { return platform.requests().back(); }

  ReleaseWorld world;
  TestPlatform platform{[this](const net::HttpRequest& request) { return world(request); }};
};

TEST_F(CliReleases, AreListedAndDescribedByTheirOwnNameOrTheirServices) {
  world.looks = {in_phase("stepping")};
  const Ran list = run({"releases", "list", "--service", "web"});
  EXPECT_THAT(list.out, HasSubstr("web-00002  web      stepping  5%      not yet"));
  EXPECT_EQ(last_request(), "GET /apis/marea.dev/v1/releases?service=web");
  for (const char* name : {"web-00002", "web"}) {
    const Ran one = run({"releases", "describe", name});
    EXPECT_EQ(one.code, 0) << one.err;
    EXPECT_THAT(one.out, AllOf(HasSubstr("web-00002 of web: stepping"), HasSubstr("History:")));
  }
  EXPECT_EQ(Json::parse(run({"release", "describe", "web", "-o", "json"}).out)["metadata"]["name"], "web-00002");
}

TEST_F(CliReleases, AServiceWithoutOneIsToldApartFromWhatIsNotThere) {
  world.there = false;
  const Ran none = run({"releases", "watch", "web"});
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, AllOf(HasSubstr("service web has no release"), HasSubstr("--release-policy canary")));
  const Ran unknown = run({"releases", "watch", "nobody"});
  EXPECT_EQ(unknown.code, 3);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("there is no releases/nobody"), HasSubstr("marea releases list")));
}

TEST_F(CliReleases, AWatchEndsWithThePromotionAndHasALineForEachChange) {
  Json later = in_phase("stepping", "25%");
  later["status"]["verdict"] = "proven good";
  world.looks = {in_phase("stepping"), in_phase("stepping"), in_phase("stepping"), later, promoted()};
  const Ran ran = run({"releases", "watch", "web"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("2026-11-26T13:00:30Z advanced, canary 5%: proven good\n"),
                             HasSubstr("verdict: proven good (canary 25%); failures E"), Not(HasSubstr("\033"))));
  EXPECT_THAT(ran.err, HasSubstr("web-00002 is promoted: web-00002 has 99%"));
}

TEST_F(CliReleases, AWatchMayGoOnUntilTheReleaseIsDone) {
  world.looks = {promoted(), promoted(), promoted(), in_phase("done", "100%")};
  const Ran ran = run({"releases", "watch", "web", "--until", "done", "-o", "json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out)["status"]["phase"], "done");
  EXPECT_THAT(ran.err, HasSubstr("web-00002 is the last known stable revision"));
}

TEST_F(CliReleases, AReleaseThatWasRolledBackIsExitCode7WithItsCauseAndWhereToLook) {
  world.looks = {in_phase("stepping"), in_phase("stepping"), rolled_back()};
  const Ran ran = run({"releases", "watch", "web-00002"});
  EXPECT_EQ(ran.code, 7);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("web-00002 was rolled back by itself (judged bad): web-00001 has all requests"),
                             HasSubstr("failures: 9 of 80 keys"), HasSubstr("marea releases describe web-00002")));
  const Ran spanish = run({"releases", "watch", "web-00002"}, Language::es);
  EXPECT_THAT(spanish.err, HasSubstr("se revirtió solo (juzgado malo)"));
}

TEST_F(CliReleases, AnyOtherEndIsExitCode1AndATimeThatIsOver8) {
  for (const char* end : {"aborted", "superseded", "failed"}) {
    world.looks = {in_phase(end)};
    EXPECT_EQ(run({"releases", "watch", "web"}).code, 1) << end;
  }
  world.looks = {in_phase("paused")};
  const Ran late = run({"releases", "watch", "web", "--timeout", "0"});
  EXPECT_EQ(late.code, 8);
  EXPECT_THAT(late.err, AllOf(HasSubstr("E_TIMEOUT"), HasSubstr("marea releases watch web-00002")));
}

TEST_F(CliReleases, PeopleMoveAReleaseWithAReason) {
  world.looks = {in_phase("paused")};
  const Ran paused = run({"releases", "pause", "web", "--reason", "lunch", "--for", "2h"});
  EXPECT_EQ(paused.code, 0) << paused.err;
  EXPECT_EQ(last_request(), "POST /apis/marea.dev/v1/releases/web-00002/pause");
  EXPECT_EQ(Json::parse(last_body()), (Json{{"reason", "lunch"}, {"for", "2h"}}));
  EXPECT_THAT(paused.err, HasSubstr("paused: releases/web-00002"));
  EXPECT_THAT(paused.out, HasSubstr("web-00002"));
  run({"releases", "pause", "web", "--endless"});
  EXPECT_EQ(Json::parse(last_body()), (Json{{"endless", true}}));
  for (const char* act : {"resume", "advance", "promote", "abort", "retry"}) {
    EXPECT_EQ(run({"releases", act, "web-00002", "-o", "name"}).out, "web-00002\n");
    EXPECT_EQ(last_request(), std::string("POST /apis/marea.dev/v1/releases/web-00002/") + act);
    EXPECT_EQ(last_body(), "{}");
  }
  run({"releases", "advance", "web", "--gate", "qa"});
  EXPECT_EQ(Json::parse(last_body()), (Json{{"gate", "qa"}}));
}

TEST_F(CliReleases, WhatAReleaseRefusesIsAConflictWithItsReason) {
  world.looks = {in_phase("comparing")};
  world.move_status = 409;
  const Ran ran = run({"releases", "pause", "web"});
  EXPECT_EQ(ran.code, 5);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("cannot pause the release of web"), HasSubstr("it is being compared")));
  const std::size_t asked = platform.requests().size();
  EXPECT_EQ(run({"releases", "pause", "web", "--for", "1h", "--endless"}).code, 2);
  EXPECT_EQ(platform.requests().size(), asked);
}

TEST_F(CliReleases, PoliciesAreAppliedInOneFileWithServicesAndBeforeThem) {
  write_text(platform.dir() + "/all.yaml",
             "apiVersion: serving.knative.dev/v1\nkind: Service\n"
             "metadata: {name: web, annotations: {marea.dev/release-policy: careful}}\n"
             "spec: {template: {metadata: {annotations: {marea.dev/rollback: 'forbidden-after: 50%'}}, "
             "spec: {containers: [{image: x}]}}}\n---\n"
             "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: careful}\n"
             "spec: {strategy: canary, ladder: [5%, 50%]}\n");
  const Ran ran = run({"apply", "-f", platform.dir() + "/all.yaml"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("created: releasepolicies/careful"), HasSubstr("services/web")));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("careful  canary    5%, 50%"), HasSubstr("web-00002")));
  std::vector<std::string> puts;
  std::vector<std::string> sent;
  for (std::size_t i = 0; i < platform.requests().size(); ++i) {
    if (!platform.requests()[i].starts_with("PUT")) continue;
    puts.push_back(platform.requests()[i]);
    sent.push_back(platform.bodies()[i]);
  }
  ASSERT_THAT(puts, ElementsAre(HasSubstr("/services/web?dryRun=All"), HasSubstr("/releasepolicies/careful?dryRun=All"),
                                EndsWith("/releasepolicies/careful"), EndsWith("/services/web")));
  // Its policy is not there yet, and the step at which rollbacks end is one of that policy's.
  EXPECT_THAT(sent[0], AllOf(Not(HasSubstr("careful")), Not(HasSubstr("forbidden-after"))));
  EXPECT_THAT(sent[3], AllOf(HasSubstr("careful"), HasSubstr("forbidden-after")));
  EXPECT_EQ(run({"apply", "-f", platform.dir() + "/all.yaml", "-o", "name"}).out, "web\ncareful\n");
}

TEST_F(CliReleases, FaultsOfEveryKindAreToldAtOnceAndNothingIsSent) {
  write_text(platform.dir() + "/bad.yaml",
             "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: B_}\n"
             "spec: {template: {spec: {containers: [{image: x}]}}}\n---\n"
             "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: careful}\nspec: {alpha: 2}\n");
  const Ran ran = run({"apply", "-f", platform.dir() + "/bad.yaml"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("bad.yaml:3:"), HasSubstr("bad.yaml:9:"), HasSubstr("spec.alpha")));
  EXPECT_THAT(platform.requests(), IsEmpty());
}

TEST_F(CliReleases, PoliciesAreListedDescribedAndDeleted) {
  world.policies["careful"] = Json::parse(R"({"metadata":{"name":"careful"},"spec":{"strategy":"canary",)"
                                          R"("ladder":[{"weight":"1%"},"5%"],"gates":[{"name":"qa"}],"alpha":0.01}})");
  EXPECT_THAT(run({"releasepolicies"}).out, HasSubstr("careful  canary    1%, 5%  qa"));
  EXPECT_THAT(run({"releasepolicy", "describe", "careful"}).out, AllOf(HasSubstr("1%, 5%"), HasSubstr("0.01")));
  EXPECT_THAT(run({"releasepolicies", "delete", "careful"}).err, HasSubstr("deleted: releasepolicies/careful"));
  EXPECT_EQ(run({"releasepolicies", "describe", "nobody"}).code, 3);
}

TEST_F(CliReleases, ARollbackTellsWhoServedBeforeAndAfter) {
  const Ran ran = run({"rollback", "web", "web-00001", "--reason", "errors"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("web-00001 95%, web-00002 5%"), HasSubstr("web-00001 100%"), HasSubstr(" s\n"),
                             HasSubstr("Release ended:  web-00002")));
  const auto requests = platform.requests();
  const auto sent = std::ranges::find(requests, "POST /apis/marea.dev/v1/services/web/rollback");
  ASSERT_NE(sent, requests.end());
  EXPECT_EQ(Json::parse(platform.bodies()[static_cast<std::size_t>(sent - requests.begin())]),
            (Json{{"revision", "web-00001"}, {"reason", "errors"}}));
  EXPECT_GE(requests.end() - sent, 3);  // it was not done before the router had it
}

TEST_F(CliReleases, AQuarterOfAPercentIsSaidExactlyAndKeepsARollbackFromBeingDone) {
  world.service["status"]["traffic"] = {{{"revisionName", "web-00001"}, {"percent", 99.75}},
                                        {{"revisionName", "web-00002"}, {"percent", 0.25}}};
  EXPECT_THAT(run({"traffic", "web"}).out, AllOf(HasSubstr("99.75%"), HasSubstr("0.25%")));
  EXPECT_THAT(run({"services", "describe", "web"}).out, HasSubstr("web-00001 99.75%, web-00002 0.25%"));
  const Ran ran = run({"rollback", "web"});
  EXPECT_THAT(ran.out, AllOf(HasSubstr("web-00001 99.75%, web-00002 0.25%"), HasSubstr("web-00001 100%")));
  const auto requests = platform.requests();
  const auto sent = std::ranges::find(requests, "POST /apis/marea.dev/v1/services/web/rollback");
  EXPECT_GE(requests.end() - sent, 3);
}

TEST_F(CliReleases, ARollbackThatIsForbiddenSaysWhyAndTheWayOn) {
  world.move_status = 409;
  const Ran ran = run({"rollback", "web"});
  EXPECT_EQ(ran.code, 5);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("forbids a rollback after 25%"), HasSubstr("marea deploy web --image REF")));
}

TEST_F(CliReleases, ADeployThatWaitsFollowsItsReleaseAndPrintsTheUrlOfOneThatWentWell) {
  world.looks = {in_phase("preparing"), in_phase("stepping"), in_phase("stepping"), promoted()};
  const Ran ran = run({"deploy", "web", "--env", "A=1", "--release-policy", "careful", "--wait"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "http://web.localhost:8080\n");
  EXPECT_THAT(
      ran.err,
      AllOf(
          HasSubstr("web-00002 gets its requests step by step (1%, 5%, 25%), and all of them only with its promotion"),
          HasSubstr("advanced, canary 5%"), HasSubstr("is promoted: web-00002 has 99%")));
}

TEST_F(CliReleases, ADeployWhoseReleaseIsRolledBackIsExitCode7AndPrintsNoUrl) {
  world.looks = {in_phase("stepping"), in_phase("stepping"), rolled_back()};
  const Ran ran = run({"deploy", "web", "--env", "A=1", "--wait"});
  EXPECT_EQ(ran.code, 7);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("web-00001 has all requests"));
}

TEST_F(CliReleases, ADeployThatDoesNotFollowSaysInOneLineWhatGoesOn) {
  world.looks = {in_phase("stepping")};
  for (const char* option : {"--no-wait", "--env=B=2"}) {
    const Ran ran = run({"deploy", "web", "--port", "9000", option});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("release web-00002 goes on; watch it: marea releases watch web-00002\n"));
  }
  world.looks = {in_phase("done")};
  EXPECT_THAT(run({"deploy", "web", "--port", "9000"}).err, Not(HasSubstr("goes on")));
  world.looks = {in_phase("stepping")};
  world.service["status"]["latestCreatedRevisionName"] = "web-00003";  // the release is of another deploy
  EXPECT_THAT(run({"deploy", "web", "--port", "9000", "--no-wait"}).err, Not(HasSubstr("goes on")));
}

TEST_F(CliReleases, ASplitThatIsSetByHandTellsThatItEndsTheRelease) {
  world.looks = {in_phase("stepping")};
  const Ran by_hand = run({"traffic", "web", "web-00001=100", "--no-wait"});
  EXPECT_THAT(by_hand.err, HasSubstr("ends the running release web-00002 of web"));
  EXPECT_THAT(run({"traffic", "web", "--tag", "old=web-00001", "--no-wait"}).err, HasSubstr("ends the running"));
  world.service["spec"]["traffic"] = {{{"latestRevision", true}, {"percent", 100}}};
  EXPECT_THAT(run({"traffic", "web", "--tag", "old=web-00001", "--no-wait"}).err, Not(HasSubstr("ends the running")));
  world.service["spec"]["traffic"] = {{{"revisionName", "web-00001"}, {"percent", 100}}};
  EXPECT_THAT(run({"traffic", "web", "--to-latest", "--no-wait"}).err, Not(HasSubstr("ends the running")));
  world.looks = {in_phase("done")};
  EXPECT_THAT(run({"traffic", "web", "web-00001=100", "--no-wait"}).err, Not(HasSubstr("ends the running")));
}

}  // namespace
}  // namespace marea::app
