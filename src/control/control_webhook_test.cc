#include <gmock/gmock.h>

#include <memory>

#include "control/control.h"
#include "control/control_world_test.h"
#include "webhook/receiver_test.h"

namespace marea::control {
namespace {

using model::InstanceState;
using model::ReleasePhase;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const net::HttpResponse kYes = {.status = 200, .fields = {}, .body = R"({"passed": true, "detail": "all green"})"};
const net::HttpResponse kNo = {.status = 200, .fields = {}, .body = R"({"passed": false, "detail": "3 tests fail"})"};
const net::HttpResponse kBusy = {.status = 503, .fields = {}, .body = {}};
const net::HttpResponse kLater = {.status = 202, .fields = {}, .body = {}};
const net::HttpResponse kTaken = {.status = 204, .fields = {}, .body = {}};

class ControlWebhookTest : public testing::Test {
 protected:
  ControlWebhookTest() {
    world.connect();
    for (const char letter : {'a', 'b', 'c'}) world.have_image(std::string(1, letter), letter);
  }
  void put_policy(const std::string& spec) {
    const auto parsed = model::parse_release_policies(
        "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: careful}\nspec: " + spec + "\n");
    ASSERT_TRUE(parsed) << to_string(parsed.error().front());
    ASSERT_TRUE(world.execute(PutReleasePolicy{.document = parsed->front()}));
  }
  // A gate before 5 %.
  std::string gate(const std::string& more = "") const {
    return "{name: ci, before: 5%, kind: webhook, url: \"" + receiver.url("/gate") + "\"" + more + "}";
  }
  void deploy(const std::string& image, const std::string& instance) {
    model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"name": "hola", "annotations": {"marea.dev/release-policy": "careful"}},
        "spec": {"template": {"spec": {"containers": [{}]}}}})");
    document["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    auto parsed = model::parse_service(std::move(document));
    ASSERT_TRUE(parsed);
    const auto done = world.execute(ApplyService{.document = std::move(*parsed)});
    ASSERT_TRUE(done) << done.error().error.line();
    world.report(instance, world.newest("hola"), InstanceState::running);
    world.apply_routes();
  }
  // To the open gate, or to the first step where there is none.
  void begin_canary() {
    deploy("a", "i1");
    deploy("b", "i2");
  }
  void pass(base::Duration time) {
    for (base::Duration passed{0}; passed < time; passed += kReleaseLook) world.advance(kReleaseLook);
  }
  // As far as the first step goes without anybody's proof.
  void climb() { pass(std::chrono::seconds(121)); }
  // The sockets' other ends may need a moment of the kernel's.
  template <class Condition>
  bool until(Condition holds) {
    for (int i = 0; i < 5000 && !holds(); ++i) world.loop().turn(std::chrono::milliseconds(1));
    return holds();
  }
  bool requests(std::size_t count) {
    return until([&] { return receiver.requests.size() >= count; });
  }
  bool reaches(ReleasePhase phase) {
    return until([&] { return state().phase == phase; });
  }
  void settle() {
    for (int i = 0; i < 50; ++i) world.loop().turn(std::chrono::milliseconds(1));
  }
  model::Json body(std::size_t request) const { return model::Json::parse(receiver.requests.at(request).body); }
  const model::ReleaseState& state() { return world.service("hola").releases.back().state(); }
  std::vector<std::string> history() {
    std::vector<std::string> out;
    const std::string& id = world.service("hola").releases.back().record().spec.id;
    for (const auto& line : world.control().release_history(id)) {
      out.push_back(std::string(to_string(line.audit.actor)) + " " + line.audit.who + " " +
                    std::string(to_string(line.audit.event)) + ": " + line.audit.why);
    }
    return out;
  }

  ControlWorld world;
  webhook::Receiver receiver{world.loop()};
};

