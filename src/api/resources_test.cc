#include <gmock/gmock.h>

#include <filesystem>

#include "api/api_world_test.h"
#include "telemetry/log_spool.h"

namespace marea::api {
namespace {

using model::InstanceState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kServing = "/apis/serving.knative.dev/v1/namespaces/default/";

class ResourcesTest : public ApiWorld {
 protected:
  ResourcesTest() {
    world.connect();
    world.have_image("a", 'a');
  }
  static std::string manifest(const std::string& name, const std::string& labels = "{}") {
    return "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: " + name + ", labels: " + labels +
           "}\nspec: {template: {spec: {containers: [{image: a}]}}}\n";
  }
  void create(const std::string& name, const std::string& labels = "{}") {
    const Reply made = call("POST", kServicesPath, manifest(name, labels), kYaml);
    ASSERT_EQ(made.status, 201) << made.body;
  }
  std::vector<std::string> names(const std::string& query, const std::string& kind = "services") {
    const Reply reply = call("GET", kServing + kind + "?" + query);
    std::vector<std::string> out;
    if (reply.status != 200) return {std::to_string(reply.status)};
    const Json list = reply.json();
    for (const Json& one : list["items"]) out.push_back(one["metadata"]["name"].get<std::string>());
    return out;
  }
  static std::string path(const std::string& name) { return std::string(kServicesPath) + "/" + name; }
};

TEST_F(ResourcesTest, selectors_choose_by_label_and_by_name) {
  create("one", "{tier: web, team: loans}");
  create("two", "{tier: batch}");
  create("three");
  EXPECT_THAT(names("labelSelector=tier%3Dweb"), ElementsAre("one"));
  EXPECT_THAT(names("labelSelector=tier+%3D+web"), ElementsAre("one")) << "gcloud writes spaces";
  EXPECT_THAT(names("labelSelector=tier%3D%3Dweb,team"), ElementsAre("one"));
  EXPECT_THAT(names("labelSelector=tier!%3Dweb"), ElementsAre("three", "two"));
  EXPECT_THAT(names("labelSelector=tier+in+(web,batch)"), ElementsAre("one", "two"));
  EXPECT_THAT(names("labelSelector=tier+notin+(web),tier"), ElementsAre("two"));
  EXPECT_THAT(names("labelSelector=!tier"), ElementsAre("three"));
  EXPECT_THAT(names("labelSelector=tier+of+(web)"), ElementsAre("400"));
  EXPECT_THAT(names("fieldSelector=metadata.name%3Dtwo"), ElementsAre("two"));
  EXPECT_THAT(names("fieldSelector=metadata.name!%3Dtwo"), ElementsAre("one", "three"));
  EXPECT_THAT(names("fieldSelector=metadata.namespace%3Dother"), ElementsAre());
  EXPECT_THAT(names("fieldSelector=spec.color%3Dred"), ElementsAre("400"));
}

TEST_F(ResourcesTest, a_collection_is_deleted_by_its_selectors) {
  create("one", "{tier: web}");
  create("three", "{tier: web}");
  create("two", "{tier: batch}");
  const std::string web = std::string(kServicesPath) + "?labelSelector=tier%3Dweb";
  for (const auto& [query, body] : {std::pair("&dryRun=All", ""), std::pair("", R"({"dryRun":["All"]})")}) {
    const Reply dry = call("DELETE", web + query, body);
    ASSERT_EQ(dry.status, 200) << dry.body;
    EXPECT_EQ(dry.json()["items"].size(), 2U);
  }
  EXPECT_EQ(call("DELETE", web, R"({"propagationPolicy":"Orphan"})").status, 400);
  EXPECT_EQ(call("DELETE", web, R"({"preconditions":{"uid":"another"}})").status, 409);
  EXPECT_EQ(call("DELETE", std::string(kServicesPath) + "?labelSelector=tier+of+(web)").status, 400);
  EXPECT_EQ(call("DELETE", std::string(kServicesPath) + "/").status, 400) << "a name that was lost";
  EXPECT_THAT(names(""), ElementsAre("one", "three", "two"));
  send("DELETE " + web + " HTTP/1.1\r\nHost: api\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(receive(), "") << "router still routes to them";
  world.apply_routes();
  const Reply done = parse(receive());
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.json()["kind"], "ServiceList");
  EXPECT_EQ(done.json()["items"][1]["metadata"]["name"], "three");
  EXPECT_THAT(names(""), ElementsAre("two"));
  const Reply none = call("DELETE", std::string(kServicesPath) + "?fieldSelector=metadata.name%3Done");
  EXPECT_EQ(none.status, 200);
  EXPECT_EQ(none.json()["items"].size(), 0U);
}

TEST_F(ResourcesTest, of_a_collection_what_may_not_go_stays_and_is_told) {
  create("hola");
  const std::string old = world.newest("hola");
  const Reply changed =
      call("PATCH", path("hola"), R"({"spec":{"template":{"metadata":{"annotations":{"x":"y"}}}}})", kMerge);
  ASSERT_EQ(changed.status, 200) << changed.body;
  world.report("i1", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  const Reply both = call("DELETE", kRevisionsPath);
  EXPECT_EQ(both.status, 409) << both.body;
  EXPECT_THAT(both.body, HasSubstr("it is the newest of its service"));
  EXPECT_THAT(names("", "revisions"), ElementsAre(world.newest("hola"))) << old << " may go";
}

TEST_F(ResourcesTest, only_what_can_be_deleted_says_so_and_only_in_a_namespace) {
  for (const char* all : {"configurations", "routes"}) {
    const Reply reply = call("DELETE", kServing + std::string(all));
    EXPECT_EQ(reply.status, 405);
    EXPECT_EQ(reply.json()["kind"], "Status");
  }
  EXPECT_EQ(call("DELETE", "/api/v1/namespaces/default/events").status, 405);
  EXPECT_EQ(call("DELETE", "/api/v1/namespaces").status, 405);
  EXPECT_EQ(call("DELETE", "/apis/serving.knative.dev/v1/services").status, 405) << "of all namespaces at once";
  EXPECT_EQ(call("DELETE", "/api/v1/pods").status, 405);
  EXPECT_EQ(call("DELETE", "/api/v1/namespaces/default/pods").status, 200);
  for (const char* group : {"/apis/serving.knative.dev/v1", "/api/v1"}) {
    const Json resources = call("GET", group).json()["resources"];
    for (const Json& one : resources) {
      const auto has = [&](const char* verb) { return std::ranges::find(one["verbs"], verb) != one["verbs"].end(); };
      EXPECT_EQ(has("deletecollection"), has("delete")) << one["name"];
    }
  }
}

TEST_F(ResourcesTest, a_long_list_comes_in_parts_of_one_version) {
  for (const char* name : {"a", "b", "c"}) create(name);
  const Json first = call("GET", std::string(kServicesPath) + "?limit=2").json();
  ASSERT_EQ(first["items"].size(), 2U);
  const auto token = first["metadata"]["continue"].get<std::string>();
  create("d");
  const Json second = call("GET", std::string(kServicesPath) + "?limit=2&continue=" + token).json();
  EXPECT_EQ(second["items"][0]["metadata"]["name"], "c");
  EXPECT_EQ(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
  EXPECT_FALSE(second["metadata"].contains("continue"));
  EXPECT_EQ(call("GET", std::string(kServicesPath) + "?continue=x").status, 400);
  EXPECT_EQ(call("GET", std::string(kServicesPath) + "?continue=1.a").status, 410);
}

TEST_F(ResourcesTest, a_table_has_knatives_columns) {
  create("hola");
  const Json table = call("GET", kServicesPath, "", kTable).json();
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["columnDefinitions"][1]["name"], "URL");
  EXPECT_EQ(table["rows"][0]["cells"][1], "http://hola.localhost:8080");
  EXPECT_EQ(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
  const Json one = call("GET", path("hola") + "?includeObject=Object", "", kTable).json();
  EXPECT_EQ(one["rows"][0]["object"]["kind"], "Service");
  const Reply plain =
      call("GET", path("hola"), "", "Accept: application/json, application/json;as=Table;v=v1;g=meta.k8s.io\r\n");
  EXPECT_EQ(plain.json()["kind"], "Service") << "the first form counts";
}

TEST_F(ResourcesTest, configurations_routes_and_pods_are_other_views_of_the_same) {
  create("hola", "{tier: web}");
  world.report("i1", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  const Json configuration = call("GET", kServing + std::string("configurations/hola")).json();
  EXPECT_EQ(configuration["status"]["latestReadyRevisionName"], world.newest("hola"));
  EXPECT_EQ(configuration["status"]["conditions"][0]["status"], "True");
  EXPECT_EQ(configuration["metadata"]["ownerReferences"][0]["name"], "hola");
  const Json route = call("GET", kServing + std::string("routes/hola")).json();
  EXPECT_EQ(route["status"]["traffic"][0]["revisionName"], world.newest("hola"));
  EXPECT_NE(route["metadata"]["uid"], configuration["metadata"]["uid"]);
  EXPECT_EQ(call("PUT", kServing + std::string("routes/hola"), "{}").status, 405);
  const Json pods =
      call("GET", "/api/v1/namespaces/default/pods?labelSelector=serving.knative.dev/service%3Dhola").json();
  ASSERT_EQ(pods["items"].size(), 1U);
  EXPECT_EQ(pods["items"][0]["status"]["phase"], "Running");
  EXPECT_EQ(call("GET", "/api/v1/pods?fieldSelector=status.phase%3DFailed").json()["items"].size(), 0U);
  world.report("i1", world.newest("hola"), InstanceState::failed, model::Reason::app_exited,
               model::ExitStatus{.code = 3});
  const Json pod = call("GET", "/api/v1/namespaces/default/pods/i1").json();
  EXPECT_EQ(pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 3);
  EXPECT_EQ(call("DELETE", "/api/v1/namespaces/default/pods/i9").status, 404);
}

TEST_F(ResourcesTest, all_containers_are_shown_with_their_digests_and_the_one_that_failed) {
  world.have_image("b", 'b');
  const Reply made = call("POST", kServicesPath,
                          "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: two}\nspec: {template: "
                          "{spec: {containers: [{image: b, name: proxy}, {image: a, name: app, ports: [{}]}]}}}\n",
                          kYaml);
  ASSERT_EQ(made.status, 201) << made.body;
  const Json revision = call("GET", kServing + std::string("revisions/") + world.newest("two")).json();
  const Json& statuses = revision["status"]["containerStatuses"];
  ASSERT_EQ(statuses.size(), 2U);
  EXPECT_EQ(statuses[0]["name"], "app");
  const Json table = call("GET", kServing + std::string("revisions"), "", kTable).json();
  EXPECT_EQ(table["rows"][0]["cells"].back(), "a") << "the image of the container that gets the requests";
  EXPECT_EQ(statuses[0]["imageDigest"], "a@sha256:" + std::string(64, 'a'));
  EXPECT_EQ(statuses[1]["imageDigest"], "b@sha256:" + std::string(64, 'b'));
  world.report("i1", world.newest("two"), InstanceState::running);
  const Json pod = call("GET", "/api/v1/namespaces/default/pods/i1").json();
  EXPECT_EQ(pod["spec"]["containers"].size(), 2U);
  EXPECT_EQ(pod["status"]["containerStatuses"][1]["name"], "proxy");
  EXPECT_TRUE(pod["status"]["containerStatuses"][1]["state"].contains("running"));
  EXPECT_EQ(call("GET", "/api/v1/namespaces/default/pods/i1/log?container=proxy").status, 200);
  world.report("i1", world.newest("two"), InstanceState::failed, model::Reason::app_exited,
               model::ExitStatus{.code = 3});
  const Json ended = call("GET", "/api/v1/namespaces/default/pods/i1").json()["status"]["containerStatuses"];
  EXPECT_EQ(ended[0]["state"]["terminated"]["exitCode"], 3);
  EXPECT_EQ(ended[0]["state"]["terminated"]["reason"], "Error");
  EXPECT_EQ(ended[1]["state"]["terminated"]["reason"], "ContainerStatusUnknown") << "nobody said how it ended";
  world.report("i2", world.newest("two"), InstanceState::failed, model::Reason::app_exited, model::ExitStatus{});
  const Json good = call("GET", "/api/v1/namespaces/default/pods/i2").json()["status"]["containerStatuses"];
  EXPECT_EQ(good[0]["state"]["terminated"]["reason"], "Completed");
  EXPECT_EQ(call("GET", "/api/v1/namespaces/default/pods/i1/log?container=prox").status, 400);
}

TEST_F(ResourcesTest, configurations_and_routes_are_chosen_by_the_service_that_they_are_of) {
  create("one");
  create("two");
  for (const char* kind : {"configurations", "routes"}) {
    EXPECT_THAT(names("labelSelector=serving.knative.dev/service%3Dtwo", kind), ElementsAre("two"));
  }
  EXPECT_THAT(names("labelSelector=serving.knative.dev/service%3Dtwo"), ElementsAre());
}

TEST_F(ResourcesTest, a_pod_that_nobody_has_looked_at_can_be_deleted) {
  create("hola");
  world.report("i1", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(call("DELETE", "/api/v1/namespaces/default/pods/i1?dryRun=All").status, 200);
}

TEST_F(ResourcesTest, a_pods_log_is_its_output_alone_and_ends_with_it) {
  create("hola");
  world.report("i1", world.newest("hola"), InstanceState::running);
  telemetry::LogSpoolWriter writer(world.folder() + "/logs/hola");
  const auto say = [&](const char* instance, const char* words) {
    std::string line;
    telemetry::append_line(line, {.unix_ns = 1'700'000'000'000'000'000,
                                  .revision = base::RevisionName(world.newest("hola")),
                                  .instance = base::InstanceId(instance),
                                  .stream = telemetry::LogStream::out,
                                  .text = words});
    writer.write(line);
  };
  say("i1", "one");
  say("i2", "of another");
  say("i1", "two");
  const std::string log = "/api/v1/namespaces/default/pods/i1/log";
  EXPECT_EQ(call("GET", log).body, "one\ntwo\n");
  EXPECT_EQ(call("GET", log + "?tailLines=1").body, "two\n");
  EXPECT_EQ(call("GET", log + "?timestamps=true&limitBytes=28").body, "2023-11-14T22:13:20.000Z one");
  EXPECT_EQ(call("GET", log + "?tailLines=x").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/namespaces/default/pods/i9/log").status, 404);
  EXPECT_THAT(call("GET", log + "?follow=true").body, HasSubstr("two\n"));
  say("i1", "three");
  world.advance(std::chrono::seconds(1));
  EXPECT_THAT(receive(), HasSubstr("three\n"));
  world.report("i1", world.newest("hola"), InstanceState::stopped);
  for (int i = 0; i < 3; ++i) world.advance(std::chrono::seconds(1));
  EXPECT_TRUE(receive().ends_with("0\r\n\r\n"));
}

TEST_F(ResourcesTest, a_generated_name_is_new_each_time) {
  std::string text = manifest("x");
  text.replace(text.find("name: x"), 7, "generateName: web-");
  const Json one = call("POST", kServicesPath, text, kYaml).json();
  const Json two = call("POST", kServicesPath, text, kYaml).json();
  EXPECT_THAT(one["metadata"]["name"].get<std::string>(), testing::StartsWith("web-"));
  EXPECT_NE(one["metadata"]["name"], two["metadata"]["name"]);
}

TEST_F(ResourcesTest, a_field_that_nobody_knows_is_refused_named_or_left_out_as_the_client_says) {
  const std::string text = manifest("hola") + "color: red\n";
  for (const char* query : {"", "?fieldValidation=Strict"}) {
    const Reply strict = call("POST", kServicesPath + std::string(query), text, kYaml);
    EXPECT_EQ(strict.status, 400) << strict.body;
    EXPECT_EQ(strict.json()["reason"], "BadRequest");
    EXPECT_THAT(strict.json()["message"].get<std::string>(),
                HasSubstr("strict decoding error: unknown field \"color\""));
    EXPECT_EQ(strict.json()["details"]["causes"][0]["field"], "color");
  }
  const Reply warned = call("POST", kServicesPath + std::string("?fieldValidation=Warn&dryRun=All"), text, kYaml);
  EXPECT_EQ(warned.status, 201) << warned.body;
  EXPECT_THAT(warned.head, HasSubstr("Warning: 299 marea \""));
  const Reply ignored = call("POST", kServicesPath + std::string("?fieldValidation=Ignore"), text, kYaml);
  EXPECT_EQ(ignored.status, 201) << ignored.body;
  EXPECT_THAT(ignored.head, Not(HasSubstr("Warning:")));
  EXPECT_FALSE(ignored.json().contains("color"));
  const Reply twice = call("PUT", path("hola"), manifest("hola") + "kind: Service\n", kYaml);
  EXPECT_EQ(twice.status, 400);
  EXPECT_THAT(twice.json()["message"].get<std::string>(), HasSubstr("duplicate field \"kind\""));
  EXPECT_EQ(call("PUT", path("hola") + "?fieldValidation=Ignore", manifest("hola") + "kind: Service\n", kYaml).status,
            200);
  EXPECT_EQ(call("POST", kServicesPath + std::string("?fieldValidation=Some"), text, kYaml).status, 400);
}

TEST_F(ResourcesTest, a_dry_run_says_what_would_be_and_stores_nothing) {
  const Reply made = call("POST", kServicesPath + std::string("?dryRun=All"), manifest("hola"), kYaml);
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["metadata"]["generation"], 1);
  EXPECT_TRUE(world.control().services().empty());
  create("hola");
  const std::string before = call("GET", path("hola")).body;
  const Reply patched =
      call("PATCH", path("hola") + "?dryRun=All", R"({"spec":{"template":{"spec":{"timeoutSeconds":9}}}})", kMerge);
  EXPECT_EQ(patched.json()["spec"]["template"]["spec"]["timeoutSeconds"], 9) << patched.body;
  EXPECT_EQ(patched.json()["metadata"]["generation"], 2);
  EXPECT_EQ(call("DELETE", path("hola") + "?dryRun=All").status, 200);
  EXPECT_EQ(call("GET", path("hola")).body, before);
  EXPECT_EQ(call("PUT", path("hola") + "?dryRun=Some", manifest("hola"), kYaml).status, 400);
}

TEST_F(ResourcesTest, patches_change_what_they_name) {
  create("hola", "{tier: web}");
  EXPECT_EQ(call("PATCH", path("hola"), R"({"metadata":{"labels":{"tier":null,"team":"loans"}}})", kMerge).status, 200);
  const Reply json =
      call("PATCH", path("hola"), R"([{"op":"add","path":"/spec/template/spec/timeoutSeconds","value":7}])", kPatch);
  EXPECT_EQ(json.status, 200) << json.body;
  EXPECT_EQ(json.json()["metadata"]["labels"].dump(), R"({"team":"loans"})");
  EXPECT_EQ(json.json()["spec"]["template"]["spec"]["timeoutSeconds"], 7);
  EXPECT_EQ(call("PATCH", path("hola"), R"([{"op":"remove","path":"/nothing"}])", kPatch).status, 422);
  EXPECT_EQ(call("PATCH", path("hola"), R"({"metadata":{"name":"other"}})", kMerge).status, 422);
  EXPECT_EQ(call("PATCH", path("hola"), R"({"metadata":{"uid":"other"}})", kMerge).status, 409);
  EXPECT_EQ(call("PATCH", path("hola"), R"({"metadata":{"resourceVersion":"1"}})", kMerge).status, 409);
  EXPECT_EQ(call("PATCH", path("hola"), R"({"spec":null})", kMerge).status, 422);
  EXPECT_EQ(call("PATCH", path("hola"), R"({"color":"red"})", kMerge).status, 400);
  EXPECT_EQ(call("PATCH", path("hola"), "{", kMerge).status, 400);
  EXPECT_EQ(call("PATCH", path("other"), "{}", kMerge).status, 404);
  EXPECT_EQ(call("PATCH", path("hola"), "{}", "Content-Type: application/strategic-merge-patch+json\r\n").status, 415);
}

TEST_F(ResourcesTest, a_status_that_moved_on_is_no_conflict_but_a_write_is) {
  create("hola");
  const Json read = call("GET", path("hola")).json();
  create("other");
  EXPECT_EQ(call("PUT", path("hola"), read.dump()).status, 200);
  EXPECT_EQ(call("PATCH", path("hola"), R"({"metadata":{"labels":{"a":"b"}}})", kMerge).status, 200);
  const Reply stale = call("PUT", path("hola"), read.dump());
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.json()["reason"], "Conflict");
  Json ahead = read;
  ahead["metadata"]["resourceVersion"] = "9007199254740991";
  EXPECT_EQ(call("PUT", path("hola"), ahead.dump()).status, 409) << "no one has read that";
  ahead["metadata"]["resourceVersion"] = 1;
  EXPECT_NE(call("PUT", path("hola"), ahead.dump()).status, 200) << "a number is a version too";
}

TEST_F(ResourcesTest, server_side_apply_tracks_who_manages_what) {
  const std::string apply = path("hola") + "?fieldManager=one";
  EXPECT_EQ(call("PATCH", path("hola"), manifest("hola"), kApply).status, 400) << "who applies?";
  EXPECT_EQ(call("PATCH", apply, manifest("hola", "{tier: web}"), kApply).status, 201);
  const Reply again = call("PATCH", apply, manifest("hola", "{tier: web}"), kApply);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.json()["metadata"]["generation"], 1);
  const Reply refused = call("PATCH", path("hola") + "?fieldManager=two", manifest("hola", "{tier: batch}"), kApply);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.json()["details"]["causes"][0]["reason"], "FieldManagerConflict");
  EXPECT_EQ(refused.json()["details"]["causes"][0]["field"], ".metadata.labels.tier");
  const Reply forced =
      call("PATCH", path("hola") + "?fieldManager=two&force=true", manifest("hola", "{tier: batch}"), kApply);
  EXPECT_EQ(forced.json()["metadata"]["labels"]["tier"], "batch") << forced.body;
  EXPECT_EQ(forced.json()["metadata"]["managedFields"].size(), 2U);
  EXPECT_EQ(world.service("hola").revisions.size(), 1U) << "bookkeeping is no change of what runs";
}

TEST_F(ResourcesTest, server_side_apply_refuses_more_paths_than_it_can_follow) {
  Json many = Json::object();
  for (int i = 0; i < 1000; ++i) many["k" + std::to_string(i)] = "v";
  const Json wanted = {{"metadata", {{"labels", {{std::string(10'000, 'a'), many}}}}}};
  const Reply refused = call("PATCH", path("hola") + "?fieldManager=one", wanted.dump(), kApply);
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body, HasSubstr("cannot follow who manages which field"));
}

TEST_F(ResourcesTest, a_delete_keeps_its_preconditions) {
  create("hola");
  EXPECT_EQ(call("DELETE", path("hola"), R"({"preconditions":{"uid":"other"}})").status, 409);
  EXPECT_EQ(call("DELETE", path("hola"), R"({"preconditions":{"resourceVersion":"1"}})").status, 409);
  EXPECT_EQ(call("DELETE", path("hola"), R"({"propagationPolicy":"Orphan"})").status, 400);
  EXPECT_EQ(call("DELETE", path("hola"), R"({"dryRun":["All"]})").status, 200);
  for (const char* body : {R"({"dryRun":"All"})", R"({"dryRun":["all"]})", R"({"preconditions":["other"]})", "[]"}) {
    EXPECT_EQ(call("DELETE", path("hola"), body).status, 400) << body;
  }
  EXPECT_EQ(call("GET", path("hola")).status, 200);
}

TEST_F(ResourcesTest, discovery_tells_kinds_and_how_they_are_made_up) {
  EXPECT_EQ(call("GET", "/version").json()["major"], "1");
  EXPECT_EQ(call("GET", "/api").json()["versions"][0], "v1");
  EXPECT_EQ(call("GET", "/apis").json()["groups"][0]["name"], "serving.knative.dev");
  const Reply aggregated =
      call("GET", "/apis", "",
           "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json\r\n");
  EXPECT_EQ(aggregated.json()["kind"], "APIGroupList");
  const Json serving = call("GET", "/apis/serving.knative.dev/v1").json();
  EXPECT_EQ(serving["resources"][0]["shortNames"][0], "ksvc");
  EXPECT_EQ(call("GET", "/api/v1").json()["resources"][0]["name"], "pods");
  EXPECT_EQ(call("GET", "/livez").body, "ok");
  const Json index = call("GET", "/openapi/v3").json();
  const auto url = index["paths"]["apis/serving.knative.dev/v1"]["serverRelativeURL"].get<std::string>();
  const Json third = call("GET", url).json();
  const Json& service = third["components"]["schemas"]["dev.knative.serving.v1.Service"];
  EXPECT_EQ(service["x-kubernetes-group-version-kind"][0]["kind"], "Service");
  EXPECT_EQ(service["properties"]["spec"]["$ref"], "#/components/schemas/dev.knative.serving.v1.ServiceSpec");
  EXPECT_EQ(call("GET", "/openapi/v2").json()["swagger"], "2.0");
  const Reply binary =
      call("GET", "/openapi/v2", "", "Accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf\r\n");
  EXPECT_THAT(binary.body, testing::StartsWith("\x0a\x03"
                                               "2.0"));
  EXPECT_THAT(binary.head, HasSubstr("application/com.github.proto-openapi.spec.v2.v1.0+protobuf"));
}

TEST_F(ResourcesTest, the_token_is_not_given_over_the_network) {
  api->set_entrance({.url = "https://127.0.0.1:1", .authority_base64 = "Q0E=", .token = "secret"});
  const Reply here = call("GET", "/apis/marea.dev/v1/kubeconfig");
  EXPECT_EQ(here.json()["users"][0]["user"]["token"], "secret");
  net::HttpRequest remote{.method = "GET", .segments = {"apis", "marea.dev", "v1", "kubeconfig"}};
  const net::BodyPlan plan = api->route(remote);
  EXPECT_EQ(std::get<net::HttpResponse>(plan).status, 403);
}

TEST_F(ResourcesTest, the_key_of_webhooks_is_not_given_over_the_network) {
  const Reply here = call("GET", "/apis/marea.dev/v1/webhook-key");
  EXPECT_EQ(here.json()["key"], world.control().webhook_key().text());
  EXPECT_EQ(here.json()["status"]["sent"], 0);
  net::HttpRequest remote{.method = "GET", .segments = {"apis", "marea.dev", "v1", "webhook-key"}};
  const net::BodyPlan plan = api->route(remote);
  EXPECT_EQ(std::get<net::HttpResponse>(plan).status, 403);
}

}  // namespace
}  // namespace marea::api
