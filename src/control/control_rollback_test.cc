#include <gmock/gmock.h>

#include "control/control.h"
#include "control/control_world_test.h"

namespace marea::control {
namespace {

using model::InstanceState;
using model::ReleasePhase;
using testing::HasSubstr;

class ControlRollbackTest : public testing::Test {
 protected:
  ControlRollbackTest() {
    world.connect();
    for (const char letter : {'a', 'b', 'c'}) world.have_image(std::string(1, letter), letter);
  }
  std::expected<Outcome, Refusal> apply(const std::string& image, const std::string& policy,
                                        const std::string& rollback) {
    model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"name": "hola"}, "spec": {"template": {"spec": {"containers": [{}]}}}})");
    document["metadata"]["annotations"]["marea.dev/release-policy"] = policy;
    document["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    if (!rollback.empty()) document["spec"]["template"]["metadata"]["annotations"]["marea.dev/rollback"] = rollback;
    auto parsed = model::parse_service(std::move(document));
    if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
    return world.execute(ApplyService{.document = std::move(*parsed)});
  }
  void deploy(const std::string& image, const std::string& instance, const std::string& policy = "canary",
              const std::string& rollback = "") {
    const auto done = apply(image, policy, rollback);
    ASSERT_TRUE(done) << done.error().error.line();
    world.report(instance, world.newest("hola"), InstanceState::running);
    world.apply_routes();
  }
  void pass_watch() {
    for (int second = 0; second < 660; ++second) world.advance(kReleaseLook);
    world.advance(std::chrono::hours(24));
    world.advance(kReleaseLook);
    ASSERT_EQ(release().state().phase, ReleasePhase::done);
  }
  const ReleaseEntry& release() { return world.service("hola").releases.back(); }
  std::expected<Outcome, Refusal> roll_back(const std::string& revision = "") {
    return world.execute(RollBack{.service = base::ServiceName("hola"),
                                  .revision = base::RevisionName(revision),
                                  .reason = "it hurts",
                                  .who = "ana"});
  }
  std::string last_line() {
    const auto history = world.control().release_history(release().record().spec.id);
    const model::ReleaseAudit& line = history.back().audit;
    return std::string(to_string(line.event)) + " by " + line.who + ": " + line.why;
  }
  std::string revision(std::size_t index) {
    return world.service("hola").revisions.at(index).record.revision.name.str();
  }

  ControlWorld world;
};

TEST_F(ControlRollbackTest, a_release_that_runs_is_aborted_in_one_publication) {
  deploy("a", "i1");
  deploy("b", "i2");
  const std::uint64_t before = world.routes_version();
  const auto done = roll_back();
  ASSERT_TRUE(done) << done.error().error.line();
  EXPECT_EQ(std::get<RolledBack>(*done).to.str(), revision(0));
  EXPECT_FALSE(std::get<RolledBack>(*done).by_traffic);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(world.routes_version(), before + 1);
  EXPECT_EQ(last_line(), "aborted by ana: by a person: it hurts");
}

TEST_F(ControlRollbackTest, another_revision_than_stable_is_one_publication_too) {
  deploy("a", "i1", "none");
  deploy("b", "i2", "none");
  deploy("c", "i3");
  const std::uint64_t before = world.routes_version();
  ASSERT_TRUE(roll_back(revision(0)));
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(world.routes_version(), before + 1);
  EXPECT_EQ(last_line(), "rolled back by ana: all requests to " + revision(0) + " by spec.traffic: it hurts");
}

TEST_F(ControlRollbackTest, a_release_that_is_done_is_taken_back_and_the_next_deploy_is_released_from_what_serves) {
  deploy("a", "i1");
  deploy("b", "i2");
  pass_watch();
  EXPECT_EQ(world.control().last_known_stable(base::ServiceName("hola")).str(), revision(1));
  ASSERT_TRUE(roll_back());
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(release().state().phase, ReleasePhase::aborted);
  EXPECT_EQ(world.control().last_known_stable(base::ServiceName("hola")).str(), revision(0));
  world.kill();
  world.start();
  world.connect();
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000") << "it stays so";
  deploy("c", "i3");
  EXPECT_EQ(release().record().spec.stable.str(), revision(0));
}

