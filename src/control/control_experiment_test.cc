#include <gmock/gmock.h>

#include "control/control.h"
#include "control/control_world_test.h"

namespace marea::control {
namespace {

using model::ExperimentEnd;
using model::ExperimentPhase;
using model::InstanceState;
using testing::HasSubstr;

class ControlExperimentTest : public testing::Test {
 protected:
  ControlExperimentTest() {
    world.connect();
    for (const char letter : {'a', 'b', 'c'}) world.have_image(std::string(1, letter), letter);
    world.deploy("hola", "a", "i1");
    world.deploy("hola", "b", "i2");
    for (const RevisionState& one : world.service("hola").revisions) names.push_back(one.record.revision.name.str());
    world.apply_routes();
  }
  std::string document(const std::string& more = "", std::string ends = "") {
    if (ends.empty()) ends = in(std::chrono::hours(24 * 30));
    return R"({"apiVersion": "marea.dev/v1", "kind": "Experiment", "metadata": {"name": "form"}, "spec": {
      "service": "hola", "arms": [{"name": "old", "revision": ")" +
           names.at(0) + R"(", "weight": "50%"}, {"name": "new", "revision": ")" + names.at(1) +
           R"(", "weight": "50%", "segments": [{"path": {"prefix": "/beta"}}]}],
      "conversions": [{"name": "loan", "route": "POST /loans", "status": 201}], "ends": ")" +
           ends + "\"" + more + "}}";
  }
  std::expected<Outcome, Refusal> put(const std::string& text) {
    const auto parsed = model::parse_experiments(text);
    if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
    return world.execute(PutExperiment{.document = parsed->front()});
  }
  // A moment after the world's now.
  std::string in(base::Duration time) {
    return model::print_moment(world.loop().clock().wall().unix_ns + time.count());
  }
  // The traffic names the first revision, as for an experiment with the second.
  void pin(const std::string& annotation = "{}") {
    model::Json document = model::Json::parse(world.service("hola").record.document);
    document["spec"]["traffic"] = {{{"revisionName", names.at(0)}, {"percent", 100}}};
    document["metadata"]["annotations"].update(model::Json::parse(annotation));
    ASSERT_TRUE(apply(std::move(document)));
    world.apply_routes();
  }
  std::expected<Outcome, Refusal> apply(model::Json document) {
    auto parsed = model::parse_service(std::move(document));
    if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
    return world.execute(ApplyService{.document = *std::move(parsed)});
  }
  const ExperimentEntry& entry() { return world.control().experiments().at("form"); }
  void tell(std::uint64_t keys, std::uint64_t failed_old, std::uint64_t failed_new, std::uint64_t memory = 1) {
    model::ArmOutcomes none;
    none.converted = none.converted_in_due = {0};
    model::ExperimentCounts counts{
        .experiment = entry().route_id(), .memory = memory, .split = {none, none}, .led = {none, none}};
    for (model::ArmOutcomes& arm : counts.split) arm.keys = arm.due = keys;
    counts.split[0].failed = failed_old;
    counts.split[1].failed = failed_new;
    world.tell_outcomes(counts);
  }