TEST_F(ControlWebhookTest, a_gate_that_passes_lets_the_canary_on) {
  put_policy("{gates: [" + gate() + "]}");
  receiver.answers["/gate"] = {kYes};
  begin_canary();
  EXPECT_THAT(receiver.requests, IsEmpty()) << "the gate is before a later step";
  climb();
  ASSERT_TRUE(requests(1));
  ASSERT_TRUE(reaches(ReleasePhase::stepping));
  EXPECT_EQ(world.shares("hola"), "hola-00001=9500 hola-00002=500");
  EXPECT_THAT(history(), Contains("gate ci gate passed: all green"));
  const model::Json asked = body(0);
  EXPECT_EQ(asked.at("kind"), "gate");
  EXPECT_EQ(asked.at("gate"), "ci");
  EXPECT_EQ(asked.at("before"), "5%");
  EXPECT_EQ(asked.at("service"), "hola");
  EXPECT_EQ(asked.at("revision"), world.newest("hola"));
  EXPECT_EQ(asked.at("release"), world.newest("hola"));
  EXPECT_EQ(asked.at("stable"), world.service("hola").revisions.front().record.revision.name.str());
  EXPECT_EQ(asked.at("weight"), 1.0);
  EXPECT_EQ(asked.at("id"), receiver.field(0, "webhook-id"));
  EXPECT_TRUE(world.control().webhook_key().sign(receiver.field(0, "webhook-id"),
                                                 std::stoll(receiver.field(0, "webhook-timestamp")),
                                                 receiver.requests[0].body) == receiver.field(0, "webhook-signature"));
}

TEST_F(ControlWebhookTest, a_gate_that_refuses_ends_the_release_and_takes_the_requests_back) {
  put_policy("{gates: [" + gate() + "]}");
  receiver.answers["/gate"] = {kNo};
  begin_canary();
  climb();
  ASSERT_TRUE(reaches(ReleasePhase::failed));
  EXPECT_EQ(state().cause, model::ReleaseCause::gate_refused);
  EXPECT_EQ(state().detail, "3 tests fail");
  world.run();
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
}

TEST_F(ControlWebhookTest, a_gate_that_never_answers_times_out_and_its_trouble_is_in_the_history) {
  put_policy("{gates: [" + gate(", timeout: 10m") + "]}");
  receiver.answers["/gate"] = {kBusy};
  begin_canary();
  climb();
  ASSERT_TRUE(until([&] { return world.control().webhook_counts().failed == 1; }));
  EXPECT_EQ(state().phase, ReleasePhase::gated);
  EXPECT_THAT(history(), Contains("gate ci warning: it answered 503"));
  const std::size_t lines = history().size();
  for (int minute = 0; minute < 9; ++minute) {
    world.advance(std::chrono::minutes(1));
    settle();
  }
  EXPECT_GT(receiver.requests.size(), 3U) << "it is asked again";
  EXPECT_EQ(history().size(), lines) << "the same trouble is told once";
  world.advance(std::chrono::minutes(1));
  ASSERT_EQ(state().phase, ReleasePhase::failed);
  EXPECT_EQ(state().cause, model::ReleaseCause::gate_timed_out);
  const std::size_t asked = receiver.requests.size();
  world.advance(std::chrono::minutes(5));
  settle();
  EXPECT_EQ(receiver.requests.size(), asked) << "nobody waits for its answer any more";
}

TEST_F(ControlWebhookTest, a_gate_may_go_on_at_its_timeout) {
  put_policy("{gates: [" + gate(", timeout: 10m, atTimeout: advance") + "]}");
  begin_canary();
  climb();
  ASSERT_TRUE(requests(1));
  world.advance(std::chrono::minutes(10));
  EXPECT_EQ(state().phase, ReleasePhase::stepping);
  EXPECT_EQ(world.shares("hola"), "hola-00001=9500 hola-00002=500");
}

TEST_F(ControlWebhookTest, a_killed_control_asks_again_with_the_same_id) {
  put_policy("{gates: [" + gate() + "]}");
  receiver.answers["/gate"] = {{.status = 0}};
  begin_canary();
  climb();
  ASSERT_TRUE(requests(1));
  const std::string key = world.control().webhook_key().text();
  world.kill();
  world.start();
  EXPECT_EQ(world.control().webhook_key().text(), key);
  world.connect();
  ASSERT_TRUE(requests(2));
  EXPECT_EQ(receiver.field(1, "webhook-id"), receiver.field(0, "webhook-id"));
  receiver.unanswered.at(1).send(kYes);
  ASSERT_TRUE(reaches(ReleasePhase::stepping));
  world.kill();
  world.start();
  world.connect();
  settle();
  EXPECT_EQ(receiver.requests.size(), 2U) << "the answer was stored";
}

