#include "control/control.h"

#include <gmock/gmock.h>

#include "control/control_world_test.h"
#include "telemetry/log_spool.h"

namespace marea::control {
namespace {

using model::InstanceState;
using model::Reason;
using testing::HasSubstr;

class ControlTest : public testing::Test {
 protected:
  ControlWorld world;
};

TEST_F(ControlTest, a_deploy_is_checked_then_routed_then_ready) {
  world.connect();
  world.have_image("hola", 'a');
  ASSERT_TRUE(world.apply("hola", "hola"));
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 1]DeployCheck");
  EXPECT_EQ(world.shares("hola"), "unready: " + world.newest("hola") + " is being deployed");
  EXPECT_EQ(world.conditions("hola"),
            "Ready=Unknown(Deploying) ConfigurationsReady=Unknown(Deploying) RoutesReady=Unknown(Deploying)");
  world.report("i1", world.newest("hola"), InstanceState::starting);
  EXPECT_EQ(world.shares("hola").substr(0, 7), "unready");
  world.report("i1", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 0]");
  EXPECT_EQ(world.conditions("hola"),
            "Ready=Unknown(Deploying) ConfigurationsReady=True RoutesReady=Unknown(Deploying)");
  world.apply_routes();
  EXPECT_EQ(world.conditions("hola"), "Ready=True ConfigurationsReady=True RoutesReady=True");
}

TEST_F(ControlTest, the_old_revision_drains_only_after_the_router_applied_the_new_routes) {
  world.connect();
  world.have_image("a", 'a');
  world.have_image("b", 'b');
  world.deploy("hola", "a", "i1");
  ASSERT_TRUE(world.apply("hola", "b"));
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  world.report("i2", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 0] hola-00002[0..100 want 0]");
  EXPECT_FALSE(world.last_full);
  world.apply_routes();
  EXPECT_EQ(world.plan(), "hola-00001[0..0 want 0]RevisionRetired hola-00002[0..100 want 0]");
  world.report("i1", world.service("hola").revisions.front().record.revision.name.str(), InstanceState::stopped);
  EXPECT_EQ(world.plan(), "hola-00002[0..100 want 0]");
}

TEST_F(ControlTest, a_failed_deploy_keeps_the_old_revision_and_tells_everything) {
  world.connect();
  world.have_image("a", 'a');
  world.have_image("b", 'b');
  world.deploy("hola", "a", "i1");
  ASSERT_TRUE(world.apply("hola", "b"));
  const std::string revision = world.newest("hola");
  telemetry::LogSpoolWriter spool(world.folder() + "/logs/hola");
  std::string line;
  telemetry::append_line(line, {.unix_ns = 1,
                                .revision = base::RevisionName(revision),
                                .instance = base::InstanceId("i2"),
                                .text = "cannot open config.yaml"});
  world.report("i2", revision, InstanceState::failed, Reason::app_exited, model::ExitStatus{.code = 3});
  spool.write(line);  // its last words come a moment after its end
  EXPECT_THAT(world.conditions("hola"), HasSubstr("Ready=Unknown"));
  world.advance(kOutputSettles);
  EXPECT_EQ(world.conditions("hola"), "Ready=False(AppExited) ConfigurationsReady=False(AppExited) RoutesReady=True");
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 0]");
  const ServiceStatus status = world.control().status(world.service("hola"));
  EXPECT_EQ(status.latest_created, revision);
  EXPECT_NE(status.latest_ready, revision);
  EXPECT_EQ(status.error_code, "E_APP_EXITED");
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("exit code 3"));
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("cannot open config.yaml"));
}

