// More releases at a time than router can count.
#include <gmock/gmock.h>

#include "control/control.h"
#include "control/control_world_test.h"
#include "control/release_seats.h"
#include "model/release_seats.h"

namespace marea::control {
namespace {

using model::InstanceState;
using model::ReleasePhase;
using testing::Contains;
using testing::HasSubstr;

constexpr int kSeatCount = model::kReleaseSeats;

class ControlSeatsTest : public testing::Test {
 protected:
  ControlSeatsTest() {
    world.connect();
    world.have_image("a", 'a');
    world.have_image("b", 'b');
  }
  void put_policy(const std::string& unknown, const std::string& maximum = "10s") {
    const auto parsed = model::parse_release_policies(
        "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: short}\nspec: {ladder: [{weight: 10%, warmUp: "
        "0s, minimum: 1s, maximum: " +
        maximum + "}], holdback: 5%, watch: 1h, cannotKnow: " + unknown + "}\n");
    ASSERT_TRUE(parsed) << to_string(parsed.error().front());
    ASSERT_TRUE(world.execute(PutReleasePolicy{.document = parsed->front()}));
  }
  static std::string service_of(int number) { return "s" + std::to_string(100 + number); }
  void deploy(int number, const std::string& image) {
    model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"annotations": {"marea.dev/release-policy": "short"}},
        "spec": {"template": {"spec": {"containers": [{}]}}}})");
    const std::string name = service_of(number);
    document["metadata"]["name"] = name;
    document["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    auto parsed = model::parse_service(std::move(document));
    ASSERT_TRUE(parsed);
    ASSERT_TRUE(world.execute(ApplyService{.document = std::move(*parsed)}));
    world.report("i" + image + std::to_string(number), world.newest(name), InstanceState::running);
    world.apply_routes();
  }
  void begin_canary(int number) {
    deploy(number, "a");
    deploy(number, "b");
  }
  const ReleaseEntry& release(int number) { return world.service(service_of(number)).releases.back(); }
  std::string counted_as(int number) { return world.route(service_of(number)).release->id; }
  std::vector<std::string> history(int number) {
    std::vector<std::string> out;
    for (const auto& line : world.control().release_history(release(number).record().spec.id)) {
      out.push_back(std::string(to_string(line.audit.event)) + ": " + line.audit.why);
    }
    return out;
  }
  void look() { world.advance(kReleaseLook); }

  ControlWorld world;
};

TEST_F(ControlSeatsTest, the_release_beyond_them_is_told_and_gets_a_seat_when_another_ends) {
  put_policy("hold");
  for (int i = 0; i <= kSeatCount; ++i) begin_canary(i);
  look();
  EXPECT_EQ(counted_as(0), release(0).record().spec.id);
  EXPECT_EQ(counted_as(kSeatCount), "");
  EXPECT_EQ(world.shares(service_of(kSeatCount)),
            service_of(kSeatCount) + "-00001=9000 " + service_of(kSeatCount) + "-00002=1000")
      << "its users are divided all the same";
  EXPECT_EQ(release(kSeatCount).state().opinion->evidence, no_seat());
  EXPECT_THAT(history(kSeatCount), Contains("warning: " + no_seat()));
  const ReleaseEvidence evidence = release(kSeatCount).evidence();
  EXPECT_EQ(evidence.verdict.answer, decide::Answer::cannot_know);
  EXPECT_EQ(evidence.doubt, no_seat());
  EXPECT_EQ(evidence.would_change, seat_remedy());

  ASSERT_TRUE(world.execute(MoveRelease{.service = base::ServiceName(service_of(3)),
                                        .command = {.act = decide::OperatorAct::abort, .who = "ana"}}));
  look();
  EXPECT_EQ(counted_as(kSeatCount), release(kSeatCount).record().spec.id);
  EXPECT_THAT(release(kSeatCount).state().opinion->evidence, HasSubstr("too few keys"));
  EXPECT_EQ(release(kSeatCount).evidence().doubt, "too few keys");
}

TEST_F(ControlSeatsTest, without_one_a_step_is_left_only_as_its_policy_says) {
  put_policy("hold");
  for (int i = 0; i <= kSeatCount; ++i) begin_canary(i);
  for (int i = 0; i < 11; ++i) look();
  EXPECT_EQ(release(kSeatCount).state().phase, ReleasePhase::holding);
  EXPECT_THAT(history(kSeatCount), Contains("holding: cannot know: " + no_seat()));
}

TEST_F(ControlSeatsTest, watched_ones_give_way_and_that_outlives_control) {
  put_policy("advance", "1m");
  for (int i = 0; i <= kSeatCount; ++i) {
    begin_canary(i);
    look();  // each is younger than the one before
  }
  for (int i = 0; i < 61; ++i) look();
  EXPECT_EQ(release(kSeatCount).state().phase, ReleasePhase::watching);
  EXPECT_EQ(release(kSeatCount).state().steps.front().proof, model::ReleaseProof::cannot_know);
  begin_canary(kSeatCount + 1);
  look();
  EXPECT_EQ(counted_as(kSeatCount + 1), release(kSeatCount + 1).record().spec.id);
  EXPECT_EQ(counted_as(0), "");
  EXPECT_EQ(counted_as(1), "");
  EXPECT_NE(counted_as(2), "");
  const auto lines = history(0).size();
  world.kill();
  world.start();
  world.connect();
  EXPECT_EQ(counted_as(0), "");
  EXPECT_NE(counted_as(2), "");
  look();
  EXPECT_EQ(history(0).size(), lines) << "it is told once";
}

}  // namespace
}  // namespace marea::control