  ControlWorld world;
  std::vector<std::string> names;
};

TEST_F(ControlExperimentTest, divides_users_until_its_date_and_then_the_traffic_is_as_it_was) {
  const auto put_one = put(document("", in(std::chrono::hours(1))));
  ASSERT_TRUE(put_one) << put_one.error().error.line();
  EXPECT_TRUE(std::get<ExperimentPut>(*put_one).created);
  EXPECT_EQ(world.shares("hola"), "hola-00002=5000 hola-00001=5000");
  ASSERT_TRUE(world.route("hola").experiment);
  EXPECT_EQ(world.route("hola").experiment->salt.size(), 16U);
  ASSERT_EQ(world.route("hola").rules.size(), 1U);
  EXPECT_EQ(world.route("hola").rules[0].arm, 1);
  world.advance(std::chrono::hours(2));
  EXPECT_EQ(entry().state().phase, ExperimentPhase::ended);
  EXPECT_EQ(entry().state().cause, ExperimentEnd::date);
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
  EXPECT_FALSE(world.route("hola").experiment);
  EXPECT_TRUE(world.route("hola").own_paths) << "pages that were loaded before still post events";
  ASSERT_TRUE(world.execute(DeleteExperiment{.name = "form"}));
  EXPECT_FALSE(world.route("hola").own_paths);
}

TEST_F(ControlExperimentTest, the_history_tells_when_it_began_and_why_it_ended) {
  ASSERT_TRUE(put(document()));
  ASSERT_TRUE(world.execute(EndExperiment{.name = "form", .who = "ana", .reason = "enough"}));
  const auto timeline = world.control().timeline({.service = base::ServiceName("hola")});
  ASSERT_TRUE(timeline);
  ASSERT_GE(timeline->lines.size(), 2U);
  const model::TimelineLine& began = timeline->lines[timeline->lines.size() - 2];
  const model::TimelineLine& ended = timeline->lines.back();
  EXPECT_EQ(began.why, "experiment form began");
  EXPECT_EQ(began.serving.shares.size(), 2U);
  EXPECT_EQ(ended.why, "experiment form ended: person, enough");
  EXPECT_EQ(ended.who, "ana");
  EXPECT_EQ(ended.serving.shares.size(), 1U);
}

TEST_F(ControlExperimentTest, faults_of_its_world_are_named_at_once_and_change_nothing) {
  std::string text = document("", in(base::Duration{0}));
  const std::string first = names.at(0);
  text.replace(text.find(first), first.size(), "hola-77");
  const auto done = put(text);
  ASSERT_FALSE(done);
  ASSERT_EQ(done.error().faults.size(), 2U);
  EXPECT_EQ(to_string(done.error().faults[1]), "spec.arms[0].revision: service hola has no revision hola-77");
  EXPECT_THAT(to_string(done.error().faults[0]), HasSubstr("Z is past: it is 20"));
  ASSERT_TRUE(world.control().experiments().empty());
  EXPECT_FALSE(world.route("hola").experiment);
}

TEST_F(ControlExperimentTest, a_revision_that_is_not_ready_is_a_fault) {
  world.apply("hola", "c");
  const std::string newest = world.newest("hola");
  std::string text = document();
  const std::string first = names.at(0);
  text.replace(text.find(first), first.size(), newest);
  const auto done = put(text);
  ASSERT_FALSE(done);
  EXPECT_THAT(to_string(done.error().faults.at(0)), HasSubstr("is not ready"));
}

TEST_F(ControlExperimentTest, a_killed_control_goes_on_with_what_was_counted) {
  ASSERT_TRUE(put(document()));
  tell(1000, 5, 6);
  world.advance(kExperimentStored + kExperimentLook);
  world.kill();
  world.start();
  world.connect();
  ASSERT_TRUE(entry().running());
  EXPECT_EQ(decide::report_of(entry().data(), entry().spec()).split[0].keys, 1000U);
  tell(1200, 6, 7);
  tell(300, 1, 1, 2);
  EXPECT_EQ(decide::report_of(entry().data(), entry().spec()).split[0].keys, 1500U);
  EXPECT_TRUE(world.route("hola").experiment);
}

TEST_F(ControlExperimentTest, an_arm_that_harms_users_ends_it) {
  ASSERT_TRUE(put(document()));
  for (std::uint64_t i = 1; i <= 30 && entry().running(); ++i) tell(100 * i, i, 8 * i);
  EXPECT_EQ(entry().state().cause, ExperimentEnd::guardrail);
  EXPECT_THAT(entry().state().detail, HasSubstr("arm new harms users: failures"));
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
}

TEST_F(ControlExperimentTest, one_that_only_warns_goes_on) {
  ASSERT_TRUE(put(document(R"(, "onBreach": "warn")")));
  for (std::uint64_t i = 1; i <= 30; ++i) tell(100 * i, i, 8 * i);
  EXPECT_TRUE(entry().running());
  EXPECT_TRUE(decide::breach_of(entry().data(), entry().spec()));
}

TEST_F(ControlExperimentTest, a_deploy_ends_it_and_says_so) {
  ASSERT_TRUE(put(document()));
  const auto done = world.apply("hola", "c");
  ASSERT_TRUE(done);
  const auto& notices = std::get<Applied>(*done).notices;
  EXPECT_TRUE(std::ranges::any_of(notices, [](const model::Fault& each) {
    return each.message.starts_with("ends experiment form: a new revision came");
  }));
  EXPECT_EQ(entry().state().cause, ExperimentEnd::deploy);
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
}

TEST_F(ControlExperimentTest, one_may_refuse_deploys_while_it_runs) {
  ASSERT_TRUE(put(document(R"(, "onDeploy": "refuse")")));
  const auto done = world.apply("hola", "c");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().error.code, base::ErrorCode::conflict);
  EXPECT_THAT(done.error().error.remedy, HasSubstr("marea experiments end form"));
  EXPECT_TRUE(entry().running());
  ASSERT_TRUE(world.execute(EndExperiment{.name = "form", .who = "ana", .reason = "a fix must go out"}));
  EXPECT_EQ(entry().state().cause, ExperimentEnd::person);
  EXPECT_EQ(entry().state().who, "ana");
  EXPECT_TRUE(world.apply("hola", "c"));
}

TEST_F(ControlExperimentTest, only_its_end_changes_while_it_runs_and_its_name_is_used_once) {
  ASSERT_TRUE(put(document()));
  const std::string salt = entry().record().salt;
  ASSERT_TRUE(put(document("", in(std::chrono::hours(24 * 60)))));
  EXPECT_EQ(entry().record().salt, salt);
  const auto changed = put(document(R"(, "alpha": 0.01)"));
  ASSERT_FALSE(changed);
  EXPECT_THAT(changed.error().error.why, HasSubstr("only ends, onDeploy and onBreach can change"));
  ASSERT_TRUE(world.execute(EndExperiment{.name = "form", .who = {}, .reason = {}}));
  EXPECT_FALSE(put(document(R"(, "alpha": 0.01)")));
  EXPECT_FALSE(world.execute(EndExperiment{.name = "form", .who = {}, .reason = {}}));
  ASSERT_TRUE(world.execute(DeleteExperiment{.name = "form"}));
  EXPECT_TRUE(put(document(R"(, "alpha": 0.01)")));
}

TEST_F(ControlExperimentTest, its_arms_cannot_be_deleted_and_it_goes_with_its_service) {
  ASSERT_TRUE(put(document()));
  EXPECT_FALSE(world.execute(DeleteRevision{.name = base::RevisionName(names.at(0))}));
  world.execute(DeleteService{.name = base::ServiceName("hola")});
  world.apply_routes();
  EXPECT_TRUE(world.control().experiments().empty());
}

TEST_F(ControlExperimentTest, it_does_not_begin_while_a_release_runs) {
  model::Json released = model::Json::parse(world.service("hola").record.document);
  released["metadata"]["annotations"]["marea.dev/release-policy"] = "canary";
  released["spec"]["template"]["spec"]["containers"][0]["image"] = "c";
  ASSERT_TRUE(apply(std::move(released)));
  const auto done = put(document());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().error.code, base::ErrorCode::conflict);
  EXPECT_THAT(done.error().error.why, HasSubstr("releases go before experiments"));
}

