#include "control/traffic_faults.h"

#include <gmock/gmock.h>

#include "control/control.h"
#include "control/control_world_test.h"

namespace marea::control {
namespace {

using model::InstanceState;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string to_revision(const std::string& revision, int percent, const std::string& tag = "") {
  return R"({"revisionName": ")" + revision + R"(", "percent": )" + std::to_string(percent) +
         (tag.empty() ? "" : R"(, "tag": ")" + tag + "\"") + "}";
}

class TrafficFaultsTest : public testing::Test {
 protected:
  TrafficFaultsTest() {
    world.connect();
    for (const char letter : {'a', 'b', 'c'}) world.have_image(std::string(1, letter), letter);
    world.deploy("hola", "a", "i1");
    first = world.newest("hola");
  }
  // The places and messages of the faults, or "taken".
  std::vector<std::string> apply(const std::string& image, const std::string& traffic,
                                 const model::Json& revision = nullptr, bool dry_run = false,
                                 const std::string& service = "hola") {
    model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {}, "spec": {"template": {"spec": {"containers": [{}]}}}})");
    document["metadata"]["name"] = service;
    document["metadata"]["annotations"] = annotations;
    document["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    if (!revision.is_null()) document["spec"]["template"]["metadata"] = revision;
    document["spec"]["traffic"] = model::Json::parse("[" + traffic + "]");
    auto parsed = model::parse_service(std::move(document));
    if (!parsed) return {"unread: " + to_string(parsed.error().front())};
    const auto done = world.execute(ApplyService{.document = std::move(*parsed), .dry_run = dry_run});
    if (done) return {"taken"};
    if (done.error().faults.empty()) return {done.error().error.line()};
    EXPECT_EQ(done.error().error.code, base::ErrorCode::manifest_invalid);
    std::vector<std::string> out;
    for (const model::Fault& fault : done.error().faults) out.push_back(to_string(fault));
    return out;
  }
  // The newest revision's start fails.
  void fail_newest(const std::string& instance) {
    world.report(instance, world.newest("hola"), InstanceState::failed, model::Reason::app_exited,
                 model::ExitStatus{.code = 1});
    world.advance(kOutputSettles);
  }

  ControlWorld world;
  std::string first;
  model::Json annotations = model::Json::object();
};

TEST_F(TrafficFaultsTest, each_name_that_cannot_serve_is_told_at_once_with_cause_and_remedy_and_nothing_changes) {
  world.deploy("other", "b", "o1");
  const std::string strange = world.newest("other");
  ASSERT_TRUE(world.apply("hola", "b"));
  const std::string failed = world.newest("hola");
  fail_newest("i2");
  ASSERT_TRUE(world.apply("hola", "c"));
  const std::string pending = world.newest("hola");
  const std::string ready = "; ready: " + first + " (marea revisions list --service hola)";
  const auto before = world.service("hola").record;
  EXPECT_THAT(
      apply("c", to_revision("hola-9", 10) + "," + to_revision(first, 50) + "," + to_revision(strange, 10) + "," +
                     to_revision(failed, 20) + "," + to_revision(pending, 10) + "," + to_revision("hola-8", 0, "old")),
      ElementsAre(
          "spec.traffic[0].revisionName: there is no revision hola-9" + ready,
          "spec.traffic[2].revisionName: revision " + strange + " is of service other" + ready,
          AllOf(HasSubstr("spec.traffic[3].revisionName: revision " + failed + " is not ready, it failed: "),
                HasSubstr(ready), Not(HasSubstr(".;"))),
          "spec.traffic[4].revisionName: revision " + pending + " is not ready yet: it is being deployed" + ready,
          "spec.traffic[5].revisionName: there is no revision hola-8" + ready));
  EXPECT_EQ(world.service("hola").record, before);
}

TEST_F(TrafficFaultsTest, other_faults_of_the_manifest_are_told_with_them) {
  annotations = {{"marea.dev/release-policy", "nobody-made-it"}};
  EXPECT_THAT(apply("b", to_revision("hola-9", 100), {{"name", first}}),
              ElementsAre(HasSubstr("there is no ReleasePolicy"), HasSubstr("spec.traffic[0].revisionName: "),
                          HasSubstr("spec.template.metadata.name: ")));
}

TEST_F(TrafficFaultsTest, a_dry_run_tells_the_same) {
  EXPECT_THAT(apply("b", to_revision("hola-9", 100), nullptr, true),
              ElementsAre(HasSubstr("there is no revision hola-9")));
  EXPECT_THAT(apply("b", to_revision(first, 100), nullptr, true), ElementsAre("taken"));
}