TEST_F(ControlWebhookTest, one_who_answers_later_may_be_overtaken_by_a_person) {
  put_policy("{gates: [" + gate() + "]}");
  receiver.answers["/gate"] = {kLater};
  begin_canary();
  climb();
  ASSERT_TRUE(requests(1));
  settle();
  EXPECT_EQ(state().phase, ReleasePhase::gated);
  ASSERT_TRUE(world.execute(MoveRelease{.service = base::ServiceName("hola"),
                                        .command = {.act = decide::OperatorAct::advance, .who = "ana"}}));
  EXPECT_EQ(state().phase, ReleasePhase::stepping);
  world.advance(webhook::kAskAgain);
  settle();
  EXPECT_EQ(receiver.requests.size(), 1U);
}

TEST_F(ControlWebhookTest, a_service_that_goes_asks_nobody_any_more) {
  put_policy("{gates: [" + gate() + "]}");
  receiver.answers["/gate"] = {kLater};
  begin_canary();
  climb();
  ASSERT_TRUE(requests(1));
  settle();
  EXPECT_FALSE(world.execute(DeleteService{.name = base::ServiceName("hola")})) << "not before router let go";
  world.apply_routes();
  EXPECT_FALSE(world.control().services().contains(base::ServiceName("hola")));
  world.advance(webhook::kAskAgain * 2);
  settle();
  EXPECT_EQ(receiver.requests.size(), 1U);
}

TEST_F(ControlWebhookTest, receivers_are_told_of_what_they_want_to_hear) {
  put_policy("{notifications: [{url: \"" + receiver.url("/all") + "\"}, {url: \"" + receiver.url("/some") +
             "\", of: [rolled-back, ended]}]}");
  receiver.answers["/all"] = {kTaken};
  receiver.answers["/some"] = {kTaken};
  begin_canary();
  ASSERT_TRUE(requests(2));
  ASSERT_TRUE(world.execute(
      MoveRelease{.service = base::ServiceName("hola"), .command = {.act = decide::OperatorAct::abort, .who = "ana"}}));
  ASSERT_TRUE(requests(4));
  ASSERT_TRUE(until([&] { return world.control().webhook_counts().delivered == 4; }));
  std::vector<std::string> heard;
  for (std::size_t i = 0; i < receiver.requests.size(); ++i) {
    EXPECT_EQ(body(i).at("kind"), "notification");
    heard.push_back(receiver.requests[i].target + " " + body(i).at("notice").get<std::string>());
  }
  std::ranges::sort(heard);
  EXPECT_THAT(heard, ElementsAre("/all advanced", "/all ended", "/all started", "/some ended"));
}

TEST_F(ControlWebhookTest, what_was_not_taken_is_sent_by_the_next_control_with_its_id_and_then_no_more) {
  put_policy("{notifications: [{url: \"" + receiver.url("/chat") + "\", of: [started]}]}");
  receiver.answers["/chat"] = {kBusy};
  begin_canary();
  ASSERT_TRUE(requests(1));
  world.kill();
  receiver.answers["/chat"] = {kTaken};
  world.start();
  world.connect();
  ASSERT_TRUE(requests(2));
  ASSERT_TRUE(until([&] { return world.control().webhook_counts().delivered == 1; }));
  EXPECT_EQ(receiver.field(1, "webhook-id"), receiver.field(0, "webhook-id"));
  EXPECT_EQ(body(1).at("at"), body(0).at("at")) << "it tells of the same";
  world.kill();
  world.start();
  world.connect();
  settle();
  EXPECT_EQ(receiver.requests.size(), 2U);
}

}  // namespace
}  // namespace marea::control
