#include "router/release_watch.h"

#include <gmock/gmock.h>

#include <set>
#include <string>

namespace marea::router {
namespace {

using testing::ElementsAre;

// The main loop's side alone, with a clock that stands and a control that may be away.
class Watch : public testing::Test {
 protected:
  static model::Routes routes_with(int releases, std::uint32_t weight = 1000, std::uint32_t step = 1) {
    model::Routes routes;
    for (int n = 0; n < releases; ++n) {
      routes.services.push_back({.name = base::ServiceName("s" + std::to_string(n)),
                                 .release = model::ReleaseRoute{.id = "r" + std::to_string(n),
                                                                .step = step,
                                                                .weight = weight,
                                                                .began_unix_ns = base::ManualClock().wall().unix_ns}});
    }
    return routes;
  }
  std::uint32_t number_of(const std::string& id) const { return watch.seat_of({.id = id}).number; }
  // A whole request of a new key in this tick.
  void serve(const std::string& id, model::FailureCause cause = model::FailureCause::none) {
    const RouteTable::ReleaseSeat seat = watch.seat_of({.id = id});
    const Assignment request{.release = seat.number,
                             .bucket = 5000,
                             .key = ++keys,
                             .tick = static_cast<std::uint64_t>((clock.now() - seat.zero) / model::kReleaseTick)};
    ReleaseLane& lane = watch.lanes()->of(0);
    ASSERT_TRUE(lane.admit(request));
    lane.settle(request, {.cause = cause});
  }
  void pass(base::Duration time = model::kReleaseTick) {
    clock.advance(time);
    loop.turn(base::Duration{0});
  }

  base::ManualClock clock;
  net::Loop loop{clock};
  bool control = true;
  std::vector<model::ReleaseCounts> told;
  ReleaseWatch watch{{.loop = loop, .workers = 1, .secret = 7, .send = [this](const model::ReleaseCounts& counts) {
                        if (control) told.push_back(counts);
                        return control;
                      }}};
  std::uint64_t keys = 0;
};

TEST_F(Watch, without_a_release_there_is_nothing) {
  watch.set_routes(routes_with(0));
  EXPECT_EQ(watch.lanes(), nullptr);
  EXPECT_EQ(number_of("r0"), 0U);
}

TEST_F(Watch, sixteen_releases_are_counted_and_the_next_one_when_another_ends) {
  watch.set_routes(routes_with(17));
  std::set<std::uint32_t> places;
  for (int n = 0; n < 16; ++n) places.insert(number_of("r" + std::to_string(n)) % kMostReleases);
  EXPECT_EQ(places.size(), 16U);
  EXPECT_EQ(number_of("r16"), 0U);
  model::Routes fewer = routes_with(17);
  fewer.services.erase(fewer.services.begin() + 3);
  watch.set_routes(fewer);
  EXPECT_NE(number_of("r16"), 0U);
  EXPECT_EQ(number_of("r3"), 0U);
}

TEST_F(Watch, where_control_wants_none_counted_none_is) {
  model::Routes routes = routes_with(17);
  routes.services[4].release->id.clear();
  watch.set_routes(routes);
  EXPECT_NE(number_of("r16"), 0U) << "it has the seat";
  EXPECT_EQ(number_of(""), 0U);
}

TEST_F(Watch, what_control_missed_is_told_in_messages_of_bounded_size_each_tick_once) {
  watch.set_routes(routes_with(1));
  control = false;
  for (std::size_t n = 0; n < 2 * kMostTicksTold + 10; ++n) {
    serve("r0");
    pass();
  }
  control = true;
  std::vector<std::size_t> sizes;
  std::uint64_t next = 0;
  for (int n = 0; n < 30; ++n) {
    pass(kCountsEvery);
    if (told.empty()) continue;
    const model::ReleaseCounts counts = std::move(told.back());
    told.clear();
    sizes.push_back(counts.ticks.size());
    for (const model::ReleaseTick& tick : counts.ticks) {
      EXPECT_EQ(tick.number, next++);
      EXPECT_LT(tick.number, counts.closed);
    }
    watch.seen({.release = "r0", .closed = counts.closed});
  }
  EXPECT_THAT(sizes, ElementsAre(kMostTicksTold, kMostTicksTold, 10U));
}

TEST_F(Watch, a_new_weight_holds_from_the_tick_after_all_workers_have_it) {
  watch.set_routes(routes_with(1));
  pass();
  watch.set_routes(routes_with(1, 2500, 2));
  serve("r0");  // tick 1
  pass();
  watch.adopted();
  serve("r0");  // tick 2, in which the last worker took it over
  pass();
  serve("r0");  // tick 3
  for (int n = 0; n < 10; ++n) {
    pass();
    if (!told.empty()) watch.seen({.release = "r0", .closed = told.back().closed});
  }
  std::vector<std::pair<std::uint64_t, std::uint32_t>> weights;
  for (const model::ReleaseCounts& counts : told) {
    for (const model::ReleaseTick& tick : counts.ticks) weights.emplace_back(tick.number, tick.weight);
  }
  EXPECT_THAT(weights, ElementsAre(std::pair(1U, 1000U), std::pair(2U, 1000U), std::pair(3U, 2500U)));
  EXPECT_EQ(told.back().step, 2U);
}

TEST_F(Watch, a_failure_of_the_app_is_told_at_once) {
  watch.set_routes(routes_with(1));
  serve("r0");
  pass(kCountsEvery);
  ASSERT_EQ(told.size(), 1U);
  watch.seen({.release = "r0", .closed = told.back().closed});
  const RouteTable::ReleaseSeat seat = watch.seat_of({.id = "r0"});
  const Assignment request{.release = seat.number, .bucket = 5000, .key = 99, .tick = 5};
  ASSERT_TRUE(watch.lanes()->of(0).admit(request));
  watch.lanes()->of(0).settle(request, {.cause = model::FailureCause::app});
  pass();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told.back().stable.failures[static_cast<std::size_t>(model::FailureCause::app)], 1U);
}

// The tick stays open for as long as its slowest request.
TEST_F(Watch, first_requests_that_failed_are_told_at_once_though_their_tick_is_open) {
  watch.set_routes(routes_with(1));
  const RouteTable::ReleaseSeat seat = watch.seat_of({.id = "r0"});
  ReleaseLane& lane = watch.lanes()->of(0);
  const Assignment slow{.release = seat.number, .bucket = 5000, .key = 98, .tick = 0, .number = 1};
  const Assignment failing{.release = seat.number, .canary = true, .bucket = 0, .key = 99, .tick = 0, .number = 2};
  ASSERT_TRUE(lane.admit(slow));
  ASSERT_TRUE(lane.admit(failing));
  lane.settle(failing, {.cause = model::FailureCause::app});
  pass();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_TRUE(told.back().ticks.empty());
  EXPECT_THAT(told.back().firsts,
              ElementsAre(model::FirstRequests{.number = 1, .weight = 1000, .stable_failed = 0, .canary_failed = 1}));
}

TEST_F(Watch, first_requests_that_nobody_saw_are_told_again_and_the_oldest_forgotten) {
  watch.set_routes(routes_with(1));
  control = false;
  for (std::size_t n = 0; n < kMostUnseenFirsts + 10; ++n) {
    serve("r0", model::FailureCause::app);
    pass();
  }
  control = true;
  pass(kCountsEvery);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().firsts.size(), kMostUnseenFirsts);
  watch.control_linked();
  pass(kCountsEvery);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told.back().firsts.front().number, told.front().firsts.front().number);
  watch.seen({.release = "r0", .closed = told.back().closed});
  serve("r0", model::FailureCause::app);
  pass(kCountsEvery);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_LE(told.back().firsts.size(), 1U);
}

