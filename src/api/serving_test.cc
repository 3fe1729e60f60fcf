#include <gmock/gmock.h>

#include "api/api_world_test.h"

namespace marea::api {
namespace {

using model::InstanceState;
using testing::HasSubstr;
using testing::Not;

class ServingTest : public ApiWorld {
 protected:
  ServingTest() {
    world.connect();
    world.have_image("a", 'a');
    world.have_image("b", 'b');
  }
  void deploy(const std::string& image, const std::string& instance) {
    ASSERT_LE(call("PUT", std::string(kServicesPath) + "/hola", hola_yaml(image), kYaml).status, 201);
    world.report(instance, world.newest("hola"), InstanceState::running);
    world.apply_routes();
  }
  Json service() { return call("GET", std::string(kServicesPath) + "/hola").json(); }
};

TEST_F(ServingTest, a_service_is_created_once_read_replaced_and_deleted) {
  const Reply made = call("POST", kServicesPath, hola_yaml("a"), kYaml);
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["metadata"]["generation"], 1);
  const Reply twice = call("POST", kServicesPath, hola_yaml("a"), kYaml);
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.json()["reason"], "AlreadyExists");
  world.report("i1", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  const Json read = service();
  EXPECT_EQ(read["status"]["url"], "http://hola.localhost:8080");
  EXPECT_EQ(read["status"]["address"]["url"], "http://hola.localhost:8080");
  EXPECT_EQ(read["status"]["conditions"][0]["type"], "Ready");
  EXPECT_EQ(read["status"]["conditions"][0]["status"], "True") << read.dump(1);
  EXPECT_EQ(read["status"]["traffic"][0]["percent"], 100);
  EXPECT_EQ(read["status"]["traffic"][0]["latestRevision"], true);
  EXPECT_EQ(read["status"]["latestReadyRevisionName"], world.newest("hola"));

  // What was read can be sent back: nothing changes.
  const Reply same =
      call("PUT", std::string(kServicesPath) + "/hola", read.dump(), "Content-Type: application/json\r\n");
  EXPECT_EQ(same.status, 200) << same.body;
  EXPECT_EQ(service()["metadata"]["generation"], 1);
  EXPECT_EQ(world.service("hola").revisions.size(), 1U);

  Json stale = read;
  stale["metadata"]["resourceVersion"] = "1";
  EXPECT_EQ(call("PUT", std::string(kServicesPath) + "/hola", stale.dump()).status, 409);
  stale["metadata"]["resourceVersion"] = "never";
  EXPECT_EQ(call("PUT", std::string(kServicesPath) + "/hola", stale.dump()).status, 409);

  send("DELETE " + std::string(kServicesPath) + "/hola HTTP/1.1\r\nHost: api\r\n\r\n");
  EXPECT_EQ(receive(), "") << "the answer waits for the router";
  world.apply_routes();
  const Reply gone = parse(receive());
  EXPECT_EQ(gone.status, 200);
  EXPECT_EQ(gone.json()["status"], "Success");
  EXPECT_EQ(call("GET", std::string(kServicesPath) + "/hola").status, 404);
  EXPECT_EQ(call("DELETE", std::string(kServicesPath) + "/hola").status, 404);
}

TEST_F(ServingTest, a_faulty_manifest_tells_every_fault_with_its_place_and_stores_nothing) {
  const std::string text =
      hola_yaml("a") + "          ports:\n            - containerPort: 99999\n          nonsense: 1\n";
  const Reply reply = call("POST", kServicesPath, text, kYaml);
  EXPECT_EQ(reply.status, 422);
  const Json causes = reply.json()["details"]["causes"];
  ASSERT_EQ(causes.size(), 2U) << reply.body;
  EXPECT_EQ(causes[0]["field"], "spec.template.spec.containers[0].ports[0].containerPort");
  EXPECT_EQ(causes[0]["line"], 11);
  EXPECT_GT(causes[0]["column"], 0);
  EXPECT_EQ(reply.json()["details"]["code"], "E_MANIFEST_INVALID");
  EXPECT_TRUE(world.control().services().empty());
}

TEST_F(ServingTest, what_is_only_kept_is_told_as_a_warning) {
  const std::string text =
      "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: hola}\nspec:\n  template:\n    metadata:\n"
      "      annotations: {run.googleapis.com/execution-environment: gen2}\n    spec: {containers: [{image: a}]}\n";
  const Reply reply = call("POST", kServicesPath, text, kYaml);
  EXPECT_EQ(reply.status, 201) << reply.body;
  EXPECT_THAT(reply.head, HasSubstr("Warning: 299 marea \""));
  EXPECT_THAT(reply.head, HasSubstr("execution-environment"));
}

TEST_F(ServingTest, the_name_in_the_path_must_be_that_of_the_document) {
  const Reply reply = call("PUT", std::string(kServicesPath) + "/other", hola_yaml("a"), kYaml);
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.json()["details"]["causes"][0]["field"], "metadata.name");
}

TEST_F(ServingTest, other_methods_forms_and_paths_are_refused_with_the_way_out) {
  const Reply method = call("POST", std::string(kServicesPath) + "/hola", "{}");
  EXPECT_EQ(method.status, 405);
  EXPECT_THAT(method.head, HasSubstr("Allow: GET, PUT, PATCH, DELETE"));
  const Reply type = call("POST", kServicesPath, "<a/>", "Content-Type: text/xml\r\n");
  EXPECT_EQ(type.status, 415);
  const Reply form = call("GET", kServicesPath, "", "Accept: text/html\r\n");
  EXPECT_EQ(form.status, 406);
  const Reply table = call("GET", kServicesPath, "", "Accept: application/json;as=Table;v=v1, application/json\r\n");
  EXPECT_EQ(table.status, 200);
  const Reply nowhere = call("GET", "/apis/marea.dev/v1/nothing");
  EXPECT_EQ(nowhere.status, 404);
  EXPECT_EQ(nowhere.json()["kind"], "Status");
  EXPECT_EQ(call("GET", "/apis/serving.knative.dev/v1/namespaces/elsewhere/services").status, 200);
}