TEST_F(ControlExperimentTest, it_does_not_begin_while_a_revision_that_shall_have_the_traffic_is_being_deployed) {
  world.apply("hola", "c");
  const auto done = put(document());
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().error.why, HasSubstr("deploys go before experiments"));
}

TEST_F(ControlExperimentTest, a_deploy_goes_on_from_what_the_traffic_says_and_not_from_an_arm) {
  pin();
  ASSERT_TRUE(put(document()));
  world.apply_routes();
  model::Json released = model::Json::parse(world.service("hola").record.document);
  released["metadata"]["annotations"]["marea.dev/release-policy"] = "canary";
  released["spec"]["template"]["spec"]["containers"][0]["image"] = "c";
  released["spec"].erase("traffic");
  ASSERT_TRUE(apply(std::move(released)));
  EXPECT_EQ(entry().state().cause, ExperimentEnd::deploy);
  ASSERT_EQ(world.service("hola").releases.size(), 1U);
  EXPECT_EQ(world.service("hola").releases[0].record().spec.stable.str(), names.at(0));
}

TEST_F(ControlExperimentTest, a_failed_revision_that_is_tried_again_is_a_deploy) {
  world.apply("hola", "c");
  world.report("c1", world.newest("hola"), InstanceState::failed, model::Reason::app_exited,
               model::ExitStatus{.code = 1});
  world.advance(kOutputSettles);
  ASSERT_TRUE(put(document()));
  ASSERT_TRUE(world.apply("hola", "c"));
  EXPECT_EQ(entry().state().cause, ExperimentEnd::deploy);
}