TEST_F(Watch, what_lies_in_the_lanes_during_a_pause_of_the_loop_counts_in_its_own_ticks) {
  watch.set_routes(routes_with(1));
  serve("r0");  // tick 0
  clock.advance(model::kReleaseTick);
  serve("r0");  // tick 1
  pass(std::chrono::seconds(10));
  ASSERT_EQ(told.size(), 1U);
  std::vector<std::uint64_t> numbers;
  for (const model::ReleaseTick& tick : told.back().ticks) numbers.push_back(tick.number);
  EXPECT_THAT(numbers, ElementsAre(0U, 1U));
  EXPECT_EQ(told.back().stable.late, 0U);
}

TEST_F(Watch, the_next_router_counts_ticks_on_from_the_same_beginning) {
  model::Routes routes = routes_with(1);
  clock.advance(std::chrono::hours(1));
  routes.services[0].release->began_unix_ns =
      clock.wall().unix_ns - std::chrono::nanoseconds(std::chrono::minutes(10)).count();
  watch.set_routes(routes);
  EXPECT_EQ(watch.seat_of({.id = "r0"}).zero, clock.now() - std::chrono::minutes(10));
  serve("r0");
  for (int n = 0; n < 10 && (told.empty() || told.back().ticks.empty()); ++n) {
    pass();
    if (!told.empty() && told.back().ticks.empty()) watch.seen({.release = "r0", .closed = 0});
  }
  ASSERT_FALSE(told.empty());
  ASSERT_FALSE(told.back().ticks.empty());
  EXPECT_EQ(told.back().ticks.front().number, std::chrono::minutes(10) / model::kReleaseTick);
}

}  // namespace
}  // namespace marea::router