TEST_F(ControlTest, a_missing_image_is_named_and_the_same_manifest_works_once_it_is_there) {
  world.connect();
  ASSERT_TRUE(world.apply("hola", "oci:/srv/hola"));
  EXPECT_EQ(
      world.conditions("hola"),
      "Ready=False(ContainerMissing) ConfigurationsReady=False(ContainerMissing) RoutesReady=False(ContainerMissing)");
  const ServiceStatus status = world.control().status(world.service("hola"));
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("\"oci:/srv/hola\""));
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("marea deploy"));
  EXPECT_EQ(status.error_code, "E_IMAGE_NOT_FOUND");
  EXPECT_EQ(world.plan(), "");
  const std::string revision = world.newest("hola");
  world.have_image("oci:/srv/hola", 'a');
  ASSERT_TRUE(world.apply("hola", "oci:/srv/hola"));
  EXPECT_EQ(world.newest("hola"), revision);
  world.report("i1", revision, InstanceState::running);
  world.apply_routes();
  EXPECT_THAT(world.conditions("hola"), HasSubstr("Ready=True"));
}

TEST_F(ControlTest, an_image_given_by_digest_is_unpacked_by_a_builder_first) {
  world.connect();
  const std::string digest = world.make_real_image("given");
  ASSERT_TRUE(world.apply("hola", "anything@" + digest));
  EXPECT_THAT(world.conditions("hola"), HasSubstr("ResolvingDigests"));
  EXPECT_EQ(world.plan(), "");
  ASSERT_EQ(world.builders(), 1U);
  world.finish_job();
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 1]DeployCheck");
}

TEST_F(ControlTest, a_newer_deploy_supersedes_one_that_is_being_checked) {
  world.connect();
  world.have_image("a", 'a');
  world.have_image("b", 'b');
  ASSERT_TRUE(world.apply("hola", "a"));
  const std::string first = world.newest("hola");
  world.report("i1", first, InstanceState::starting);
  ASSERT_TRUE(world.apply("hola", "b"));
  EXPECT_EQ(world.plan(), "hola-00001[0..0 want 0]RevisionRetired hola-00002[0..100 want 1]DeployCheck");
  world.report("i1", first, InstanceState::running);  // too late: it may still come up
  EXPECT_EQ(world.shares("hola").substr(0, 7), "unready");
  const RevisionState* superseded = world.control().revision(base::RevisionName(first));
  EXPECT_EQ(superseded->record.reason, Reason::superseded);
}

TEST_F(ControlTest, applying_the_same_again_keeps_the_revision_and_publishes_nothing) {
  world.connect();
  world.have_image("a", 'a');
  world.deploy("hola", "a", "i1");
  const int before = world.publications;
  const std::string revision = world.newest("hola");
  const auto outcome = world.apply("hola", "a");
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(std::get<Applied>(*outcome).created);
  EXPECT_EQ(world.newest("hola"), revision);
  EXPECT_EQ(world.publications, before);
}

TEST_F(ControlTest, deleting_takes_routes_then_plan_then_rows) {
  world.connect();
  world.have_image("a", 'a');
  world.deploy("hola", "a", "i1");
  bool done = false;
  world.control().execute(DeleteService{base::ServiceName("hola")}, {.on_done = [&](const auto& outcome) {
                            EXPECT_TRUE(outcome);
                            done = true;
                          }});
  world.run();
  EXPECT_EQ(world.shares("hola"), "no route");
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 0]") << "the router may still use it";
  EXPECT_FALSE(done);
  EXPECT_EQ(world.apply("hola", "a").error().error.code, base::ErrorCode::conflict);
  world.apply_routes();
  EXPECT_TRUE(done);
  EXPECT_EQ(world.plan(), "");
  EXPECT_TRUE(world.control().services().empty());
  EXPECT_EQ(world.execute(DeleteService{base::ServiceName("hola")}).error().error.code, base::ErrorCode::not_found);
  ASSERT_TRUE(world.apply("hola", "a"));
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 1]DeployCheck");
}

TEST_F(ControlTest, deleting_does_not_wait_for_ever_for_a_router) {
  world.connect_engine();
  world.have_image("a", 'a');
  ASSERT_TRUE(world.apply("hola", "a"));
  EXPECT_FALSE(world.execute(DeleteService{base::ServiceName("hola")}));
  world.advance(kDeleteWait);
  EXPECT_TRUE(world.control().services().empty());
}

