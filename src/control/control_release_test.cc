#include <gmock/gmock.h>

#include "control/control.h"
#include "control/control_world_test.h"

namespace marea::control {
namespace {

using model::InstanceState;
using model::ReleasePhase;
using testing::Contains;
using testing::HasSubstr;

class ControlReleaseTest : public testing::Test {
 protected:
  ControlReleaseTest() {
    world.connect();
    for (const char letter : {'a', 'b', 'c'}) world.have_image(std::string(1, letter), letter);
  }
  std::expected<Outcome, Refusal> apply(const std::string& image, const std::string& policy = "canary",
                                        const std::string& rollback = "", const std::string& traffic = "") {
    model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"name": "hola"}, "spec": {"template": {"spec": {"containers": [{}]}}}})");
    if (!policy.empty()) document["metadata"]["annotations"]["marea.dev/release-policy"] = policy;
    model::Json& revision = document["spec"]["template"];
    revision["spec"]["containers"][0]["image"] = image;
    if (!rollback.empty()) revision["metadata"]["annotations"]["marea.dev/rollback"] = rollback;
    if (!traffic.empty()) document["spec"]["traffic"] = model::Json::parse(traffic);
    auto parsed = model::parse_service(std::move(document));
    if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
    return world.execute(ApplyService{.document = std::move(*parsed)});
  }
  // Deploys; its check passes.
  void deploy(const std::string& image, const std::string& instance, const std::string& policy = "canary") {
    const auto done = apply(image, policy);
    ASSERT_TRUE(done) << done.error().error.line();
    world.report(instance, world.newest("hola"), InstanceState::running);
    world.apply_routes();
  }
  void begin_canary() {
    deploy("a", "i1");
    deploy("b", "i2");
  }
  const model::ReleaseState& state() { return release().state(); }
  const ReleaseEntry& release() { return world.service("hola").releases.back(); }
  void pass(base::Duration time) {
    for (base::Duration passed{0}; passed < time; passed += kReleaseLook) world.advance(kReleaseLook);
  }
  std::expected<Outcome, Refusal> move(decide::OperatorAct act) {
    return world.execute(
        MoveRelease{.service = base::ServiceName("hola"), .command = {.act = act, .who = "ana", .reason = "because"}});
  }
  std::expected<Outcome, Refusal> put_policy(const std::string& name, const std::string& spec) {
    const auto parsed = model::parse_release_policies(
        "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: " + name + "}\nspec: " + spec + "\n");
    if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
    return world.execute(PutReleasePolicy{.document = parsed->front()});
  }
  std::string usual(const std::string& image, const std::string& traffic = "");
  std::vector<std::string> history() {
    std::vector<std::string> out;
    for (const auto& line : world.control().release_history(release().record().spec.id)) {
      out.push_back(std::string(to_string(line.audit.actor)) + " " + std::string(to_string(line.audit.event)));
    }
    return out;
  }

  ControlWorld world;
};

