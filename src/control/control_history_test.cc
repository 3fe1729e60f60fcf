// What control writes down of what served, through every way in which that changes.
#include <gmock/gmock.h>

#include "control/control_world_test.h"

namespace marea::control {
namespace {

using model::InstanceState;
using model::PlatformEventKind;
using model::TimelineCause;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ControlHistoryTest : public testing::Test {
 protected:
  ControlHistoryTest() {
    world.connect();
    for (const char letter : {'a', 'b', 'c'}) world.have_image(std::string(1, letter), letter);
  }
  std::expected<Outcome, Refusal> apply(const std::string& image,
                                        const model::Json& annotations = model::Json::object(),
                                        const std::string& traffic = "", const std::string& who = "ana") {
    model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"name": "hola"}, "spec": {"template": {"spec": {"containers": [{}]}}}})");
    document["metadata"]["annotations"] = annotations;
    document["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    document["spec"]["template"]["metadata"]["annotations"]["marea.dev/source-commit"] = "commit-" + image;
    if (!traffic.empty()) document["spec"]["traffic"] = model::Json::parse(traffic);
    auto parsed = model::parse_service(std::move(document));
    if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
    return world.execute(ApplyService{.document = std::move(*parsed), .who = who});
  }
  void deploy(const std::string& image, const std::string& instance,
              const model::Json& annotations = model::Json::object()) {
    const auto done = apply(image, annotations);
    ASSERT_TRUE(done) << done.error().error.line();
    world.report(instance, world.newest("hola"), InstanceState::running);
    world.apply_routes();
  }
  std::vector<model::TimelineLine> lines(std::int64_t until = std::numeric_limits<std::int64_t>::max()) {
    auto read = world.control().timeline({.service = base::ServiceName("hola"), .until_unix_ns = until});
    EXPECT_TRUE(read) << read.error().line();
    return read ? std::move(read->lines) : std::vector<model::TimelineLine>();
  }
  // "deployed: hola-00001=10000" …
  std::vector<std::string> history() {
    std::vector<std::string> out;
    std::int64_t number = 0;
    for (const model::TimelineLine& line : lines()) {
      EXPECT_EQ(line.number, ++number);
      out.push_back(std::string(to_string(line.cause)) + ":");
      for (const auto& share : line.serving.shares) {
        const std::string& name = share.revision.str();
        out.back() += " " + name.substr(0, name.rfind('-')) + "=" + std::to_string(share.weight);
      }
    }
    return out;
  }
  std::vector<std::string> events() {
    std::vector<std::string> out;
    const auto read = world.control().platform_events(0);
    EXPECT_TRUE(read);
    for (const auto& event : *read) out.emplace_back(to_string(event.kind));
    return out;
  }
  void pass(base::Duration time) {
    for (base::Duration passed{0}; passed < time; passed += kReleaseLook) world.advance(kReleaseLook);
  }
  std::int64_t wall() { return world.loop().clock().wall().unix_ns; }

  ControlWorld world;
};

TEST_F(ControlHistoryTest, any_instant_has_the_revision_its_image_its_source_and_who_deployed_it_and_why) {
  deploy("a", "i1");
  const std::int64_t first = wall();
  world.advance(std::chrono::seconds(10));
  deploy("b", "i2", {{"kubernetes.io/change-cause", "faster form"}});
  EXPECT_THAT(history(), ElementsAre("deploy asked:", "deployed: hola-00001=10000", "deploy asked: hola-00001=10000",
                                     "deployed: hola-00002=10000"));
  const model::TimelineLine then = lines(first).back();
  EXPECT_EQ(then.serving.shares.at(0).digest, "sha256:" + std::string(64, 'a'));
  EXPECT_EQ(then.serving.shares.at(0).commit, "commit-a");
  const std::int64_t second = wall();
  world.advance(kHistoryDelay);
  const model::TimelineLine now = lines().back();
  EXPECT_EQ(now.serving.shares.at(0).commit, "commit-b");
  EXPECT_EQ(now.who, "ana");
  EXPECT_EQ(now.why, "faster form");
  EXPECT_EQ(now.actor, model::ReleaseActor::person);
  EXPECT_EQ(now.confirmed_unix_ns, second);
  EXPECT_THAT(lines().at(2).changed, ElementsAre("image name: a → b", "service annotation kubernetes.io/change-cause",
                                                 "source commit: commit-a → commit-b"));
}

