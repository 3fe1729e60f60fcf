// Release policies are written as services are; what both do alike is tested there.
#include <gmock/gmock.h>

#include "api/api_world_test.h"

namespace marea::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kPolicies = "/apis/marea.dev/v1/namespaces/default/releasepolicies";

class PoliciesTest : public ApiWorld {
 protected:
  PoliciesTest() { world.connect(); }
  static std::string policy(const std::string& name, const std::string& spec) {
    return "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: " + name + "}\nspec: " + spec + "\n";
  }
  static std::string path(const std::string& name) { return std::string(kPolicies) + "/" + name; }
  const model::ReleasePolicy& stored(const std::string& name) {
    return world.control().release_policies().at(name).policy;
  }
};

TEST_F(PoliciesTest, a_policy_is_created_read_changed_and_deleted) {
  const Reply made = call("POST", kPolicies, policy("careful", "{ladder: [5%, 50%]}"), kYaml);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["kind"], "ReleasePolicy");
  const Json read = call("GET", path("careful")).json();
  EXPECT_EQ(read["spec"]["ladder"][1], "50%");
  EXPECT_EQ(call("POST", kPolicies, policy("careful", "{}"), kYaml).status, 409);
  EXPECT_EQ(call("PUT", path("careful"), policy("careful", "{ladder: [5%, 20%]}"), kYaml).status, 200);
  EXPECT_EQ(call("PUT", path("careful"), policy("other", "{}"), kYaml).status, 422);
  EXPECT_EQ(call("PATCH", path("careful"), R"({"spec":{"beta":0.1}})", kMerge).status, 200);
  EXPECT_EQ(call("PATCH", path("careful"), R"([{"op":"add","path":"/spec/alpha","value":0.02}])", kPatch).status, 200);
  EXPECT_EQ(stored("careful").ladder.at(1).weight, 2000U);
  EXPECT_EQ(stored("careful").beta, 0.1);
  EXPECT_EQ(stored("careful").alpha, 0.02);
  close();
  world.kill();
  world.start();
  open();
  world.connect();
  EXPECT_EQ(call("GET", path("careful")).json()["spec"]["alpha"], 0.02);
  EXPECT_EQ(call("DELETE", path("careful") + "?dryRun=All").status, 200);
  EXPECT_EQ(call("DELETE", path("careful")).status, 200);
  EXPECT_EQ(call("GET", path("careful")).status, 404);
  EXPECT_EQ(call("DELETE", path("careful")).status, 404);
}

TEST_F(PoliciesTest, a_dry_run_stores_nothing) {
  const Reply dry = call("POST", std::string(kPolicies) + "?dryRun=All", policy("p", "{alpha: 0.02}"), kYaml);
  ASSERT_EQ(dry.status, 201) << dry.body;
  EXPECT_EQ(dry.json()["spec"]["alpha"], 0.02);
  EXPECT_EQ(call("GET", path("p")).status, 404);
}

TEST_F(PoliciesTest, all_faults_are_named_at_once_and_nothing_changes) {
  const Reply bad =
      call("POST", kPolicies,
           policy("p", "{ladder: [25%, 5%], alpha: 0.5, holdback: 200%, gates: [{name: qa, before: 7%}], colour: red}"),
           kYaml);
  EXPECT_EQ(bad.status, 422) << bad.body;
  std::vector<std::string> fields;
  const Json answer = bad.json();
  for (const Json& cause : answer["details"]["causes"]) fields.push_back(cause["field"]);
  for (const char* field : {"spec.ladder[1]", "spec.alpha", "spec.holdback", "spec.gates[0].before", "spec.colour"}) {
    EXPECT_THAT(fields, testing::Contains(HasSubstr(field))) << bad.body;
  }
  EXPECT_EQ(call("GET", path("p")).status, 404);
  const Reply unknown = call("POST", kPolicies, policy("p", "{colour: red}"), kYaml);
  EXPECT_EQ(unknown.status, 400) << unknown.body;
  EXPECT_THAT(unknown.body, HasSubstr("strict decoding error: unknown field"));
  const Reply warned =
      call("POST", std::string(kPolicies) + "?fieldValidation=Warn", policy("p", "{colour: red}"), kYaml);
  EXPECT_EQ(warned.status, 201) << warned.body;
  EXPECT_THAT(warned.head, HasSubstr("Warning: 299 marea"));
  EXPECT_EQ(call("POST", kPolicies, policy("canary", "{}"), kYaml).status, 422) << "a strategy's name";
}

TEST_F(PoliciesTest, a_change_since_it_was_read_is_a_conflict) {
  Json read = call("POST", kPolicies, policy("p", "{alpha: 0.02}"), kYaml).json();
  ASSERT_EQ(call("PUT", path("p"), policy("p", "{alpha: 0.03}"), kYaml).status, 200);
  read["spec"]["alpha"] = 0.04;
  EXPECT_EQ(call("PUT", path("p"), read.dump()).status, 409);
  EXPECT_EQ(stored("p").alpha, 0.03);
  read = call("GET", path("p")).json();
  read["spec"]["alpha"] = 0.04;
  EXPECT_EQ(call("PUT", path("p"), read.dump()).status, 200);
  read["metadata"]["name"] = "new";
  EXPECT_EQ(call("PUT", path("new"), read.dump()).status, 409) << "it was read from another";
}