TEST_F(ControlReleaseTest, the_first_revision_is_deployed_at_once_and_says_why) {
  const auto done = apply("a");
  ASSERT_TRUE(done);
  const auto& notices = std::get<Applied>(*done).notices;
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(to_string(notices[0]),
            "metadata.annotations[\"marea.dev/release-policy\"]: has no effect on this deploy: "
            "there is no revision to compare with");
  world.report("i1", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_TRUE(world.service("hola").releases.empty());
}

TEST_F(ControlReleaseTest, without_the_annotation_a_deploy_goes_as_before) {
  world.deploy("hola", "a", "i1");
  world.deploy("hola", "b", "i2");
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
  EXPECT_TRUE(world.service("hola").releases.empty());
}

TEST_F(ControlReleaseTest, a_canary_climbs_by_time_and_then_is_watched) {
  deploy("a", "i1");
  ASSERT_TRUE(apply("b"));
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_EQ(state().phase, ReleasePhase::preparing);
  world.report("i2", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(world.shares("hola"), "hola-00001=9900 hola-00002=100");
  EXPECT_EQ(world.route("hola").release->weight, 100U);
  EXPECT_EQ(world.route("hola").release->id, world.newest("hola"));
  EXPECT_EQ(world.route("hola").release->salt.size(), 16U);
  pass(std::chrono::minutes(10));
  EXPECT_EQ(state().phase, ReleasePhase::watching);
  EXPECT_EQ(world.shares("hola"), "hola-00001=100 hola-00002=9900");
  EXPECT_EQ(world.control().last_known_stable(base::ServiceName("hola")), release().record().spec.stable);
  world.advance(std::chrono::hours(24));
  world.advance(kReleaseLook);
  EXPECT_EQ(state().phase, ReleasePhase::done);
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
  EXPECT_FALSE(world.route("hola").release);
  EXPECT_EQ(world.control().last_known_stable(base::ServiceName("hola")), release().record().spec.canary);
}

TEST_F(ControlReleaseTest, a_killed_control_goes_on_where_it_was) {
  begin_canary();
  pass(std::chrono::seconds(130));
  EXPECT_EQ(world.shares("hola"), "hola-00001=9500 hola-00002=500");
  const auto before = state();
  const std::string salt = release().record().salt;
  const auto lines = history();
  world.kill();
  world.start();
  EXPECT_EQ(state(), before);
  EXPECT_EQ(history(), lines);
  world.connect();
  EXPECT_EQ(world.shares("hola"), "hola-00001=9500 hola-00002=500");
  EXPECT_EQ(world.route("hola").release->salt, salt);
  pass(std::chrono::seconds(120));
  EXPECT_EQ(world.shares("hola"), "hola-00001=7500 hola-00002=2500");
}

// What a deploy of `image` that names no policy says, and whether it began a release.
std::string ControlReleaseTest::usual(const std::string& image, const std::string& traffic) {
  const auto before = world.service("hola").releases.size();
  const auto done = apply(image, "", "", traffic);
  if (!done) return done.error().error.line();
  std::string out = world.service("hola").releases.size() > before ? "released" : "at once";
  for (const auto& notice : std::get<Applied>(*done).notices) out += "; " + notice.message;
  return out;
}

TEST_F(ControlReleaseTest, who_asks_for_nothing_gets_a_canary_where_there_is_traffic_to_judge_it_by) {
  deploy("a", "i1", "");
  const std::string first = world.newest("hola");
  EXPECT_EQ(usual("b"), "at once; not set: all traffic moves at once, since nobody came within the last hour");
  world.report("i2", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  world.tell_requests(first, 59);
  EXPECT_EQ(usual("c"),
            "at once; not set: all traffic moves at once, since only 59 requests came within the last hour, too few to "
            "judge a canary by");
  world.report("i3", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  world.tell_requests(world.newest("hola"), 1);
  EXPECT_EQ(
      usual("a"),
      "released; not set: released as a canary, since 60 requests came within the last hour; \"none\" would move all "
      "traffic at once");
  EXPECT_EQ(state().phase, ReleasePhase::preparing);
}

TEST_F(ControlReleaseTest, what_came_more_than_an_hour_ago_is_no_traffic) {
  deploy("a", "i1", "");
  world.tell_requests(world.newest("hola"), 1000);
  world.advance(std::chrono::minutes(61));
  EXPECT_EQ(usual("b"), "at once; not set: all traffic moves at once, since nobody came within the last hour");
}

TEST_F(ControlReleaseTest, a_router_that_began_anew_counts_from_nothing) {
  deploy("a", "i1", "");
  world.tell_requests(world.newest("hola"), 1000);
  world.advance(std::chrono::minutes(61));
  world.tell_requests(world.newest("hola"), 61);
  EXPECT_THAT(usual("b"), testing::StartsWith("released"));
}

TEST_F(ControlReleaseTest, traffic_that_is_set_by_hand_is_not_released_and_a_revision_that_gets_none_is_told) {
  deploy("a", "i1", "");
  const std::string pinned = R"({"revisionName": ")" + world.newest("hola") + R"(", "percent": )";
  world.tell_requests(world.newest("hola"), 1000);
  EXPECT_EQ(usual("b", "[" + pinned + R"(50}, {"latestRevision": true, "percent": 50}])"), "at once");
  world.report("i2", world.newest("hola"), InstanceState::running);
  EXPECT_THAT(
      usual("c", "[" + pinned + "100}]"),
      testing::MatchesRegex("at once; hola-00003-[a-z0-9]+ gets no requests, since revisions are named here; to "
                            "the latest: marea traffic hola --to-latest"));
}

TEST_F(ControlReleaseTest, the_same_manifest_after_a_rollback_says_why_it_gets_no_requests) {
  begin_canary();
  ASSERT_TRUE(move(decide::OperatorAct::abort));
  model::Json again = model::Json::parse(world.service("hola").record.document);
  auto parsed = model::parse_service(std::move(again));
  ASSERT_TRUE(parsed);
  const auto done = world.execute(ApplyService{.document = *std::move(parsed)});
  ASSERT_TRUE(done);
  ASSERT_EQ(std::get<Applied>(*done).notices.size(), 1U);
  EXPECT_THAT(std::get<Applied>(*done).notices[0].message,
              HasSubstr(" gets its requests, since its release did not go through"));
}

TEST_F(ControlReleaseTest, what_cannot_be_taken_back_later_is_said_before) {
  deploy("a", "i1");
  const auto told = [&](const std::string& image, const std::string& policy, const std::string& until) {
    const auto done = apply(image, policy, until);
    std::string out;
    if (!done) return to_string(done.error().faults.at(0));
    for (const auto& each : std::get<Applied>(*done).notices) out += each.message + "; ";
    return out;
  };
  EXPECT_THAT(
      told("b", "canary", "forbidden-after: 25%"),
      testing::ContainsRegex("after its step of 25% hola-00002-[a-z0-9]+ is not taken back, by itself or by hand"));
  EXPECT_THAT(told("c", "none", "forbidden-after: promotion"),
              HasSubstr("from now on, since all traffic moves at once"));
  EXPECT_THAT(told("a", "", "forbidden-after: 7%"), HasSubstr("has no step 7%"));
}

TEST_F(ControlReleaseTest, a_release_is_not_tried_again_while_the_traffic_names_other_revisions) {
  begin_canary();
  ASSERT_TRUE(move(decide::OperatorAct::abort));
  ASSERT_TRUE(apply("b", "canary", "",
                    R"([{"revisionName": ")" + release().record().spec.stable.str() + R"(", "percent": 100}])"));
  const auto again = move(decide::OperatorAct::retry);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().error.remedy, HasSubstr("marea traffic hola --to-latest"));
  EXPECT_EQ(state().phase, ReleasePhase::aborted);
}

TEST_F(ControlReleaseTest, a_promoted_canary_without_a_holdback_that_burns_the_budget_is_compared_with_stable) {
  deploy("a", "i1", "blue-green");
  deploy("b", "i2", "blue-green");
  ASSERT_EQ(state().phase, ReleasePhase::watching);
  ASSERT_EQ(world.shares("hola"), "hola-00001=0 hola-00002=10000");
  const std::string canary = world.newest("hola");
  world.tell_requests(canary, 0);
  pass(kReleaseLook);
  world.tell_requests(canary, 1000, 20);
  pass(kReleaseLook);
  EXPECT_EQ(state().phase, ReleasePhase::watching) << "2 % of them failed: twice the budget";
  world.tell_requests(canary, 2000, 220);
  pass(kReleaseLook);
  EXPECT_EQ(state().phase, ReleasePhase::comparing) << "11 %: beyond six times, within half an hour and six";
  EXPECT_EQ(world.shares("hola"), "hola-00001=500 hola-00002=9500");
  pass(std::chrono::minutes(2));
  EXPECT_EQ(state().phase, ReleasePhase::watching) << "nothing says that it is worse";
  world.tell_requests(canary, 3000, 1220);
  pass(kReleaseLook);
  EXPECT_EQ(state().phase, ReleasePhase::watching) << "it was compared just now";
}

TEST_F(ControlReleaseTest, counts_are_acknowledged_at_once_and_stored_within_a_second) {
  begin_canary();
  model::ReleaseCounts counts{.release = release().route_id(), .closed = 100};
  world.tell_counts(counts);
  EXPECT_EQ(world.seen(counts.release), 100U) << "router tells the next ones only then";
  pass(kReleaseLook);
  counts.closed = 200;
  world.tell_counts(counts);
  world.kill();
  world.start();
  EXPECT_EQ(release().judged(), 100U) << "the ticks since are lost, none is counted twice";
  counts.release = "unknown";
  world.connect();
  world.tell_counts(counts);
  EXPECT_EQ(world.seen("unknown"), 200U) << "nobody judges them: router need not keep them";
}

TEST_F(ControlReleaseTest, users_who_fail_bring_stable_back_in_one_publication) {
  begin_canary();
  model::ReleaseCounts counts{.release = release().route_id()};
  for (int i = 0; i < 400 && state().phase == ReleasePhase::stepping; ++i) {
    counts.ticks = {
        {.number = counts.closed,
         .weight = 100,
         .keyed = {.stable = {.entered = 10, .at_risk = 1000}, .canary = {.entered = 1, .at_risk = 10, .failed = 1}}}};
    ++counts.closed;
    counts.stable.requests += 1000;
    counts.canary.requests += 10;
    world.tell_counts(counts);
  }
  EXPECT_EQ(state().phase, ReleasePhase::rolled_back);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_FALSE(world.route("hola").release);
  // It stays so over a restart, though the canary is the newest ready revision.
  world.kill();
  world.start();
  world.connect();
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlReleaseTest, instances_that_fail_again_and_again_bring_stable_back) {
  begin_canary();
  const std::string canary = world.newest("hola");
  for (const char* id : {"x1", "x2", "x3"}) {
    EXPECT_EQ(state().phase, ReleasePhase::stepping);
    world.report(id, canary, InstanceState::running);
    world.report(id, canary, InstanceState::failed, model::Reason::out_of_memory,
                 model::ExitStatus{.signal = 9, .out_of_memory = true});
  }
  EXPECT_EQ(state().phase, ReleasePhase::rolled_back);
  EXPECT_EQ(state().cause, model::ReleaseCause::out_of_memory);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlReleaseTest, how_the_canarys_instances_ended_is_shown_for_a_day_or_until_the_next_deploy) {
  begin_canary();
  const std::string canary = world.newest("hola");
  for (const char* id : {"x1", "x2", "x3"}) {
    world.report(id, canary, InstanceState::running);
    world.report(id, canary, InstanceState::failed, model::Reason::app_exited, model::ExitStatus{.code = 3});
  }
  ASSERT_EQ(state().phase, ReleasePhase::rolled_back);
  const auto shown = [&] { return world.control().instances().find(base::InstanceId("x3")) != nullptr; };
  const auto quarters = [&](int count) {
    for (int i = 0; i < count; ++i) world.advance(kEndedShown);
  };
  quarters(4 * 23);
  EXPECT_TRUE(shown());
  ASSERT_TRUE(apply("c"));
  quarters(2);
  EXPECT_FALSE(shown());
}

TEST_F(ControlReleaseTest, a_canary_that_starts_no_more_brings_stable_back) {
  begin_canary();
  const std::string canary = world.newest("hola");
  world.report("i2", canary, InstanceState::stopped);
  for (const char* id : {"x1", "x2", "x3"}) {
    world.report(id, canary, InstanceState::starting);
    world.report(id, canary, InstanceState::failed, model::Reason::app_exited, model::ExitStatus{.code = 1});
  }
  EXPECT_EQ(state().cause, model::ReleaseCause::unavailable);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlReleaseTest, a_canary_that_fails_its_check_gets_no_request_and_may_be_tried_again) {
  deploy("a", "i1");
  ASSERT_TRUE(apply("b"));
  world.report("i2", world.newest("hola"), InstanceState::failed, model::Reason::app_exited,
               model::ExitStatus{.code = 1});
  world.advance(kOutputSettles);
  EXPECT_EQ(state().phase, ReleasePhase::failed);
  EXPECT_EQ(state().cause, model::ReleaseCause::start_failed);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  ASSERT_TRUE(apply("b"));
  EXPECT_EQ(state().phase, ReleasePhase::preparing);
  EXPECT_EQ(state().attempt, 2);
  world.report("i3", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(world.shares("hola"), "hola-00001=9900 hola-00002=100");
}

TEST_F(ControlReleaseTest, people_move_it_and_every_word_is_kept) {
  begin_canary();
  ASSERT_TRUE(move(decide::OperatorAct::advance));
  EXPECT_EQ(world.shares("hola"), "hola-00001=9500 hola-00002=500");
  ASSERT_TRUE(move(decide::OperatorAct::abort));
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  const auto late = move(decide::OperatorAct::promote);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().error.code, base::ErrorCode::conflict);
  EXPECT_EQ(late.error().error.why, "the release is over: aborted, by a person");
  EXPECT_THAT(history(), testing::ElementsAre("platform created", "platform advanced", "person advanced",
                                              "person aborted", "person refused"));
  EXPECT_FALSE(world.execute(MoveRelease{.service = base::ServiceName("other")}));
}

TEST_F(ControlReleaseTest, a_newer_deploy_takes_the_canarys_place_and_stable_stays) {
  begin_canary();
  ASSERT_TRUE(apply("c"));
  ASSERT_EQ(world.service("hola").releases.size(), 2U);
  EXPECT_EQ(world.service("hola").releases[0].state().phase, ReleasePhase::superseded);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  world.report("i3", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(world.shares("hola"), "hola-00001=9900 hola-00003=100");
}

TEST_F(ControlReleaseTest, after_the_promotion_the_canary_is_the_next_ones_stable) {
  begin_canary();
  ASSERT_TRUE(move(decide::OperatorAct::promote));
  ASSERT_TRUE(apply("c"));
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
  world.report("i3", world.newest("hola"), InstanceState::running);
  EXPECT_EQ(world.shares("hola"), "hola-00002=9900 hola-00003=100");
  ASSERT_TRUE(move(decide::OperatorAct::abort));
  EXPECT_EQ(world.shares("hola"), "hola-00002=10000");
}

TEST_F(ControlReleaseTest, traffic_that_is_set_by_hand_ends_a_release) {
  begin_canary();
  const std::string first = world.service("hola").revisions.front().record.revision.name.str();
  ASSERT_TRUE(apply("b", "canary", "", R"([{"revisionName": ")" + first + R"(", "percent": 100}])"));
  EXPECT_EQ(state().phase, ReleasePhase::superseded);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlReleaseTest, blue_green_moves_everything_at_once_and_keeps_stable_for_its_watch) {
  deploy("a", "i1");
  deploy("b", "i2", "blue-green");
  EXPECT_EQ(world.shares("hola"), "hola-00001=0 hola-00002=10000");
  ASSERT_TRUE(move(decide::OperatorAct::abort));
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlReleaseTest, policies_are_put_named_and_kept_while_they_are_used) {
  const auto unknown = apply("a", "careful");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().faults.at(0).message, HasSubstr("there is no ReleasePolicy \"careful\""));
  ASSERT_TRUE(put_policy("careful", "{ladder: [10%, 60%], watch: 1h}"));
  world.kill();
  world.start();
  world.connect();
  deploy("a", "i1", "careful");
  deploy("b", "i2", "careful");
  EXPECT_EQ(world.shares("hola"), "hola-00001=9000 hola-00002=1000");
  const auto used = world.execute(DeleteReleasePolicy{.name = "careful"});
  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().error.why, "service hola names it");
  const auto wrong = apply("c", "careful", "forbidden-after: 25%");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().faults.at(0).message, "the ladder of careful has no step 25%");
  EXPECT_EQ(state().phase, ReleasePhase::stepping) << "nothing changed";
  ASSERT_TRUE(apply("c", "careful", "forbidden-after: 10%"));
  EXPECT_EQ(release().record().spec.policy.rollback_until, 1000U);
  EXPECT_THAT(history(), Contains("platform warning"));
}

TEST_F(ControlReleaseTest, keys_of_secrets_that_nobody_holds_are_refused_with_what_is_possible) {
  const auto refused = put_policy("p",
                                  "{gates: [{name: ci, kind: webhook, url: \"https://ci/\"}, {name: qa, kind: webhook, "
                                  "url: \"https://qa/\", secretKeyRef: {name: qa, key: hmac}}], "
                                  "notifications: [{url: \"https://chat/\", secretKeyRef: {name: chat, key: hmac}}]}");
  ASSERT_FALSE(refused);
  ASSERT_EQ(refused.error().faults.size(), 2U);
  EXPECT_EQ(refused.error().faults[0].path, "spec.gates[1].secretKeyRef");
  EXPECT_EQ(refused.error().faults[1].path, "spec.notifications[0].secretKeyRef");
  EXPECT_THAT(refused.error().faults[0].message, HasSubstr("GET /apis/marea.dev/v1/webhook-key"));
  EXPECT_FALSE(world.execute(DeleteReleasePolicy{.name = "p"}));
}

TEST_F(ControlReleaseTest, a_service_takes_its_releases_with_it) {
  begin_canary();
  const std::string id = release().record().spec.id;
  const auto deleting = world.execute(DeleteService{.name = base::ServiceName("hola")});
  EXPECT_FALSE(deleting);  // until router has let go
  world.apply_routes();
  EXPECT_FALSE(world.control().services().contains(base::ServiceName("hola")));
  EXPECT_TRUE(world.control().release_history(id).empty());
  world.kill();
  world.start();
  EXPECT_TRUE(world.control().release_history(id).empty());
}

// As engine tells it of one that it ends itself: first as draining.
TEST_F(ControlReleaseTest, instances_that_fail_their_liveness_bring_stable_back) {
  begin_canary();
  for (int i = 0; i < decide::kFailuresToRollBack; ++i) {
    const std::string id = "canary" + std::to_string(i);
    for (const auto each : {InstanceState::running, InstanceState::draining, InstanceState::failed}) {
      const bool up = each == InstanceState::running;
      world.report(id, world.newest("hola"), each, up ? model::Reason::none : model::Reason::liveness_failed);
    }
  }
  EXPECT_EQ(state().cause, model::ReleaseCause::liveness_failed);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlReleaseTest, what_the_machine_could_not_do_is_not_the_canarys_failure) {
  begin_canary();
  for (int i = 0; i < 2 * kStartsToGiveUp; ++i) {
    const std::string id = "canary" + std::to_string(i);
    world.report(id, world.newest("hola"), InstanceState::starting);
    world.report(id, world.newest("hola"), InstanceState::failed, model::Reason::sandbox_failed);
  }
  EXPECT_EQ(state().phase, ReleasePhase::stepping);
}

TEST_F(ControlReleaseTest, starts_that_fail_beside_an_instance_that_serves_say_nothing) {
  begin_canary();
  world.report("serves", world.newest("hola"), InstanceState::running);
  for (int i = 0; i < 2 * kStartsToGiveUp; ++i) {
    const std::string id = "canary" + std::to_string(i);
    world.report(id, world.newest("hola"), InstanceState::starting);
    world.report(id, world.newest("hola"), InstanceState::failed, model::Reason::app_exited);
  }
  EXPECT_EQ(state().phase, ReleasePhase::stepping);
}

TEST_F(ControlReleaseTest, who_was_taken_back_stays_so_however_many_deploys_fail_after_it) {
  begin_canary();
  ASSERT_TRUE(move(decide::OperatorAct::abort));
  for (std::size_t i = 0; i < 2 * kMostReleasesPerService; ++i) {
    ASSERT_TRUE(apply(i % 2 == 0 ? "c" : "b"));
    const std::string id = "bad" + std::to_string(i);
    world.report(id, world.newest("hola"), InstanceState::starting);
    world.report(id, world.newest("hola"), InstanceState::failed, model::Reason::app_exited);
    world.advance(kOutputSettles);
    ASSERT_EQ(world.shares("hola"), "hola-00001=10000") << i;
  }
  EXPECT_LE(world.service("hola").releases.size(), kMostReleasesPerService);
}

TEST_F(ControlReleaseTest, a_release_of_an_older_revision_is_not_tried_again) {
  begin_canary();
  ASSERT_TRUE(move(decide::OperatorAct::abort));
  deploy("c", "i3", "none");
  const auto refused = move(decide::OperatorAct::retry);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().error.why, HasSubstr("is not the newest ready revision"));
}

