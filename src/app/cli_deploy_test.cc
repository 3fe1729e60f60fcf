// deploy, apply and up against a platform that keeps services and blobs as docs/api.md says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "app/cli_adopt.h"
#include "app/cli_wait.h"
#include "app/test_platform.h"
#include "pipeline/test_images.h"

namespace marea::app {
namespace {

using pipeline::testing::TempDir;
using pipeline::testing::TestLayout;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::json_answer;
using ::testing::Not;
using testing::Ran;
using testing::run_cli;
using testing::TestPlatform;
using testing::write_text;

const Json kNothing = Json::object();

// Services become what `status_of` says as soon as they are stored.
struct World {
  std::function<Json(const Json& service)> status_of = [](const Json& service) {
    return Json{{"observedGeneration", service["metadata"]["generation"]},
                {"url", "http://" + text_at(service, {"metadata", "name"}) + ".localhost:8080"},
                {"latestReadyRevisionName", "web-00001"},
                {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}};
  };
  std::map<std::string, Json> services;
  std::set<std::string> blobs;
  std::map<std::string, std::string> refusals;  // by the service's name: the answer to its dry run
  Json instances = {{"items", Json::array()}};
  std::string build = R"({"line":"STEP 1"})"
                      "\n"
                      R"({"image":{"name":"localhost/web:latest","digest":"sha256:1"}})"
                      "\n";

  net::HttpResponse put_service(const std::string& name, const net::HttpRequest& request) {
    Json service = Json::parse(request.body);
    const bool there = services.contains(name);
    const std::string version = text_at(service, {"metadata", "resourceVersion"});
    if (there && !version.empty() && version != text_at(services[name], {"metadata", "resourceVersion"})) {
      return json_answer(409, R"({"message":"it was changed","code":409})");
    }
    if (request.parameter("dryRun") == "All") {
      const auto refusal = refusals.find(name);
      return refusal == refusals.end() ? json_answer(there ? 200 : 201, request.body)
                                       : json_answer(422, refusal->second);
    }
    const int generation = there ? services[name]["metadata"]["generation"].get<int>() + 1 : 1;
    service["metadata"]["generation"] = generation;
    service["metadata"]["resourceVersion"] = std::to_string(generation);
    service["status"] = status_of(service);
    services[name] = service;
    return {
        .status = there ? 200 : 201, .fields = {{"Warning", "299 marea \"a \\\"notice\\\"\""}}, .body = service.dump()};
  }

  net::HttpResponse operator()(const net::HttpRequest& request) {
    const std::string& last = request.segments.back();
    if (request.segments.size() > 5 && request.segments[5] == "services") {
      if (request.method == "PUT") return put_service(last, request);
      if (!services.contains(last)) return json_answer(404, R"({"message":"not found","code":404})");
      return json_answer(200, services[last].dump());
    }
    const std::string& what = request.segments[3];
    if (what == "instances") return json_answer(200, instances.dump());
    if (what == "builds") return {.status = 200, .body = build};
    if (what == "blobs" && request.method == "HEAD") return {.status = blobs.contains(last) ? 200 : 404};
    if (what == "blobs") blobs.insert(last);
    return json_answer(200, "{}");
  }
};

class CliDeploy : public ::testing::Test {
 protected:
  CliDeploy() : layout(dir.path() + "/image") {
    layout.write_index({pipeline::testing::with_tag(layout.add_image({{.tar = pipeline::testing::tar({})}}), "one")});
  }
  Ran run(const std::vector<std::string>& words) { return run_cli(words, platform.dir()); }
  std::string oci() const { return "oci:" + layout.dir(); }
  const Json& stored(const std::string& name) { return world.services[name]; }

