#include <gmock/gmock.h>

#include "api/api_world_test.h"

namespace marea::api {
namespace {

using model::InstanceState;
using testing::ElementsAre;
using testing::HasSubstr;

class ReleasesTest : public ApiWorld {
 protected:
  ReleasesTest() {
    world.connect();
    for (const char letter : {'a', 'b', 'c'}) world.have_image(std::string(1, letter), letter);
  }
  void deploy(const std::string& image, const std::string& instance, const std::string& policy = "canary",
              const std::string& name = "hola") {
    const Reply made = call("PUT", std::string(kServicesPath) + "/" + name,
                            "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: " + name +
                                ", annotations: {marea.dev/release-policy: " + policy +
                                "}}\nspec: {template: {spec: {containers: [{image: " + image + "}]}}}\n",
                            kYaml);
    ASSERT_TRUE(made.status == 200 || made.status == 201) << made.body;
    world.report(instance, world.newest(name), InstanceState::running);
    world.apply_routes();
  }
  void begin_canary() {
    deploy("a", "i1");
    deploy("b", "i2");
  }
  std::string name() { return world.service("hola").releases.back().record().spec.id; }
  Json shown() { return call("GET", kOwn + ("releases/" + name())).json(); }
  Reply act(const std::string& what, const std::string& body = "") {
    return call("POST", kOwn + ("releases/" + name() + "/" + what), body);
  }
  // A tick in which keys of the canary come, of which some fail, and 99 times as many of stable's.
  void tell(std::uint32_t keys, std::uint32_t failed = 0) {
    counts_.release = world.service("hola").releases.back().route_id();
    const auto arm = [](std::uint32_t entered, std::uint32_t fails) {
      return model::ArmCounts{
          .entered = entered, .at_risk = entered, .failed = fails, .at_risk_slow = entered, .timed = entered};
    };
    counts_.ticks = {{.number = counts_.closed,
                      .weight = world.service("hola").releases.back().state().weight,
                      .keyed = {.stable = arm(99 * keys, 0), .canary = arm(keys, failed)}}};
    ++counts_.closed;
    counts_.stable.requests += 2 * keys;
    counts_.canary.requests += 3 * keys;
    counts_.stable_shape.buckets.assign(model::kLatencyBuckets, 0);
    counts_.canary_shape.buckets.assign(model::kLatencyBuckets, 0);
    counts_.stable_shape.buckets[40] = keys;  // 1 ms
    counts_.canary_shape.buckets[45] = keys;  // 1.15 ms
    world.tell_counts(counts_);
  }