TEST_F(ControlRollbackTest, without_a_release_spec_traffic_names_the_revision_before_and_no_revision_is_made) {
  deploy("a", "i1", "none");
  deploy("b", "i2", "none");
  const int generation = world.service("hola").record.generation;
  const auto done = roll_back();
  ASSERT_TRUE(done) << done.error().error.line();
  EXPECT_TRUE(std::get<RolledBack>(*done).by_traffic);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(world.service("hola").revisions.size(), 2U);
  EXPECT_EQ(world.service("hola").record.generation, generation + 1);
  const auto timeline = world.control().timeline({.service = base::ServiceName("hola")});
  ASSERT_TRUE(timeline);
  EXPECT_EQ(timeline->lines.back().cause, model::TimelineCause::rolled_back);
  EXPECT_EQ(timeline->lines.back().revision.str(), revision(1));
  EXPECT_FALSE(timeline->lines.back().report.empty()) << "at least the deploy that is taken back";
  EXPECT_THAT(world.service("hola").record.document, HasSubstr(R"("revisionName":")" + revision(0)));
  world.kill();
  world.start();
  world.connect();
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(roll_back(revision(0)).error().error.why, revision(0) + " has all requests already");
}

TEST_F(ControlRollbackTest, one_that_is_forbidden_by_now_is_refused_and_nothing_changes) {
  deploy("a", "i1");
  deploy("b", "i2", "all-at-once", "forbidden-after: promotion");
  world.advance(std::chrono::hours(24));
  world.advance(kReleaseLook);
  ASSERT_EQ(release().state().phase, ReleasePhase::done);
  const std::string before = world.shares("hola");
  EXPECT_EQ(before, "hola-00002=10000");
  const auto done = roll_back();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().error.code, base::ErrorCode::conflict);
  EXPECT_EQ(done.error().error.why, "the policy forbids a rollback by now");
  EXPECT_EQ(world.shares("hola"), before);
  EXPECT_EQ(release().state().phase, ReleasePhase::done);
}

TEST_F(ControlRollbackTest, a_gate_is_answered_by_name_while_it_is_open) {
  const auto parsed = model::parse_release_policies(
      "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: asks}\n"
      "spec: {ladder: [5%], gates: [{name: qa, before: 5%}, {name: boss, before: promotion}]}\n");
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(world.execute(PutReleasePolicy{.document = parsed->front()}));
  deploy("a", "i1", "asks");
  deploy("b", "i2", "asks");
  ASSERT_EQ(release().state().phase, ReleasePhase::gated);
  const auto answer = [&](const std::string& gate, bool passed) {
    return world.execute(AnswerGate{.service = base::ServiceName("hola"),
                                    .release = release().record().spec.id,
                                    .gate = gate,
                                    .passed = passed,
                                    .detail = "seen",
                                    .who = "ana"});
  };
  EXPECT_EQ(answer("none", true).error().error.code, base::ErrorCode::not_found);
  EXPECT_EQ(answer("boss", true).error().error.why, "it is not open: the release is gated, and its open gate is qa");
  ASSERT_TRUE(answer("qa", true));
  EXPECT_EQ(release().state().phase, ReleasePhase::stepping);
  const auto history = world.control().release_history(release().record().spec.id);
  const bool told = std::ranges::any_of(history, [](const store::ReleaseAuditRecord& line) {
    return line.audit.event == model::ReleaseEvent::gate_passed && line.audit.who == "ana" &&
           line.audit.why == "the gate qa: seen";
  });
  EXPECT_TRUE(told);
  EXPECT_EQ(answer("qa", true).error().error.why, "it is not open: the release is stepping");
}

}  // namespace
}  // namespace marea::control