TEST_F(ServingTest, revisions_are_listed_by_service_and_carry_their_image) {
  deploy("a", "i1");
  const Json list = call("GET", std::string(kRevisionsPath) + "?labelSelector=serving.knative.dev/service=hola").json();
  EXPECT_EQ(list["kind"], "RevisionList");
  ASSERT_EQ(list["items"].size(), 1U);
  const Json one = list["items"][0];
  EXPECT_EQ(one["metadata"]["labels"]["serving.knative.dev/configurationGeneration"], "1");
  EXPECT_EQ(one["status"]["containerStatuses"][0]["imageDigest"], "a@sha256:" + std::string(64, 'a'));
  EXPECT_EQ(one["status"]["actualReplicas"], 1);
  const Json none = call("GET", std::string(kRevisionsPath) + "?labelSelector=serving.knative.dev/service=x").json();
  EXPECT_TRUE(none["items"].empty());
  EXPECT_EQ(call("DELETE", std::string(kRevisionsPath) + "/" + world.newest("hola")).status, 409);
  EXPECT_EQ(call("GET", std::string(kRevisionsPath) + "/hola-00009-zzz").status, 404);
}

TEST_F(ServingTest, a_failed_deploy_is_told_whole_while_the_old_revision_serves) {
  deploy("a", "i1");
  const std::string old = world.newest("hola");
  deploy("nowhere", "i2");
  world.fail_job({.code = base::ErrorCode::image_not_found, .what = "the registry has no \"nowhere\""});
  const Json read = service();
  EXPECT_EQ(read["status"]["conditions"][0]["status"], "False");
  EXPECT_EQ(read["status"]["conditions"][0]["reason"], "ContainerMissing");
  EXPECT_THAT(read["status"]["conditions"][0]["message"].get<std::string>(), HasSubstr("\"nowhere\""));
  EXPECT_EQ(read["status"]["annotations"]["marea.dev/error-code"], "E_IMAGE_NOT_FOUND");
  EXPECT_EQ(read["status"]["traffic"][0]["revisionName"], old);
  EXPECT_EQ(read["status"]["latestReadyRevisionName"], old);
  EXPECT_NE(read["status"]["latestCreatedRevisionName"], old);
}

TEST_F(ServingTest, a_share_that_is_no_whole_percent_is_told_exactly) {
  deploy("a", "i1");
  const std::string old = world.newest("hola");
  const std::string split =
      "  traffic: [{revisionName: " + old + ", percent: 99.75}, {latestRevision: true, percent: 0.25}]\n";
  ASSERT_EQ(call("PUT", std::string(kServicesPath) + "/hola", hola_yaml("b") + split, kYaml).status, 200);
  EXPECT_EQ(service()["status"]["traffic"][0]["percent"].dump(), "100");  // an integer, as other platforms have it
  world.report("i2", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  const Json traffic = service()["status"]["traffic"];
  ASSERT_EQ(traffic.size(), 2U) << traffic;
  EXPECT_EQ(traffic[0]["revisionName"], old);
  EXPECT_EQ(traffic[0]["percent"].dump(), "99.75");
  EXPECT_EQ(traffic[1]["percent"].dump(), "0.25");
}

TEST_F(ServingTest, a_revision_that_traffic_names_and_nobody_has_is_told_with_all_other_faults) {
  deploy("a", "i1");
  const Json before = service();
  const auto told = [&](const Reply& reply) {
    std::string out = std::to_string(reply.status);
    const Json body = reply.json();
    for (const Json& cause : body["details"]["causes"]) out += " " + cause["field"].get<std::string>();
    return out;
  };
  const std::string path = std::string(kServicesPath) + "/hola";
  const std::string gone = "  traffic:\n  - {revisionName: gone, percent: 100}\n";
  EXPECT_EQ(told(call("PUT", path, hola_yaml("b") + gone, kYaml)), "422 spec.traffic[0].revisionName");
  EXPECT_EQ(told(call("PUT", path + "?dryRun=All", hola_yaml("b") + gone, kYaml)), "422 spec.traffic[0].revisionName");
  EXPECT_EQ(told(call("PUT", path, hola_yaml("b") + "        - image: x\n          surplus: 1\n" + gone, kYaml)),
            "422 spec.template.spec.containers spec.template.spec.containers[1].surplus spec.traffic[0].revisionName");
  EXPECT_EQ(told(call("PATCH", path, R"({"spec": {"traffic": [{"revisionName": "gone", "percent": 90}]}})", kMerge)),
            "422 spec.traffic spec.traffic[0].revisionName");
  EXPECT_EQ(told(call("PATCH", path + "?fieldManager=me", R"({"spec": {"traffic": [{"revisionName": "gone",
            "percent": 90}]}})",
                      kApply)),
            "422 spec.traffic spec.traffic[0].revisionName");
  EXPECT_EQ(service(), before);
}

TEST_F(ServingTest, an_answered_apply_is_there_after_a_kill) {
  ASSERT_EQ(call("POST", kServicesPath, hola_yaml("a"), kYaml).status, 201);
  close();
  world.kill();
  world.start();
  open();
  EXPECT_EQ(service()["spec"]["template"]["spec"]["containers"][0]["image"], "a");
}

}  // namespace
}  // namespace marea::api