TEST_F(ControlReleaseTest, a_tag_on_the_latest_revision_reaches_who_serves_after_a_rollback) {
  deploy("a", "i1");
  const std::string first = world.newest("hola");
  ASSERT_TRUE(apply("b", "canary", "", R"([{"latestRevision": true, "percent": 100, "tag": "next"}])"));
  world.report("i2", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  EXPECT_EQ(world.route("hola").tags.at(0).revision.str(), world.newest("hola")) << "a canary can be tried";
  ASSERT_TRUE(move(decide::OperatorAct::abort));
  world.run();
  EXPECT_EQ(world.route("hola").tags.at(0).revision.str(), first);
}

TEST_F(ControlReleaseTest, a_release_that_may_not_go_back_after_its_promotion_is_there_after_a_restart) {
  deploy("a", "i1");
  ASSERT_TRUE(apply("b", "canary", "forbidden-after: promotion"));
  world.kill();
  world.start();
  EXPECT_EQ(release().record().spec.policy.rollback_until, model::kWholeWeight);
}

TEST_F(ControlReleaseTest, the_time_to_prepare_begins_when_the_image_is_there) {
  ASSERT_TRUE(put_policy("hasty", "{prepare: 1m}"));
  deploy("a", "i1", "hasty");
  ASSERT_TRUE(apply("registry.example.com/far", "hasty"));
  pass(std::chrono::minutes(3));
  EXPECT_EQ(state().phase, ReleasePhase::preparing) << "it is being pulled";
  world.fail_job({.code = base::ErrorCode::image_not_found, .what = "the registry has no such image"});
  EXPECT_EQ(state().phase, ReleasePhase::failed);
  EXPECT_EQ(state().cause, model::ReleaseCause::start_failed) << "the deploy's own word";
  ASSERT_TRUE(apply("b", "hasty"));
  pass(std::chrono::seconds(59));
  EXPECT_EQ(state().phase, ReleasePhase::preparing);
  pass(std::chrono::seconds(2));
  EXPECT_EQ(state().phase, ReleasePhase::failed);
  EXPECT_EQ(state().cause, model::ReleaseCause::never_ready);
}

TEST_F(ControlReleaseTest, its_time_stands_still_while_router_is_away) {
  begin_canary();
  world.lose_router();
  pass(std::chrono::minutes(30));
  EXPECT_EQ(world.service("hola").releases.back().state().step, 0);
}

TEST_F(ControlReleaseTest, the_revision_to_which_a_release_goes_back_is_not_deleted) {
  begin_canary();
  const base::RevisionName stable = release().record().spec.stable;
  ASSERT_TRUE(apply("b", "canary", "", R"([{"revisionName": ")" + world.newest("hola") + R"(", "percent": 100}])"));
  world.apply_routes();
  world.report("i1", stable.str(), InstanceState::stopped);
  const auto refused = world.execute(DeleteRevision{.name = stable});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().error.why, HasSubstr("goes back to it"));
}

TEST_F(ControlReleaseTest, the_latest_revision_beside_others_is_meant_as_it_is_said) {
  begin_canary();
  const std::string stable = release().record().spec.stable.str();
  ASSERT_TRUE(
      apply("b", "canary", "",
            R"([{"latestRevision": true, "percent": 20}, {"revisionName": ")" + stable + R"(", "percent": 80}])"));
  EXPECT_EQ(world.shares("hola"), "hola-00001=8000 hola-00002=2000");
}

TEST_F(ControlReleaseTest, a_clock_that_was_put_back_leaves_the_newest_release_the_newest) {
  begin_canary();
  world.jump(-std::chrono::hours(5));
  deploy("c", "i3");
  const std::string newest = release().record().spec.id;
  world.kill();
  world.start();
  EXPECT_EQ(release().record().spec.id, newest);
}

}  // namespace
}  // namespace marea::control