TEST_F(ControlHistoryTest, a_killed_control_has_lost_no_line_and_writes_none_twice) {
  deploy("a", "i1");
  ASSERT_TRUE(apply("b"));
  const auto before = lines();
  world.kill();
  world.start();
  EXPECT_EQ(lines(), before);
  world.connect();
  EXPECT_EQ(lines(), before);
  world.report("i2", world.newest("hola"), InstanceState::running);
  world.kill();  // router had not confirmed it
  world.start();
  EXPECT_THAT(history(), ElementsAre("deploy asked:", "deployed: hola-00001=10000", "deploy asked: hola-00001=10000",
                                     "deployed: hola-00002=10000"));
  EXPECT_EQ(lines().back().who, "ana") << "who asked for it is found in the store";
  EXPECT_EQ(lines().back().confirmed_unix_ns, 0);
  world.connect();
  world.apply_routes();
  world.advance(kHistoryDelay);
  EXPECT_EQ(lines().back().confirmed_unix_ns, wall() - base::Duration(kHistoryDelay).count());
  EXPECT_EQ(history().size(), 4U);
}

TEST_F(ControlHistoryTest, a_deploy_that_fails_says_why_and_what_served_stays) {
  deploy("a", "i1");
  ASSERT_TRUE(apply("b"));
  world.report("i2", world.newest("hola"), InstanceState::failed, model::Reason::app_exited,
               model::ExitStatus{.code = 1});
  world.advance(kOutputSettles);
  EXPECT_THAT(history(), ElementsAre("deploy asked:", "deployed: hola-00001=10000", "deploy asked: hola-00001=10000",
                                     "deploy failed: hola-00001=10000"));
  EXPECT_EQ(lines().back().why, world.service("hola").revisions.back().record.message);
  EXPECT_EQ(lines().back().revision.str(), world.newest("hola"));
}

TEST_F(ControlHistoryTest, a_split_that_is_set_by_hand_and_settings_are_told_apart) {
  deploy("a", "i1");
  const std::string first = world.newest("hola");
  const model::Json cause = {{"kubernetes.io/change-cause", "faster form"}};
  deploy("b", "i2", cause);
  const std::string second = world.newest("hola");
  ASSERT_TRUE(apply("b", cause,
                    R"([{"revisionName":")" + first + R"(","percent":30,"tag":"old"},{"revisionName":")" + second +
                        R"(","percent":70}])",
                    "luis"));
  const model::TimelineLine split = lines().back();
  EXPECT_EQ(split.why, "") << "the cause of the deploy is not that of the split";
  EXPECT_EQ(split.cause, TimelineCause::traffic);
  EXPECT_EQ(split.who, "luis");
  EXPECT_EQ(model::print_split(split.serving), first + " 30%, " + second + " 70%");
  EXPECT_EQ(split.serving.tags.at(0), (model::ServingWay{.name = "old", .to = first}));
  ASSERT_TRUE(apply("b", {{"marea.dev/rate-limit", "10/s"}},
                    R"([{"revisionName":")" + first + R"(","percent":30,"tag":"old"},{"revisionName":")" + second +
                        R"(","percent":70}])"));
  EXPECT_EQ(lines().back().cause, TimelineCause::configuration);
  EXPECT_EQ(lines().back().serving, split.serving);
}