TEST_F(ControlTest, after_a_restart_everything_goes_on_where_it_was) {
  world.connect();
  world.have_image("a", 'a');
  world.have_image("b", 'b');
  world.deploy("hola", "a", "i1");
  ASSERT_TRUE(world.apply("hola", "b"));
  const std::string checked = world.newest("hola");
  world.report("i2", checked, InstanceState::starting);
  world.kill();
  world.start();
  world.connect();
  EXPECT_TRUE(world.last_full);
  EXPECT_EQ(world.newest("hola"), checked);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 0] hola-00002[0..100 want 1]DeployCheck");
  world.report("i2", checked, InstanceState::running);
  world.apply_routes();
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
  EXPECT_THAT(world.conditions("hola"), HasSubstr("Ready=True"));
}

// control dies between publishing the new routes and the router's word that it applied them.
TEST_F(ControlTest, a_restart_in_the_middle_of_a_switch_does_not_drain_what_the_router_may_use) {
  world.connect();
  world.have_image("a", 'a');
  world.have_image("b", 'b');
  world.deploy("hola", "a", "i1");
  ASSERT_TRUE(world.apply("hola", "b"));
  world.report("i2", world.newest("hola"), InstanceState::running);
  world.kill();
  world.start();
  world.connect_engine();
  world.run();
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 0] hola-00002[0..100 want 0]");
  world.connect_router();
  world.run();
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 0] hola-00002[0..100 want 0]");
  world.apply_routes();
  EXPECT_EQ(world.plan(), "hola-00001[0..0 want 0]RevisionRetired hola-00002[0..100 want 0]");
}

TEST_F(ControlTest, no_plan_is_sent_before_engine_has_listed_what_runs) {
  world.connect();
  world.have_image("a", 'a');
  world.deploy("hola", "a", "i1");
  world.connect_engine();  // engine restarted
  world.run();
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 0]");
  EXPECT_NE(world.control().instances().find(base::InstanceId("i1")), nullptr);
}