  TempDir dir;
  TestLayout layout;
  World world;
  TestPlatform platform{[this](const net::HttpRequest& request) { return world(request); }};
};

TEST_F(CliDeploy, ANewServiceIsMadeFromALayoutAndItsUrlIsTheOnlyDataPrinted) {
  const Ran ran = run({"deploy", "web", "--image", oci() + ":one", "--port", "9000", "--args", "-m", "--args", "x"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "http://web.localhost:8080\n");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("created: services/web"), HasSubstr("notice: a \"notice\"")));
  EXPECT_EQ(world.blobs.size(), 3U);
  const Json& container = stored("web")["spec"]["template"]["spec"]["containers"][0];
  EXPECT_EQ(container["image"], oci() + ":one");
  EXPECT_EQ(container["args"], Json({"-m", "x"}));
}

TEST_F(CliDeploy, BlobsThatAreThereAreNotSentAgain) {
  run({"deploy", "web", "--image", oci()});
  const std::size_t before = platform.requests().size();
  run({"deploy", "web", "--image", oci()});
  const std::vector<std::string> all = platform.requests();
  const std::vector<std::string> second(all.begin() + static_cast<std::ptrdiff_t>(before), all.end());
  EXPECT_THAT(second, Contains(HasSubstr("HEAD ")));
  EXPECT_THAT(second, Not(Contains(HasSubstr("PUT /apis/marea.dev/v1/blobs"))));
}

TEST_F(CliDeploy, AnImageThatIsNotThereChangesNothingAndSaysWhatIs) {
  const Ran first = run({"deploy", "web", "--image", oci() + ":two"});
  EXPECT_EQ(first.code, 3);
  EXPECT_THAT(first.err, AllOf(HasSubstr("two"), HasSubstr("one")));
  EXPECT_TRUE(platform.requests().size() == 1 && world.services.empty());
  run({"deploy", "web", "--image", oci()});
  const Ran second = run({"deploy", "web", "--image", "oci:" + dir.path() + "/nowhere"});
  EXPECT_EQ(second.code, 6);
  EXPECT_THAT(second.err, AllOf(HasSubstr("/nowhere"), HasSubstr("web-00001 keeps serving")));
}

TEST_F(CliDeploy, AServiceThatWasChangedMeanwhileIsAConflict) {
  run({"deploy", "web", "--image", oci()});
  TestPlatform racing([this](const net::HttpRequest& request) {
    const net::HttpResponse answer = world(request);
    if (request.method == "GET") world.services["web"]["metadata"]["resourceVersion"] = "77";
    return answer;
  });
  EXPECT_EQ(run_cli({"deploy", "web", "--port", "1"}, racing.dir()).code, 5);
}

TEST_F(CliDeploy, AFailedDeployTellsTheCauseAndWhetherSomethingStillServes) {
  std::string serving;
  world.status_of = [&serving](const Json& service) {
    return Json{
        {"observedGeneration", service["metadata"]["generation"]},
        {"latestCreatedRevisionName", "web-00002"},
        {"latestReadyRevisionName", serving},
        {"annotations", {{"marea.dev/error-code", "E_APP_EXITED"}}},
        {"conditions",
         {{{"type", "Ready"}, {"status", "False"}, {"reason", "AppExited"}, {"message", "exit code 7\n  bye"}}}}};
  };
  const Ran alone = run({"deploy", "web", "--image", oci()});
  EXPECT_EQ(alone.code, 1);
  EXPECT_THAT(alone.err, AllOf(HasSubstr("web-00002 is not ready: AppExited [E_APP_EXITED]"),
                               HasSubstr("exit code 7\n"), HasSubstr("|   bye\n")));
  serving = "web-00001";
  const Ran kept = run({"deploy", "web", "--image", oci()});
  EXPECT_EQ(kept.code, 6);
  EXPECT_EQ(kept.out, "");
  EXPECT_THAT(kept.err, HasSubstr("web-00001 keeps serving"));
  EXPECT_EQ(run({"deploy", "web", "--no-wait"}).code, 0);
}

TEST_F(CliDeploy, AWaitThatIsOverIsATimeoutThatNamesTheLastState) {
  world.status_of = [](const Json&) {
    return Json{{"observedGeneration", 0},
                {"conditions", {{{"type", "Ready"}, {"status", "Unknown"}, {"reason", "Deploying"}}}}};
  };
  const Ran ran = run({"deploy", "web", "--image", oci(), "--wait-timeout", "0"});
  EXPECT_EQ(ran.code, 8);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("Deploying"), HasSubstr("E_TIMEOUT")));
}