  model::ReleaseCounts counts_;
};

TEST_F(ReleasesTest, a_release_is_listed_read_and_printed_as_kubectl_asks) {
  begin_canary();
  for (const char* path : {"releases", "namespaces/default/releases", "namespaces/other/releases"}) {
    const Json list = call("GET", kOwn + std::string(path)).json();
    EXPECT_EQ(list["kind"], "ReleaseList") << path;
    ASSERT_EQ(list["items"].size(), 1U) << path;
    EXPECT_EQ(list["items"][0]["metadata"]["name"], name());
  }
  EXPECT_EQ(call("GET", kOwn + std::string("releases?service=hola")).json()["items"].size(), 1U);
  EXPECT_EQ(call("GET", kOwn + std::string("releases?service=other")).json()["items"].size(), 0U);
  EXPECT_EQ(call("GET", kOwn + std::string("releases?labelSelector=serving.knative.dev/service%3Dother"))
                .json()["items"]
                .size(),
            0U);
  const Json release = shown();
  EXPECT_EQ(release["apiVersion"], "marea.dev/v1");
  EXPECT_EQ(release["kind"], "Release");
  EXPECT_EQ(release["spec"]["service"], "hola");
  EXPECT_EQ(release["status"]["phase"], "stepping");
  EXPECT_EQ(release["status"]["step"], 1);
  EXPECT_EQ(release["status"]["ladderSteps"], 5);
  EXPECT_EQ(release["status"]["weight"], "1%");
  EXPECT_EQ(release["status"]["lastKnownStable"], release["spec"]["stable"]);
  EXPECT_EQ(release["status"]["history"][0]["event"], "created");
  EXPECT_TRUE(release["status"].contains("deadlineTime"));
  const Json table = call("GET", kOwn + std::string("releases"), "", kTable).json();
  std::vector<std::string> columns;
  for (const Json& one : table["columnDefinitions"]) {
    if (one["priority"] == 0) columns.push_back(one["name"]);
  }
  EXPECT_THAT(columns, ElementsAre("Name", "Service", "Phase", "Step", "Weight", "Verdict", "Age"));
  EXPECT_EQ(table["rows"][0]["cells"][3], "1/5");
  EXPECT_EQ(call("DELETE", kOwn + ("releases/" + name())).status, 405);
  EXPECT_EQ(call("POST", kOwn + std::string("releases"), "{}").status, 405);
  EXPECT_EQ(call("GET", kOwn + std::string("releases/none")).status, 404);
}

TEST_F(ReleasesTest, the_evidence_has_both_arms_and_what_would_change_the_verdict) {
  begin_canary();
  EXPECT_THAT(shown()["status"]["evidence"]["wouldChange"].get<std::string>(),
              HasSubstr("100 more keys of the canary"));
  tell(100);
  world.advance(control::kReleaseLook);
  const Json evidence = shown()["status"]["evidence"];
  EXPECT_EQ(evidence["stable"]["requests"], 200);
  EXPECT_EQ(evidence["canary"]["requests"], 300);
  EXPECT_EQ(evidence["canary"]["keys"], 100);
  EXPECT_EQ(evidence["canary"]["failed"], 0);
  EXPECT_EQ(evidence["stable"]["latency"]["p95Ms"], 1.0);
  EXPECT_EQ(evidence["canary"]["latency"]["p50Ms"], 1.15);
  EXPECT_EQ(evidence["tests"][0]["name"], "failures");
  EXPECT_EQ(evidence["tests"][0]["eValue"], 1.0);
  EXPECT_NEAR(evidence["tests"][0]["limit"].get<double>(), 181.8, 0.1) << "1 / (0.01 · 0.55)";
  EXPECT_EQ(evidence["tests"][2]["name"], "shape");
  EXPECT_EQ(evidence["sampleRatio"]["mistrusted"], false);
  EXPECT_EQ(evidence["verdict"], "not yet");
  EXPECT_THAT(evidence["wouldChange"].get<std::string>(), HasSubstr("more keys of the canary without a failure"));
}

TEST_F(ReleasesTest, counts_reach_watchers_once_a_second_and_moves_at_once) {
  begin_canary();
  world.advance(control::kReleaseLook);
  const std::string version = call("GET", kOwn + std::string("releases")).json()["metadata"]["resourceVersion"];
  send("GET " + std::string(kOwn) + "releases?watch=true&resourceVersion=" + version +
       " HTTP/1.1\r\nHost: api\r\n\r\n");
  receive();
  const auto lines = [](const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find("MODIFIED", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  std::size_t changes = 0;
  for (int tick = 0; tick < 40; ++tick) {
    tell(1);
    world.advance(kSettleAfter);
    changes += lines(receive());
  }
  EXPECT_EQ(changes, 0U);
  world.advance(control::kReleaseLook);
  world.advance(kSettleAfter);
  EXPECT_EQ(lines(receive()), 1U);
  world.advance(control::kReleaseLook);
  world.advance(kSettleAfter);
  EXPECT_EQ(lines(receive()), 0U) << "nothing new was counted";
  ASSERT_TRUE(world.execute(control::MoveRelease{.service = base::ServiceName("hola"),
                                                 .command = {.act = decide::OperatorAct::pause, .who = "ana"}}));
  world.advance(kSettleAfter);
  const std::string moved = receive();
  EXPECT_EQ(lines(moved), 1U);
  EXPECT_THAT(moved, HasSubstr(R"("phase":"paused")"));
}

TEST_F(ReleasesTest, people_move_it_with_a_reason_and_are_told_what_it_is_then) {
  begin_canary();
  Reply reply = act("pause", R"({"reason": "lunch", "for": "2h"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json()["status"]["phase"], "paused");
  const Json line = reply.json()["status"]["history"].back();
  EXPECT_EQ(line["why"], "for 2h: lunch");
  EXPECT_EQ(line["actor"], "person");
  EXPECT_NE(line["who"].get<std::string>(), "");
  reply = act("pause", R"({"endless": true})");
  EXPECT_EQ(reply.json()["status"]["deadline"], "none: paused until somebody resumes");
  EXPECT_EQ(act("resume").json()["status"]["phase"], "stepping");
  EXPECT_EQ(act("advance").json()["status"]["step"], 2);
  EXPECT_EQ(act("promote", R"({"reason":"sure"})").json()["status"]["phase"], "watching");
  reply = act("resume");
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.json()["details"]["why"], "it is not paused");
  EXPECT_EQ(act("abort").json()["status"]["phase"], "aborted");
  EXPECT_EQ(act("retry").json()["status"]["attempt"], 2);
  EXPECT_EQ(act("fly").status, 404);
  EXPECT_EQ(call("GET", kOwn + ("releases/" + name() + "/pause")).status, 405);
  EXPECT_EQ(call("POST", kOwn + std::string("releases/none/pause")).status, 404);
}

TEST_F(ReleasesTest, all_faults_of_a_request_are_told_at_once_and_nothing_moves) {
  begin_canary();
  const Reply reply = act("pause", R"({"reason": 3, "for": "soon", "colour": "red"})");
  EXPECT_EQ(reply.status, 422);
  std::vector<std::string> fields;
  const Json answer = reply.json();
  for (const Json& cause : answer["details"]["causes"]) fields.push_back(cause["field"]);
  EXPECT_THAT(fields, ElementsAre("reason", "for", "colour"));
  EXPECT_EQ(act("pause", R"({"for": "1h", "endless": true})").status, 422);
  EXPECT_EQ(act("resume", R"({"for": "1h"})").status, 422);
  EXPECT_EQ(act("resume", "[1]").status, 422);
  EXPECT_EQ(act("resume", "{").status, 400);
  EXPECT_EQ(act("abort", R"({"reason": ")" + std::string(1001, 'x') + R"("})").status, 422);
  EXPECT_EQ(act("gates/qa", "{}").status, 422) << "passed is missing";
  EXPECT_EQ(act("gates/qa", R"({"passed": true})").status, 404);
  EXPECT_EQ(shown()["status"]["phase"], "stepping");
}

TEST_F(ReleasesTest, an_older_release_of_the_service_is_history) {
  begin_canary();
  const std::string first = name();
  deploy("c", "i3");
  const Reply reply = call("POST", kOwn + ("releases/" + first + "/retry"));
  EXPECT_EQ(reply.status, 409) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("came after it"));
  EXPECT_EQ(call("GET", kOwn + std::string("releases?service=hola")).json()["items"].size(), 2U);
}

TEST_F(ReleasesTest, a_gate_is_answered_by_name_or_by_an_advance) {
  const Reply put = call("POST", kOwn + std::string("releasepolicies"),
                         "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: asks}\nspec: {ladder: [5%, "
                         "25%], gates: [{name: qa, before: 5%}, {name: boss, before: 25%}]}\n",
                         kYaml);
  ASSERT_EQ(put.status, 201) << put.body;
  deploy("a", "i1", "asks");
  deploy("b", "i2", "asks");
  EXPECT_EQ(shown()["status"]["gate"]["name"], "qa");
  const Reply passed = act("gates/qa", R"({"passed": true, "detail": "looks good"})");
  ASSERT_EQ(passed.status, 200) << passed.body;
  EXPECT_EQ(passed.json()["status"]["weight"], "5%");
  EXPECT_FALSE(passed.json()["status"].contains("gate"));
  EXPECT_EQ(act("advance", R"({"gate": "boss"})").status, 409) << "it is not open yet";
  EXPECT_EQ(act("advance").json()["status"]["gate"]["name"], "boss");
  EXPECT_EQ(act("advance", R"({"gate": "boss", "reason": "yes"})").json()["status"]["weight"], "25%");
}

TEST_F(ReleasesTest, what_would_change_the_verdict_is_told_in_numbers_too) {
  begin_canary();
  for (int i = 0; i < 3; ++i) tell(50);
  const Json evidence = shown()["status"]["evidence"];
  ASSERT_EQ(evidence["distances"][0]["name"], "failures") << evidence.dump(1);
  EXPECT_EQ(evidence["distances"][0]["proven"], false);
  EXPECT_GT(evidence["distances"][0]["clean"], 0);
  EXPECT_FALSE(evidence["distances"][0].contains("lost")) << "there is no proof to lose";
}

TEST_F(ReleasesTest, a_rollback_tells_from_where_to_where_and_is_an_event_of_the_service) {
  begin_canary();
  const std::string path = kOwn + std::string("services/hola/rollback");
  Reply reply = call("POST", path, R"({"revision": "nobody", "reason": 1})");
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(call("POST", path, R"({"revision": "nobody"})").json()["details"]["causes"][0]["field"], "revision");
  EXPECT_EQ(call("POST", kOwn + std::string("services/nobody/rollback")).status, 404);
  EXPECT_EQ(call("GET", path).status, 405);
  const Json release = shown();
  reply = call("POST", path, R"({"reason": "users complain"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json()["service"], "hola");
  EXPECT_EQ(reply.json()["from"], release["spec"]["canary"]);
  EXPECT_EQ(reply.json()["to"], release["spec"]["stable"]);
  EXPECT_EQ(reply.json()["release"], name());
  EXPECT_EQ(reply.json()["trafficPinned"], false);
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  const Json aborted = shown()["status"];
  ASSERT_TRUE(aborted.contains("changes")) << aborted.dump(1);
  EXPECT_THAT(aborted["changes"].get<std::vector<std::string>>(),
              testing::Contains(HasSubstr("deploy: " + world.newest("hola"))));
  EXPECT_FALSE(release["status"].contains("changes")) << "it had not gone back";
  const Reply events = call("GET", "/api/v1/namespaces/default/events?fieldSelector=reason%3DReleaseAborted");
  ASSERT_EQ(events.json()["items"].size(), 1U) << events.body;
  EXPECT_THAT(events.json()["items"][0]["message"].get<std::string>(), HasSubstr("users complain"));
  EXPECT_EQ(events.json()["items"][0]["involvedObject"]["name"], "hola");
  const Json service = call("GET", std::string(kServicesPath) + "/hola").json();
  EXPECT_EQ(service["status"]["annotations"]["marea.dev/last-known-stable"], release["spec"]["stable"]);
}

TEST_F(ReleasesTest, a_rollback_without_a_release_pins_the_traffic_and_says_so) {
  deploy("a", "i1", "none");
  deploy("b", "i2", "none");
  const Reply reply = call("POST", kOwn + std::string("namespaces/default/services/hola/rollback"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json()["trafficPinned"], true);
  EXPECT_FALSE(reply.json().contains("release"));
  EXPECT_THAT(reply.head, HasSubstr("Warning: 299 marea \"spec.traffic: names "));
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  const Reply events = call("GET", "/api/v1/namespaces/default/events?fieldSelector=reason%3DRolledBack");
  EXPECT_EQ(events.json()["items"].size(), 1U) << events.body;
}

}  // namespace
}  // namespace marea::api