TEST_F(ControlTest, a_service_ready_before_loses_ready_while_its_newest_start_fails) {
  world.connect();
  world.have_image("a", 'a');
  world.deploy("hola", "a", "i1");
  world.report("i1", world.newest("hola"), InstanceState::failed, Reason::out_of_memory,
               model::ExitStatus{.signal = 9, .out_of_memory = true});
  world.advance(kOutputSettles);
  EXPECT_EQ(world.conditions("hola"),
            "Ready=False(OutOfMemory) ConfigurationsReady=False(OutOfMemory) RoutesReady=True");
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000") << "the next start may work";
  world.report("i2", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(world.conditions("hola"), "Ready=True ConfigurationsReady=True RoutesReady=True");
}

TEST_F(ControlTest, an_app_that_dies_after_it_served_is_no_failed_deploy_but_a_failed_new_start_is_told) {
  world.connect();
  world.have_image("a", 'a');
  world.deploy("hola", "a", "i1");
  world.report("i1", world.newest("hola"), InstanceState::failed, Reason::app_exited, model::ExitStatus{.code = 1});
  world.advance(kOutputSettles);
  EXPECT_EQ(world.conditions("hola"), "Ready=True ConfigurationsReady=True RoutesReady=True");
  world.report("i2", world.newest("hola"), InstanceState::starting);
  world.report("i2", world.newest("hola"), InstanceState::failed, Reason::app_exited, model::ExitStatus{.code = 1});
  world.advance(kOutputSettles);
  EXPECT_THAT(world.conditions("hola"), HasSubstr("Ready=False(AppExited)"));
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlTest, a_check_that_nobody_answers_ends_with_its_deadline) {
  world.connect();
  world.have_image("a", 'a');
  ASSERT_TRUE(world.apply("hola", "a"));
  const auto deadline = model::default_startup_probe().deadline() + kCheckSlack;
  world.advance(deadline - std::chrono::milliseconds(1));
  EXPECT_THAT(world.conditions("hola"), HasSubstr("Ready=Unknown"));
  world.advance(std::chrono::milliseconds(1));
  EXPECT_THAT(world.conditions("hola"), HasSubstr("Ready=False(SandboxFailed)"));
  EXPECT_EQ(world.plan(), "");
}

TEST_F(ControlTest, named_revisions_share_traffic_and_cannot_be_deleted) {
  world.connect();
  world.have_image("a", 'a');
  world.have_image("b", 'b');
  world.deploy("hola", "a", "i1");
  const std::string first = world.newest("hola");
  ASSERT_TRUE(world.apply("hola", "b", R"([{"revisionName": ")" + first + R"(", "percent": 90},
                                           {"latestRevision": true, "percent": 10}])"));
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  world.report("i2", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(world.shares("hola"), "hola-00001=9000 hola-00002=1000");
  const auto code = [&](const std::string& name) {
    const auto outcome = world.execute(DeleteRevision{base::RevisionName(name)});
    return outcome ? "deleted" : std::string(base::to_string(outcome.error().error.code));
  };
  EXPECT_EQ(code(first), "E_CONFLICT");
  EXPECT_EQ(code(world.newest("hola")), "E_CONFLICT");
  EXPECT_EQ(code("none"), "E_NOT_FOUND");
  ASSERT_TRUE(world.apply("hola", "b"));
  EXPECT_EQ(code(first), "E_CONFLICT") << "its traffic is still moving away";
  world.apply_routes();
  EXPECT_EQ(code(first), "deleted");
  EXPECT_EQ(world.service("hola").revisions.size(), 1U);
}

TEST_F(ControlTest, a_revision_whose_secret_is_missing_is_not_ready_and_the_old_one_serves) {
  world.connect();
  world.have_image("a", 'a');
  world.deploy("hola", "a", "i1");
  model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
      "metadata": {"name": "hola"}, "spec": {"template": {"spec": {"containers": [{"image": "a",
      "env": [{"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db", "key": "latest"}}}]}]}}}})");
  auto parsed = model::parse_service(document);
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(world.execute(ApplyService{.document = *parsed}));
  EXPECT_EQ(world.conditions("hola"),
            "Ready=False(SecretMissing) ConfigurationsReady=False(SecretMissing) RoutesReady=True");
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 0]") << "no instance of it is wanted";
  const ServiceStatus status = world.control().status(world.service("hola"));
  EXPECT_EQ(status.error_code, "E_SECRET_MISSING");
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("secret db, key latest, for the variable DB"));

  document["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["optional"] = true;
  parsed = model::parse_service(document);
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(world.execute(ApplyService{.document = *parsed}));
  EXPECT_THAT(world.plan(), HasSubstr("hola-00003[0..100 want 1]DeployCheck"));
}

TEST_F(ControlTest, two_services_cannot_have_one_host) {
  const auto with_host = [](const std::string& name) {
    model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"annotations": {"marea.dev/hosts": "www.example.com"}},
        "spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}})");
    document["metadata"]["name"] = name;
    auto parsed = model::parse_service(std::move(document));
    return ApplyService{.document = std::move(*parsed)};
  };
  ASSERT_TRUE(world.execute(with_host("a")));
  const auto second = world.execute(with_host("b"));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().faults.at(0).message, HasSubstr("www.example.com belongs to service a"));
  EXPECT_EQ(world.control().services().size(), 1U);
}

TEST_F(ControlTest, instances_are_deleted_by_engine) {
  EXPECT_EQ(world.execute(DeleteInstance{base::InstanceId("i1")}).error().error.code, base::ErrorCode::not_found);
  world.connect();
  world.have_image("a", 'a');
  world.deploy("hola", "a", "i1");
  EXPECT_TRUE(world.execute(DeleteInstance{base::InstanceId("i1")}));
  EXPECT_EQ(world.deleted, std::vector<std::string>{"i1"});
}