TEST(CliWait, OnlyTheNewestGenerationDecides) {
  const Json old =
      Json::parse(R"({"status":{"observedGeneration":1,"conditions":[{"type":"Ready","status":"False"}]}})");
  EXPECT_EQ(deploy_state(old, 2), DeployState::going_on);
  EXPECT_EQ(deploy_state(old, 1), DeployState::failed);
  EXPECT_EQ(deploy_state(kNothing, 0), DeployState::going_on);
}

TEST_F(CliDeploy, ApplyFindsLayoutsBesideTheManifestAndKeepsTheOrder) {
  write_text(
      dir / "app.yaml",
      "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: b}\nspec: {template: {spec: {containers: "
      "[{image: 'oci:image:one'}]}}}\n---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n"
      "spec: {template: {spec: {containers: [{image: 'oci:image:one'}]}}}\n");
  const Ran ran = run({"apply", "-f", dir / "app.yaml", "-o", "name"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "b\na\n");
  EXPECT_EQ(stored("a")["spec"]["template"]["spec"]["containers"][0]["image"], oci() + ":one");
}

TEST_F(CliDeploy, ApplyStoresNothingOfSeveralWhenThePlatformWouldRefuseOneAndTellsAllFaults) {
  std::string text;
  for (const char* name : {"a", "b", "c"}) {
    text += "---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: " + std::string(name) +
            "}\nspec: {template: {spec: {containers: [{image: 'oci:image:one'}]}}}\n";
  }
  write_text(dir / "app.yaml", text);
  const auto refusal = [](const std::string& field, const std::string& message) {
    return R"({"message":"no","code":422,"details":{"code":"E_MANIFEST_INVALID","what":"the manifest has faults",)"
           R"("causes":[{"field":")" +
           field + R"(","message":")" + message + R"("}]}})";
  };
  world.refusals = {{"b", refusal("metadata.annotations", "there is no ReleasePolicy ghost")},
                    {"c", refusal("spec.traffic", "host x.localhost belongs to service far")}};
  const Ran ran = run({"apply", "-f", dir / "app.yaml"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("services/b: metadata.annotations: there is no ReleasePolicy ghost"),
                             HasSubstr("services/c: spec.traffic: host x.localhost belongs to service far"),
                             HasSubstr("app.yaml has faults: 2"), HasSubstr("nothing was stored")));
  EXPECT_TRUE(world.services.empty() && world.blobs.empty());

  // A host that a service of the same file has now may be free by the time.
  world.refusals = {{"c", refusal("spec.traffic", "host x.localhost belongs to service a")}};
  EXPECT_EQ(run({"apply", "-f", dir / "app.yaml"}).code, 0);
  EXPECT_EQ(world.services.size(), 3U);
}

TEST_F(CliDeploy, ApplyGoesByTheVersionOfTheServiceThatIsThereNotOfOneReadElsewhere) {
  const auto apply = [this](const std::string& members) {
    write_text(dir / "app.yaml", "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a, " + members +
                                     "}\nspec: {template: {spec: {containers: [{image: 'oci:image:one'}]}}}\n");
    return run({"apply", "-f", dir / "app.yaml"});
  };
  EXPECT_EQ(apply("uid: far, resourceVersion: AAYIZ5").code, 0);
  world.services["a"]["metadata"]["uid"] = "near";
  EXPECT_EQ(apply("uid: near, resourceVersion: '9'").code, 5);
  EXPECT_EQ(apply("resourceVersion: '9'").code, 5);
  EXPECT_EQ(apply("uid: far, resourceVersion: AAYIZ5").code, 0);
}

