// Whose failure it is when a request of a release fails, as callers, apps and engine bring it about.
#include <gmock/gmock.h>

#include <numeric>

#include "router/release_world_test.h"

namespace marea::router {
namespace {

using testing::HasSubstr;

TEST_F(Releasing, each_failure_has_its_cause) {
  publish_release(release(10'000));
  run_both();
  EXPECT_THAT(call(get("/drop", with_key(1))), HasSubstr(" 502 "));
  EXPECT_THAT(call(get("/fail", with_key(2))), HasSubstr(" 500 "));
  EXPECT_THAT(call(get("/drop")), HasSubstr("Set-Cookie: marea_key=")) << "also on an answer that the app did not give";
  while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send("POST /hold HTTP/1.1\r\nHost: hola.localhost\r\n" + with_key(3) + "Content-Length: 9\r\n\r\nabc");
    wire.stop_sending();
    return wire.rest();
  });
  EXPECT_TRUE(until([&] {
    return std::accumulate(last.canary.failures.begin(), last.canary.failures.end(), std::uint64_t{0}) == 4;
  }));
  settle();
  EXPECT_THAT(last.canary.failures, testing::ElementsAre(0U, 3U, 0U, 0U, 1U));
  EXPECT_EQ(sum(ticks, true, true).failed, 3U) << "also of the key that this answer sets";
  EXPECT_EQ(sum(ticks, false, true).failed, 0U);
}

// Stable holds its requests, the canary has no instance: one caller of each closes, another resets.
TEST_F(Releasing, who_leaves_without_an_answer_is_no_failure_of_the_app_and_slow_only_where_an_app_had_the_request) {
  model::ReleaseRoute route = release(5000);
  route.objective = std::chrono::milliseconds(1);
  publish_release(route);
  open("hola-1-a", "hola-1");
  ASSERT_TRUE(until([&] { return ready.size() == 1; }));
  std::vector<Wire> wires;
  int client = 0;
  for (const bool arm : {false, false, true, true}) {
    while (in_canary(client, 5000) != arm) ++client;
    wires.push_back(Wire::to(port));
    wires.back().send(get("/hold", with_key(client++)));
  }
  ASSERT_TRUE(until([&] { return last.open == 4; }));
  wires[0].close();
  wires[2].close();
  reset(wires[1]);
  reset(wires[3]);
  const auto sum_of = [](const model::ArmTotals& arm) {
    return std::accumulate(arm.failures.begin(), arm.failures.end(), std::uint64_t{0});
  };
  EXPECT_TRUE(until([&] { return sum_of(last.stable) + sum_of(last.canary) == 4; }));
  pause();
  pause();  // their ticks are closed
  EXPECT_THAT(last.stable.failures, testing::ElementsAre(0U, 0U, 0U, 0U, 2U));
  EXPECT_THAT(last.canary.failures, testing::ElementsAre(0U, 0U, 0U, 0U, 2U));
  EXPECT_EQ(sum(ticks, true, false).slow, 2U);
  EXPECT_EQ(sum(ticks, true, true).slow, 0U);
}

TEST_F(Releasing, an_app_that_nobody_could_connect_to_for_want_of_sockets_did_not_fail) {
  timeout = std::chrono::milliseconds(200);
  engine_is_silent = true;
  publish_release(release(10'000));
  engine_->send(net::msg::InstanceOpen{
      .id = base::InstanceId("hola-2-a"), .revision = base::RevisionName("hola-2"), .epoch = 1, .ready = true});
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  EXPECT_THAT(call(get("/", with_key(1))), HasSubstr("the app did not answer")) << "it has an instance";
  settle();
  EXPECT_THAT(last.canary.failures, testing::ElementsAre(0U, 0U, 1U, 0U, 0U));
}

TEST_F(Releasing, an_app_that_does_not_answer_in_time_failed) {
  timeout = std::chrono::milliseconds(200);
  publish_release(release(10'000));
  run_both();
  EXPECT_THAT(call(get("/hold", with_key(1))), HasSubstr(" 504 "));
  settle();
  EXPECT_THAT(last.canary.failures, testing::ElementsAre(0U, 1U, 0U, 0U, 0U));
}

TEST_F(Releasing, a_5xx_is_a_failure_of_the_app_however_much_of_it_is_taken) {
  publish_release(release(10'000));
  run_both();
  while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send(get("/half", with_key(1)));
    const std::string got = wire.until("half");
    reset(wire);
    return got;
  });
  settle();
  EXPECT_THAT(last.canary.failures, testing::ElementsAre(0U, 1U, 0U, 0U, 0U));
}

}  // namespace
}  // namespace marea::router