TEST_F(ControlTest, final_reports_are_acknowledged_and_taken_once) {
  world.connect();
  world.have_image("a", 'a');
  world.deploy("hola", "a", "i1");
  const std::string name = world.newest("hola");
  world.report("i1", name, model::InstanceState::failed, Reason::app_exited, model::ExitStatus{.code = 3});
  world.advance(kUsageBatch);
  EXPECT_EQ(world.kept, std::vector<std::string>{"i1"});
  world.report("i2", name, model::InstanceState::running);
  EXPECT_EQ(world.control().instances().find(base::InstanceId("i1")), nullptr) << "what is up forgets what failed";
  world.connect_engine();  // which tells it again: its death was faster than our word
  world.run();
  EXPECT_EQ(world.kept, (std::vector<std::string>{"i1", "i1"}));
  EXPECT_EQ(world.control().instances().find(base::InstanceId("i1")), nullptr);
}

TEST_F(ControlTest, an_unpacking_whose_builder_is_killed_begins_anew_three_times_in_all) {
  const std::string digest = world.make_image('a');
  std::optional<std::expected<Outcome, Refusal>> outcome;
  world.control().execute(NameImage{.name = "a", .digest = digest}, {.on_done = [&](auto done) { outcome = done; }});
  for (int i = 0; i < kMostDeaths; ++i) {
    world.run();
    EXPECT_FALSE(outcome);
    EXPECT_EQ(world.builders(), 1U);
    world.kill_builder();
  }
  world.run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->error().error.code, base::ErrorCode::build_failed);
  EXPECT_THAT(outcome->error().error.why, HasSubstr("signal 9"));
}

TEST_F(ControlTest, naming_an_image_whose_manifest_is_not_here_is_refused) {
  const auto outcome = world.execute(NameImage{.name = "x", .digest = "sha256:" + std::string(64, 'e')});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().error.code, base::ErrorCode::image_not_found);
}

TEST_F(ControlTest, at_most_two_builders_run_and_a_late_one_is_killed) {
  for (const char letter : {'a', 'b', 'c'}) {
    const std::string digest = world.make_image(letter);
    world.control().execute(NameImage{.name = std::string(1, letter), .digest = digest},
                            {.on_done = [](const auto&) {}});
    world.control().execute(NameImage{.name = "again", .digest = digest}, {.on_done = [](const auto&) {}});
  }
  world.run();
  EXPECT_EQ(world.builders(), 2U);
  world.advance(kUnpackDeadline);
  EXPECT_EQ(world.killed.size(), 2U);
  EXPECT_EQ(world.builders(), 1U);
}

TEST_F(ControlTest, a_revision_with_a_sidecar_waits_for_both_images_and_keeps_both) {
  world.connect();
  world.have_image("app", 'a');
  auto parsed = model::parse_manifests(
      "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: two}\nspec: {template: {spec: {containers: "
      "[{image: proxy, name: proxy}, {image: app, name: app, ports: [{}]}]}}}\n");
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(world.execute(ApplyService{.document = parsed->at(0)}));
  EXPECT_EQ(world.plan(), "") << "there is no image of the sidecar's name";
  world.fail_job({.code = base::ErrorCode::image_not_found, .what = "nor has a registry"});
  EXPECT_THAT(world.conditions("two"), HasSubstr("Ready=False(ContainerMissing)"));
  world.have_image("proxy", 'b');
  ASSERT_TRUE(world.execute(ApplyService{.document = parsed->at(0)}));
  EXPECT_EQ(world.plan(), "two-00001[0..100 want 1]DeployCheck");
  const model::Revision& revision = world.service("two").revisions.back().record.revision;
  EXPECT_EQ(revision.spec.container.name, "app");
  EXPECT_EQ(revision.image.digest, "sha256:" + std::string(64, 'a'));
  ASSERT_EQ(revision.sidecar_images.size(), 1U);
  EXPECT_EQ(revision.sidecar_images[0].digest, "sha256:" + std::string(64, 'b'));
  world.have_image("proxy", 'c');
  ASSERT_TRUE(world.execute(ApplyService{.document = parsed->at(0)}));
  EXPECT_EQ(world.service("two").revisions.size(), 2U) << "the sidecar's name leads to another image now";
}

}  // namespace
}  // namespace marea::control