TEST_F(TrafficFaultsTest, the_revision_that_this_manifest_makes_may_be_named) {
  EXPECT_THAT(apply("b", to_revision("hola-new", 100), {{"name", "hola-new"}}), ElementsAre("taken"));
  EXPECT_THAT(world.conditions("hola"), Not(HasSubstr("RevisionMissing")));
  EXPECT_THAT(apply("b", to_revision("hola-new", 40) + "," + to_revision(first, 60), {{"name", "hola-new"}}),
              ElementsAre("taken"))
      << "while it is being deployed, too";
  EXPECT_THAT(apply("a", to_revision("fresh-a", 100), {{"name", "fresh-a"}}, false, "fresh"), ElementsAre("taken"));
}

TEST_F(TrafficFaultsTest, a_new_service_has_no_other_revision_to_name) {
  EXPECT_THAT(apply("a", to_revision("fresh-1", 100), nullptr, false, "fresh"),
              ElementsAre("spec.traffic[0].revisionName: there is no revision fresh-1; no revision of fresh is ready: "
                          "write latestRevision: true, or name the revision that this manifest makes "
                          "(spec.template.metadata.name)"));
}

TEST_F(TrafficFaultsTest, what_the_service_names_already_is_taken_again_and_its_condition_stays) {
  const model::Json named = {{"name", "hola-new"}};
  const std::string traffic =
      to_revision("hola-new", 60) + "," + to_revision(first, 40) + "," + to_revision("hola-new", 0, "new");
  ASSERT_THAT(apply("b", traffic, named), ElementsAre("taken"));
  fail_newest("i2");
  EXPECT_THAT(world.conditions("hola"), HasSubstr("RoutesReady=False(RevisionMissing)"));
  EXPECT_THAT(apply("c", traffic), ElementsAre("taken")) << "a deploy with pinned traffic";
  EXPECT_THAT(world.conditions("hola"), HasSubstr("RoutesReady=False(RevisionMissing)"));
  EXPECT_THAT(apply("c", traffic), ElementsAre("taken")) << "the same once more";
  EXPECT_THAT(
      apply("c", to_revision("hola-new", 10) + "," + to_revision(first, 90) + "," + to_revision("hola-new", 0, "new")),
      ElementsAre("taken"))
      << "less of it is no new fault";
  EXPECT_THAT(apply("c", to_revision("hola-new", 11) + "," + to_revision(first, 89)),
              ElementsAre(HasSubstr("spec.traffic[0].revisionName: revision hola-new is not ready, it failed")));
  EXPECT_THAT(apply("c", to_revision(first, 100) + "," + to_revision("hola-new", 0, "newer")),
              ElementsAre(HasSubstr("spec.traffic[1].revisionName: ")));
}

TEST_F(TrafficFaultsTest, of_very_many_a_hundred_are_told) {
  std::string traffic = to_revision(first, 100);
  for (int i = 0; i < 102; ++i) traffic += "," + to_revision("hola-x" + std::to_string(i), 0, "t" + std::to_string(i));
  const auto told = apply("b", traffic);
  ASSERT_EQ(told.size(), 101U);
  EXPECT_EQ(told.back(), "spec.traffic: names 2 more of this kind");
}

TEST_F(TrafficFaultsTest, of_a_document_with_faults_of_its_own_what_can_be_read_is_judged) {
  const auto faults = [&](const std::string& text) {
    std::vector<std::string> out;
    for (const auto& fault : traffic_faults(world.control(), traffic_wish(model::Json::parse(text)))) {
      out.push_back(fault.path);
    }
    return out;
  };
  EXPECT_THAT(faults(R"({"metadata": {"name": "hola"}, "spec": {"traffic": [
      7, {"revisionName": 3}, {"revisionName": "gone", "percent": 1e99, "tag": []}, {"revisionName": "made"}],
      "template": {"metadata": {"name": "made"}}}})"),
              ElementsAre("spec.traffic[2].revisionName"));
  for (const char* nothing : {"7", "{}", R"({"metadata": [], "spec": 1})", R"({"spec": {"traffic": {}}})",
                              R"({"metadata": {"name": "hola"}, "spec": {"traffic": "x", "template": 1}})"}) {
    EXPECT_THAT(faults(nothing), IsEmpty());
  }
}

}  // namespace
}  // namespace marea::control