TEST_F(PoliciesTest, server_side_apply_knows_who_manages_what) {
  const auto apply = [&](const std::string& manager, const std::string& spec, const char* more = "") {
    return call("PATCH", path("p") + "?fieldManager=" + manager + more, policy("p", spec), kApply);
  };
  const Reply made = apply("ana", "{alpha: 0.02, beta: 0.1}");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["metadata"]["managedFields"][0]["apiVersion"], "marea.dev/v1");
  const Reply conflict = apply("bob", "{alpha: 0.03}");
  EXPECT_EQ(conflict.status, 409);
  EXPECT_THAT(conflict.body, HasSubstr(R"(conflict with \"ana\": .spec.alpha)"));
  EXPECT_EQ(apply("bob", "{alpha: 0.03}", "&force=true").status, 200);
  EXPECT_EQ(stored("p").alpha, 0.03);
  EXPECT_EQ(apply("ana", "{}").status, 200);
  EXPECT_EQ(stored("p").beta, model::ReleasePolicy().beta) << "nobody manages it any more";
  EXPECT_EQ(stored("p").alpha, 0.03) << "bob does";
}

TEST_F(PoliciesTest, a_policy_that_a_service_names_stays_and_a_collection_goes) {
  world.have_image("a", 'a');
  for (const char* name : {"p", "q", "r"}) {
    ASSERT_EQ(call("POST", kPolicies, policy(name, "{ladder: [1%, 10%]}"), kYaml).status, 201);
  }
  ASSERT_EQ(call("POST", kServicesPath,
                 "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: hola, annotations: "
                 "{marea.dev/release-policy: p}}\nspec: {template: {spec: {containers: [{image: a}]}}}\n",
                 kYaml)
                .status,
            201);
  EXPECT_EQ(call("DELETE", path("p")).status, 409);
  const Json table = call("GET", kPolicies, "", kTable).json();
  std::vector<std::string> columns;
  for (const Json& one : table["columnDefinitions"]) columns.push_back(one["name"]);
  EXPECT_THAT(columns, ElementsAre("Name", "Strategy", "Ladder", "Age"));
  EXPECT_EQ(table["rows"][0]["cells"][2], "1% 10%");
  EXPECT_EQ(call("DELETE", std::string(kPolicies) + "?fieldSelector=metadata.name!%3Dp").status, 200);
  EXPECT_EQ(call("GET", kPolicies).json()["items"].size(), 1U);
  EXPECT_EQ(call("DELETE", "/apis/marea.dev/v1/releasepolicies").status, 405) << "of all namespaces at once";
}

TEST_F(PoliciesTest, a_watcher_hears_of_each_change) {
  send("GET " + std::string(kPolicies) + "?watch=true HTTP/1.1\r\nHost: api\r\n\r\n");
  receive();
  const auto put = [&](const char* spec) {
    const auto parsed = model::parse_release_policies(policy("p", spec));
    ASSERT_TRUE(world.execute(control::PutReleasePolicy{.document = parsed->front()}));
    world.advance(kSettleAfter);
  };
  put("{alpha: 0.02}");
  EXPECT_THAT(receive(), HasSubstr("\"ADDED\""));
  put("{alpha: 0.02}");
  EXPECT_EQ(receive(), "") << "nothing changed";
  put("{alpha: 0.03}");
  EXPECT_THAT(receive(), HasSubstr("\"MODIFIED\""));
  ASSERT_TRUE(world.execute(control::DeleteReleasePolicy{.name = "p"}));
  world.advance(kSettleAfter);
  EXPECT_THAT(receive(), HasSubstr("\"DELETED\""));
}

TEST_F(PoliciesTest, discovery_tells_of_the_group_and_how_its_kinds_are_made_up) {
  const Json groups = call("GET", "/apis").json()["groups"];
  EXPECT_EQ(groups[1]["name"], "marea.dev");
  std::vector<std::string> names;
  const Json kinds = call("GET", "/apis/marea.dev/v1").json();
  for (const Json& one : kinds["resources"]) names.push_back(one["name"]);
  EXPECT_THAT(names, testing::IsSupersetOf({"releases", "releases/status", "releasepolicies"}));
  EXPECT_EQ(call("GET", "/apis/marea.dev").json()["kind"], "APIGroup");
  const Json schemas = call("GET", "/openapi/v3/apis/marea.dev/v1").json()["components"]["schemas"];
  EXPECT_TRUE(schemas["dev.marea.v1.ReleasePolicySpec"]["properties"].contains("ladder"));
  EXPECT_EQ(schemas["dev.marea.v1.ReleasePolicy"]["x-kubernetes-group-version-kind"][0]["kind"], "ReleasePolicy");
  EXPECT_TRUE(schemas.contains("dev.knative.serving.v1.ObjectMeta"));
  EXPECT_FALSE(schemas.contains("dev.knative.serving.v1.Service"));
  const Json v2 = call("GET", "/openapi/v2").json();
  EXPECT_TRUE(v2["paths"]["/apis/marea.dev/v1/namespaces/{namespace}/releasepolicies/{name}"].contains("patch"));
  EXPECT_FALSE(v2["paths"]["/apis/marea.dev/v1/namespaces/{namespace}/releases/{name}"].contains("patch"));
}

}  // namespace
}  // namespace marea::api
