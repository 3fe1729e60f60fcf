#include "decide/scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace marea::decide {
namespace {

using base::Duration;
using base::Instant;
using model::Reason;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Instant kStart{seconds(1000)};

constexpr Retirement idle(int index) {
  return {.index = index, .reason = Reason::idle_timeout};
}
constexpr Retirement surplus(int index) {
  return {.index = index, .reason = Reason::scaled_in};
}

// One revision whose instances a test moves by hand.
class World {
 public:
  explicit World(ScaleTerms terms) : terms_(terms) {
    if (terms_.target == 1) terms_.target = terms_.concurrency;
  }
  ScaleWish look(int waiting = 0) {
    return scale.look(terms_,
                      {.waiting = waiting, .instances = instances, .ended = ended, .cpu_saturation = saturation}, now);
  }
  void pass(Duration time) { now += time; }
  void ready(int count, int in_flight = 0) {
    for (int i = 0; i < count; ++i) instances.push_back({.ready = true, .in_flight = in_flight, .since = now});
  }
  void starting(int count) {
    for (int i = 0; i < count; ++i) instances.push_back({.since = now});
  }
  // `rate` requests a second for so long, each taking `service`, spread over all instances; a look every 100 ms.
  int serve(int rate, Duration service, Duration time) {
    const auto in_flight = static_cast<int>(rate * std::chrono::duration<double>(service).count());
    int wishes = 0;
    for (const Instant until = now + time; now < until; pass(kLookEvery)) {
      ended += static_cast<std::uint64_t>(rate / 10);
      for (std::size_t i = 0; i < instances.size(); ++i) {
        instances[i].in_flight = in_flight / static_cast<int>(instances.size()) +
                                 (i < static_cast<std::size_t>(in_flight) % instances.size() ? 1 : 0);
        if (instances[i].in_flight > 0) instances[i].since = now;
      }
      const ScaleWish wish = look();
      wishes += wish.wanted != std::ssize(instances) ? 1 : 0;
      end(wish);
    }
    return wishes;
  }
  void end(const ScaleWish& wish) {
    for (const Retirement& each : wish.retire) instances[static_cast<std::size_t>(each.index)].in_flight = -1;
    std::erase_if(instances, [](const ScaleInstance& each) { return each.in_flight < 0; });
  }
  void silence() {
    for (ScaleInstance& each : instances) each.in_flight = 0;
    for (ScaleInstance& each : instances) each.since = now;
  }

  Scale scale;
  std::vector<ScaleInstance> instances;
  std::uint64_t ended = 0;
  double saturation = 0;
  Instant now = kStart;