TEST_F(ControlExperimentTest, a_rollback_ends_it_and_leaves_who_was_compared_with) {
  pin();
  ASSERT_TRUE(put(document()));
  world.apply_routes();
  const auto done = world.execute(RollBack{.service = base::ServiceName("hola"), .reason = "it hurts", .who = "ana"});
  ASSERT_TRUE(done) << done.error().error.line();
  const auto& back = std::get<RolledBack>(*done);
  EXPECT_EQ(back.from.str() + " " + back.to.str(), names.at(1) + " " + names.at(0));
  EXPECT_FALSE(back.by_traffic);
  EXPECT_EQ(entry().state().cause, ExperimentEnd::person);
  EXPECT_EQ(entry().state().who, "ana");
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlExperimentTest, a_rollback_of_a_service_whose_newest_has_the_traffic_names_the_other_in_the_same_commit) {
  ASSERT_TRUE(put(document()));
  const auto done = world.execute(RollBack{.service = base::ServiceName("hola"), .reason = {}, .who = "ana"});
  ASSERT_TRUE(done);
  EXPECT_TRUE(std::get<RolledBack>(*done).by_traffic);
  EXPECT_EQ(entry().state().cause, ExperimentEnd::person);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlExperimentTest, an_arm_may_be_promoted_as_it_ends) {
  pin();
  ASSERT_TRUE(put(document()));
  const auto unknown = world.execute(EndExperiment{.name = "form", .who = "ana", .reason = {}, .promote = "newer"});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().error.why, HasSubstr("its arms are old, new"));
  EXPECT_TRUE(entry().running());
  ASSERT_TRUE(world.execute(EndExperiment{.name = "form", .who = "ana", .reason = {}, .promote = "new"}));
  EXPECT_EQ(entry().state().detail, "arm new was promoted");
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
  EXPECT_TRUE(world.service("hola").record.service.traffic.at(0).latest) << "later deploys get the traffic";
}

TEST_F(ControlExperimentTest, an_older_arm_that_is_promoted_is_named_by_the_traffic) {
  ASSERT_TRUE(put(document()));
  ASSERT_TRUE(world.execute(EndExperiment{.name = "form", .who = "ana", .reason = {}, .promote = "old"}));
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(world.service("hola").record.service.traffic.at(0).revision, names.at(0));
}

TEST_F(ControlExperimentTest, where_no_cookie_may_be_set_users_need_a_header) {
  pin(R"({"marea.dev/sticky": "off"})");
  const auto without = put(document());
  ASSERT_FALSE(without);
  EXPECT_THAT(to_string(without.error().faults.at(0)), HasSubstr("spec.sticky: service hola may set no cookie"));
  EXPECT_TRUE(put(document(R"(, "sticky": "header X-Customer")")));
}

TEST_F(ControlExperimentTest, users_keep_their_arm_by_what_the_service_says_unless_it_says_more) {
  pin(R"({"marea.dev/sticky": "header X-Customer"})");
  ASSERT_TRUE(put(document()));
  EXPECT_EQ(entry().spec().sticky.header, "x-customer");
  pin(R"({"marea.dev/sticky": "cookie"})");
  EXPECT_TRUE(put(document())) << "one that runs goes on as it began";
  EXPECT_EQ(entry().spec().sticky.header, "x-customer");
  world.kill();
  world.start();
  EXPECT_EQ(entry().spec().sticky.header, "x-customer") << "also under the next control";
}

TEST_F(ControlExperimentTest, an_arm_is_not_deleted_while_it_runs_and_what_to_end_is_said) {
  ASSERT_TRUE(put(document()));
  const auto refused = world.execute(DeleteRevision{.name = base::RevisionName(names.at(0))});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.why, "experiment form gives it to users");
  EXPECT_EQ(refused.error().error.remedy, "End it first: marea experiments end form");
}

TEST_F(ControlExperimentTest, one_that_has_ended_is_not_begun_anew_and_that_is_said) {
  ASSERT_TRUE(put(document("", in(std::chrono::hours(1)))));
  const std::string same = document("", in(std::chrono::hours(1)));
  ASSERT_TRUE(world.execute(EndExperiment{.name = "form", .who = {}, .reason = {}}));
  const auto done = put(same);
  ASSERT_TRUE(done) << done.error().error.line();
  ASSERT_EQ(std::get<ExperimentPut>(*done).notices.size(), 2U) << "the other is of its segment by a path";
  EXPECT_THAT(std::get<ExperimentPut>(*done).notices[1].message, HasSubstr("has ended (person), and nothing begins"));
}

TEST_F(ControlExperimentTest, the_history_tells_who_began_and_who_deleted_one_that_ran) {
  const auto parsed = model::parse_experiments(document());
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(world.execute(PutExperiment{.document = parsed->front(), .who = "ana"}));
  ASSERT_TRUE(world.execute(DeleteExperiment{.name = "form", .who = "eva"}));
  const auto timeline = world.control().timeline({.service = base::ServiceName("hola")});
  ASSERT_TRUE(timeline);
  ASSERT_GE(timeline->lines.size(), 2U);
  EXPECT_EQ(timeline->lines[timeline->lines.size() - 2].who, "ana");
  EXPECT_EQ(timeline->lines.back().who, "eva");
  EXPECT_EQ(timeline->lines.back().why, "experiment form ended: person, it was deleted");
}

}  // namespace
}  // namespace marea::control