TEST_F(CliDeploy, ApplyNamesEveryFaultWithItsPlaceAndStoresNothing) {
  write_text(dir / "bad.yaml",
             "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: B_}\nspec:\n  template:\n    spec:\n"
             "      containers:\n        - image: x\n          ports: [{containerPort: 99999}]\n");
  const Ran ran = run({"apply", "-f", dir / "bad.yaml"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr(dir / "bad.yaml:3:"), HasSubstr(dir / "bad.yaml:9:"), HasSubstr("containerPort"),
                             HasSubstr("E_MANIFEST_INVALID")));
  EXPECT_THAT(platform.requests(),
              ::testing::Each(::testing::AnyOf(::testing::StartsWith("GET "), HasSubstr("?dryRun=All"))))
      << "the platform is asked what it would refuse beside that";
  const Ran missing = run({"apply", "-f", dir / "missing.yaml"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("missing.yaml"));
}

TEST_F(CliDeploy, UpSendsTheDirectoryWithoutWhatIsIgnoredAndDeploysWhatWasBuilt) {
  const std::string app = dir / "My Web";
  write_text(app + "/Containerfile", "FROM scratch\n");
  write_text(app + "/site/index.html", "hello tide");
  write_text(app + "/site/secret", "do not send");
  write_text(app + "/.dockerignore", "**/secret\nContainerfile\n");
  const Ran ran = run({"up", app, "--env", "A=1"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "http://my-web.localhost:8080\n");
  EXPECT_THAT(ran.err, HasSubstr("STEP 1\n"));
  ASSERT_EQ(platform.requests()[0],
            "POST /apis/marea.dev/v1/builds?name=localhost%2Fmy-web:latest&dockerfile=Containerfile");
  EXPECT_THAT(platform.bodies()[0], AllOf(HasSubstr("hello tide"), HasSubstr("FROM scratch"),
                                          HasSubstr(".dockerignore"), Not(HasSubstr("do not send"))));
  EXPECT_EQ(stored("my-web")["spec"]["template"]["spec"]["containers"][0]["image"], "localhost/web:latest");
}

TEST_F(CliDeploy, ABuildThatFailsSaysWhyAndDeploysNothing) {
  write_text(dir / "web/Dockerfile", "FROM x\n");
  world.build =
      "{\"line\":\"no x\"}\n{\"error\":{\"code\":\"E_BUILD_FAILED\",\"what\":\"cannot build\",\"why\":\"no x\"}}\n";
  const Ran ran = run({"up", dir / "web"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("no x\n"), HasSubstr("cannot build [E_BUILD_FAILED]")));
  EXPECT_TRUE(world.services.empty());
  world.build = "{\"line\":\"and then silence\"}\n";
  EXPECT_THAT(run({"up", dir / "web"}).err, HasSubstr("E_UNAVAILABLE"));
}

TEST_F(CliDeploy, ADirectoryWithoutADockerfileIsNamed) {
  const Ran ran = run({"up", dir.path()});
  EXPECT_NE(ran.code, 0);
  EXPECT_THAT(ran.err, AllOf(HasSubstr(dir.path()), HasSubstr("Dockerfile")));
  EXPECT_TRUE(platform.requests().empty());
}

TEST(CliAdopt, OnlyOnePortThatIsNoDebuggersMayBeAdopted) {
  EXPECT_EQ(port_to_adopt(Json::parse(R"({"items":[{"listening":[{"address":"::","port":3000}]},{}]})")), 3000);
  EXPECT_EQ(port_to_adopt(Json::parse(R"({"items":[{"listening":[{"port":3000},{"port":4000}]}]})")), std::nullopt);
  EXPECT_EQ(port_to_adopt(Json::parse(R"({"items":[{"listening":[{"port":9229}]}]})")), std::nullopt);
  EXPECT_EQ(port_to_adopt(kNothing), std::nullopt);
}

}  // namespace
}  // namespace marea::app