 private:
  ScaleTerms terms_;
};

TEST(Scale, what_is_wanted_follows_from_who_waits_and_what_there_is) {
  struct Case {
    std::string what;
    ScaleTerms terms;
    int waiting = 0;
    int ready = 0;
    int in_flight = 0;  // of each
    int starting = 0;
    int wanted = 0;
    Reason reason = Reason::none;
  };
  const std::vector<Case> cases = {
      {"nobody asks", {.concurrency = 80, .max = 100}, 0, 0, 0, 0, 0, Reason::none},
      {"the first request from zero", {.concurrency = 80, .max = 100}, 1, 0, 0, 0, 1, Reason::request_waiting},
      {"it waits while one is starting", {.concurrency = 80, .max = 100}, 5, 0, 0, 1, 1, Reason::none},
      {"a burst beyond one instance", {.concurrency = 10, .max = 100}, 500, 0, 0, 0, 50, Reason::request_waiting},
      {"full, and many more", {.concurrency = 10, .max = 100}, 100, 1, 10, 0, 11, Reason::request_waiting},
      {"full, and one more that is served before another could start",
       {.concurrency = 10, .max = 100},
       1,
       1,
       10,
       0,
       1,
       Reason::none},
      {"full, but nobody waits", {.concurrency = 10, .max = 100}, 0, 1, 10, 0, 1, Reason::none},
      {"at the maximum", {.concurrency = 1, .max = 2}, 30, 2, 1, 0, 2, Reason::max_scale},
      {"the burst is cut at the maximum", {.concurrency = 1, .max = 7}, 30, 0, 0, 0, 7, Reason::request_waiting},
      {"a minimum without requests", {.concurrency = 1, .min = 2, .max = 7}, 0, 0, 0, 0, 2, Reason::min_scale},
      {"drained to nothing by its plan", {.concurrency = 1, .max = 0}, 1, 0, 0, 0, 0, Reason::max_scale},
      {"never fewer than there are", {.concurrency = 1, .max = 2}, 0, 4, 1, 0, 4, Reason::none},
      {"beyond a stated target", {.concurrency = 10, .target = 7, .max = 9}, 0, 2, 8, 0, 3, Reason::request_waiting},
      {"within a stated target", {.concurrency = 10, .target = 7, .max = 9}, 0, 2, 7, 0, 2, Reason::none},
      {"beyond the target while somebody waits",
       {.concurrency = 10, .target = 2, .max = 9},
       1,
       1,
       10,
       0,
       6,
       Reason::request_waiting},
  };
  for (const Case& c : cases) {
    World world(c.terms);
    world.ready(c.ready, c.in_flight);
    world.starting(c.starting);
    const ScaleWish wish = world.look(c.waiting);
    EXPECT_EQ(wish.wanted, c.wanted) << c.what;
    EXPECT_EQ(wish.reason, c.reason) << c.what;
    EXPECT_THAT(wish.retire, IsEmpty()) << c.what;
  }
}

TEST(Scale, a_start_that_comes_too_late_for_those_who_wait_is_not_made) {
  const auto wanted = [](Duration start) {
    World world({.concurrency = 10, .max = 100});
    world.scale.started(start);
    world.ready(2);
    world.serve(150, milliseconds(100), seconds(20));  // three quarters of what two bear
    for (ScaleInstance& each : world.instances) each.in_flight = 10;
    world.pass(milliseconds(10));
    return world.look(20).wanted;
  };
  EXPECT_EQ(wanted(seconds(2)), 2);
  EXPECT_GT(wanted(milliseconds(20)), 2);
}

TEST(Scale, on_a_busy_machine_another_instance_must_be_worth_more) {
  const auto wanted = [](double saturation) {
    World world({.concurrency = 1, .max = 1000});
    world.saturation = saturation;
    return world.look(500).wanted;
  };
  EXPECT_LT(wanted(1), wanted(0));
  EXPECT_EQ(wanted(1), wanted(kMostSaturation)) << "but never nothing";
  EXPECT_GT(wanted(1), 1);
}

TEST(Scale, it_learns_how_long_starts_and_requests_take) {
  World world({.concurrency = 10, .max = 10});
  EXPECT_EQ(world.scale.start_time(), kUnknownStart);
  EXPECT_EQ(world.scale.service_time(), kUnknownService);
  world.scale.started(milliseconds(100));
  EXPECT_EQ(world.scale.start_time(), milliseconds(100));
  world.scale.started(milliseconds(200));
  EXPECT_GT(world.scale.start_time(), milliseconds(100));
  EXPECT_LT(world.scale.start_time(), milliseconds(150));
  world.ready(1);
  world.serve(50, milliseconds(40), seconds(30));
  EXPECT_GT(world.scale.service_time(), milliseconds(30));
  EXPECT_LT(world.scale.service_time(), milliseconds(50));
}

TEST(Scale, steady_load_starts_and_ends_nothing) {
  for (const int concurrency : {1, 10, 80}) {
    World world({.concurrency = concurrency, .max = 100});
    world.ready(3);
    const int rate = concurrency * 3 * 10 * 8 / 10 / 10 * 10;  // 80 % of three instances at 100 ms a request
    EXPECT_EQ(world.serve(std::max(rate, 30), milliseconds(100), hours(1)), 0) << concurrency;
  }
}

TEST(Scale, a_step_is_answered_once_and_its_end_leaves_what_is_needed) {
  World world({.concurrency = 2, .max = 10});
  world.scale.started(milliseconds(500));
  const ScaleWish first = world.look(8);
  EXPECT_EQ(first.wanted, 4);
  EXPECT_EQ(first.reason, Reason::request_waiting);
  world.starting(4);
  world.pass(milliseconds(1));
  EXPECT_EQ(world.look(8).wanted, 4) << "they start; the eight still wait";
  world.pass(milliseconds(500));
  world.instances.clear();
  world.ready(4, 2);
  EXPECT_EQ(world.look().wanted, 4);
  EXPECT_EQ(world.look().next_look, world.now + kLookEvery);
  EXPECT_EQ(world.serve(60, milliseconds(100), seconds(20)), 1) << "six at once need three";
  EXPECT_THAT(world.instances, testing::SizeIs(3));

  // A trickle that one instance bears: the others go, one stays.
  world.silence();
  for (int i = 0; i < 900; ++i) {
    world.pass(kLookEvery);
    world.ended += 1;
    world.instances.front().since = world.now;
    world.end(world.look());
  }
  EXPECT_THAT(world.instances, testing::SizeIs(1));
}

TEST(Scale, the_last_one_goes_after_a_silence_and_the_next_look_is_then) {
  World world({.concurrency = 10, .max = 10});
  world.scale.started(seconds(1));
  world.ready(2, 1);
  world.look();
  world.pass(seconds(1));
  world.silence();
  world.ended = 2;
  const ScaleWish wish = world.look();
  EXPECT_EQ(wish.wanted, 2);
  EXPECT_EQ(wish.next_look, world.now + kLeastHold) << "one of two is too many, after a while";
  world.instances.pop_back();
  EXPECT_EQ(world.look().next_look, world.now + kUnknownKeep);
  world.pass(kUnknownKeep - milliseconds(1));
  EXPECT_EQ(world.look().wanted, 1);
  world.pass(milliseconds(1));
  const ScaleWish last = world.look();
  EXPECT_EQ(last.wanted, 0);
  EXPECT_THAT(last.retire, ElementsAre(idle(0)));
  world.instances.clear();
  EXPECT_EQ(world.look().next_look, Instant::max()) << "at zero nothing is due";
}

TEST(Scale, a_timer_that_comes_back_soon_finds_its_instance_and_one_that_does_not_pays_for_none) {
  const auto kept = [](Duration gap) {
    World world({.concurrency = 10, .max = 10});
    world.scale.started(seconds(1));
    world.ready(1);
    for (int i = 0; i < 10; ++i) {
      world.instances[0].in_flight = 1;
      world.look();
      world.pass(milliseconds(200));
      world.silence();
      ++world.ended;
      world.look();
      world.pass(gap);
    }
    world.instances[0].in_flight = 1;
    world.look();
    world.pass(milliseconds(200));
    world.silence();
    ++world.ended;
    const ScaleWish wish = world.look();
    return wish.retire.empty() ? wish.next_look - world.now : Duration(0);
  };
  EXPECT_GE(kept(seconds(90)), seconds(90));
  EXPECT_LE(kept(seconds(90)), seconds(120));
  EXPECT_EQ(kept(hours(1)), Duration(0));
}

TEST(Scale, a_stated_idle_timeout_is_the_time_of_each_instance) {
  World world({.concurrency = 10, .max = 10, .idle_timeout = seconds(5)});
  world.ready(3);
  world.instances[1].in_flight = 1;
  EXPECT_THAT(world.look().retire, IsEmpty());
  world.pass(seconds(5));
  const ScaleWish wish = world.look();
  EXPECT_THAT(wish.retire, ElementsAre(idle(0), idle(2)));
  EXPECT_EQ(wish.wanted, 1);
}

TEST(Scale, the_minimum_stays_and_a_delay_holds_everything) {
  World kept({.concurrency = 1, .min = 2, .max = 10, .idle_timeout = seconds(1)});
  kept.ready(3);
  kept.look();
  kept.pass(hours(1));
  EXPECT_THAT(kept.look().retire, ElementsAre(idle(0)));

  World delayed(
      {.concurrency = 1, .max = 10, .scale_down_delay = std::chrono::minutes(15), .idle_timeout = seconds(1)});
  delayed.ready(1);
  delayed.look();
  delayed.pass(std::chrono::minutes(14));
  EXPECT_THAT(delayed.look().retire, IsEmpty());
  delayed.pass(std::chrono::minutes(1));
  EXPECT_THAT(delayed.look().retire, ElementsAre(idle(0)));
}

TEST(Scale, who_is_busy_drains_only_when_it_was_too_many_for_as_long_as_there_was_one_too_many) {
  World world({.concurrency = 10, .max = 10, .idle_timeout = seconds(5)});
  world.ready(2, 2);  // four requests, which one instance could hold
  EXPECT_THAT(world.look().retire, IsEmpty());
  world.pass(seconds(3));
  for (ScaleInstance& each : world.instances) each.in_flight = 6;
  EXPECT_THAT(world.look().retire, IsEmpty());
  for (ScaleInstance& each : world.instances) each.in_flight = 2;
  world.pass(seconds(4));
  EXPECT_THAT(world.look().retire, IsEmpty()) << "its time began anew";
  world.pass(seconds(5));
  EXPECT_THAT(world.look().retire, ElementsAre(surplus(0))) << "it is not idle";
}

TEST(Scale, what_goes_while_others_stay_was_no_silence_of_the_revision) {
  World world({.concurrency = 10, .max = 10});
  world.scale.started(seconds(1));
  world.ready(2, 1);
  world.look();
  world.silence();
  world.ended = 2;
  world.look();
  world.pass(kLeastHold);
  const ScaleWish first = world.look();
  EXPECT_THAT(first.retire, ElementsAre(surplus(0)));
  world.end(first);
  world.pass(kUnknownKeep);
  EXPECT_THAT(world.look().retire, ElementsAre(idle(0)));

  World kept({.concurrency = 10, .min = 1, .max = 10});
  kept.ready(2);
  kept.look();
  kept.pass(hours(1));
  EXPECT_THAT(kept.look().retire, ElementsAre(surplus(0))) << "the minimum stays";
}

TEST(Scale, a_queue_that_does_not_move_refutes_what_was_predicted) {
  World world({.concurrency = 2, .max = 10});
  world.scale.started(seconds(1));
  world.ready(1);
  world.serve(10, milliseconds(100), seconds(60));
  world.instances[0].in_flight = 2;  // and these take for ever
  EXPECT_EQ(world.look(1).wanted, 1);
  world.pass(milliseconds(1900));
  EXPECT_EQ(world.look(1).wanted, 1);
  world.pass(milliseconds(100));
  EXPECT_EQ(world.look(1).wanted, 2);
}

TEST(Scale, requests_that_never_ended_yet_take_as_long_as_they_have_at_least) {
  World world({.concurrency = 2, .max = 10});
  world.ready(1, 2);
  for (int i = 0; i < 100; ++i) {
    world.pass(kLookEvery);
    world.look();
  }
  EXPECT_GE(world.scale.service_time(), seconds(9));
}

TEST(Scale, while_somebody_waits_nothing_ends) {
  World world({.concurrency = 1, .max = 10, .idle_timeout = seconds(1)});
  world.ready(1, 1);
  world.ready(1);  // unready in truth, or its slot is on its way
  world.look();
  world.pass(seconds(10));
  EXPECT_THAT(world.look(1).retire, IsEmpty());
}

}  // namespace
}  // namespace marea::decide