TEST_F(ControlHistoryTest, a_release_is_told_step_by_step_and_its_rollback_with_what_had_changed) {
  const model::Json canary = {{"marea.dev/release-policy", "canary"}};
  deploy("a", "i1", canary);
  deploy("b", "i2", canary);
  pass(std::chrono::seconds(130));
  EXPECT_THAT(history(),
              ElementsAre("deploy asked:", "deployed: hola-00001=10000", "deploy asked: hola-00001=10000",
                          "deployed: hola-00001=10000 hola-00002=0", "release step: hola-00001=9900 hola-00002=100",
                          "release step: hola-00001=9500 hola-00002=500"));
  EXPECT_EQ(lines().back().proof, "cannot know");
  EXPECT_EQ(lines().back().serving.release, world.newest("hola"));
  world.connect_router();
  world.run();
  for (const char* id : {"i2", "i3", "i4"}) {
    world.report(id, world.newest("hola"), InstanceState::running);
    world.report(id, world.newest("hola"), InstanceState::failed, model::Reason::app_exited,
                 model::ExitStatus{.code = 1});
  }
  const model::TimelineLine back = lines().back();
  EXPECT_EQ(back.cause, TimelineCause::rolled_back);
  EXPECT_EQ(model::print_split(back.serving).substr(0, 10), "hola-00001");
  EXPECT_EQ(back.serving.shares.size(), 1U);
  EXPECT_THAT(back.report, Contains(HasSubstr("deploy: " + world.newest("hola") + " asked for by ana")));
  EXPECT_THAT(back.report, Contains(HasSubstr("image name: a → b")));
  EXPECT_THAT(back.report, Contains(HasSubstr("platform: router restarted")));
  EXPECT_THAT(history(), Not(Contains(HasSubstr("found")))) << "each change has its cause";
  EXPECT_EQ(world.control().rollback_report(base::ServiceName("hola"), world.newest("hola")), back.report);
  world.kill();
  world.start();
  EXPECT_EQ(world.control().rollback_report(base::ServiceName("hola"), world.newest("hola")), back.report);
}

TEST_F(ControlHistoryTest, a_service_leaves_its_history_and_one_of_the_same_name_goes_on_with_it) {
  deploy("a", "i1");
  bool gone = false;
  world.control().execute(DeleteService{.name = base::ServiceName("hola"), .who = "eva"},
                          {.on_progress = {}, .on_done = [&](const auto& outcome) { gone = outcome.has_value(); }});
  world.run();
  world.apply_routes();
  world.advance(kDeleteWait);
  ASSERT_TRUE(gone);
  EXPECT_THAT(history(), ElementsAre("deploy asked:", "deployed: hola-00001=10000", "deleting:", "deleted:"));
  EXPECT_EQ(lines().at(2).who, "eva");
  deploy("b", "i2");
  EXPECT_EQ(lines().size(), 6U);
  EXPECT_EQ(lines().back().cause, TimelineCause::deployed);
}

TEST_F(ControlHistoryTest, a_store_without_history_begins_one_with_what_serves) {
  deploy("a", "i1");
  world.kill();
  {
    auto db = store::Database::open(world.folder() + "/marea.db");
    ASSERT_TRUE(db->run("DELETE FROM timeline"));
  }
  world.start();
  world.connect();
  EXPECT_THAT(history(), ElementsAre("found: hola-00001=10000"));
}

TEST_F(ControlHistoryTest, restarts_and_a_full_disk_are_noted) {
  EXPECT_THAT(events(), ElementsAre("control started"));
  world.connect_router();
  world.connect_engine();
  world.connect_logs();
  world.run();
  world.disk.used = world.disk.bytes;
  world.advance(kDiskLook);
  world.disk.used = 0;
  world.advance(kDiskLook);
  world.kill();
  world.start();
  world.kill();
  world.version = "1.1";
  world.boot = "other";
  world.start();
  EXPECT_THAT(events(),
              ElementsAre("control started", "router restarted", "engine restarted", "logs restarted", "disk full",
                          "disk free", "control started", "machine started", "version changed", "control started"));
  EXPECT_EQ(world.control().platform_events(0)->at(8).detail, "marea 1.0 → 1.1");
}

}  // namespace
}  // namespace marea::control
