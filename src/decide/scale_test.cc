#include "decide/scale.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace marea::decide {
namespace {

using model::Reason;

TEST(Scale, wishes_for_an_instance_only_while_somebody_waits_without_a_slot_to_come) {
  struct Case {
    std::string what;
    ScaleLoad load;
    ScaleWish wish;
  };
  const std::vector<Case> cases = {
      {"nobody asks", {.concurrency = 80, .max = 100}, {0, Reason::none}},
      {"the first request from zero", {.waiting = 1, .concurrency = 80, .max = 100}, {1, Reason::request_waiting}},
      {"it waits while one is starting",
       {.waiting = 5, .instances = 1, .concurrency = 80, .max = 100},
       {1, Reason::none}},
      {"a burst beyond one instance", {.waiting = 500, .concurrency = 10, .max = 100}, {50, Reason::request_waiting}},
      {"full, and one more",
       {.waiting = 1, .in_flight = 10, .instances = 1, .concurrency = 10, .max = 100},
       {2, Reason::request_waiting}},
      {"full, but nobody waits", {.in_flight = 10, .instances = 1, .concurrency = 10, .max = 100}, {1, Reason::none}},
      {"at the maximum",
       {.waiting = 30, .in_flight = 2, .instances = 2, .concurrency = 1, .max = 2},
       {2, Reason::max_scale}},
      {"the burst is cut at the maximum", {.waiting = 30, .concurrency = 1, .max = 7}, {7, Reason::request_waiting}},
      {"a minimum without requests", {.concurrency = 1, .min = 2, .max = 7}, {2, Reason::min_scale}},
      {"drained to nothing by its plan", {.waiting = 1, .concurrency = 1, .max = 0}, {0, Reason::max_scale}},
      {"never fewer than there are", {.instances = 4, .concurrency = 1, .max = 2}, {4, Reason::none}},
  };
  for (const Case& c : cases) EXPECT_EQ(wish(c.load), c.wish) << c.what;
}

TEST(Scale, an_instance_retires_when_it_was_idle_for_the_timeout_and_the_minimum_allows) {
  const base::Instant start{std::chrono::seconds(100)};
  const IdleInstance idle{.idle_since = start, .idle_timeout = std::chrono::seconds(60), .instances = 1, .min = 0};
  EXPECT_FALSE(retires(idle, start));
  EXPECT_FALSE(retires(idle, start + std::chrono::milliseconds(59'999)));
  EXPECT_TRUE(retires(idle, start + std::chrono::seconds(60)));

  IdleInstance kept = idle;
  kept.min = 1;
  EXPECT_FALSE(retires(kept, start + std::chrono::hours(5)));
  kept.instances = 2;
  EXPECT_TRUE(retires(kept, start + std::chrono::hours(5)));
}

TEST(Scale, a_step_of_load_is_answered_once_and_steady_load_by_nothing) {
  ScaleLoad load{.concurrency = 2, .max = 10};
  load.waiting = 6;
  const ScaleWish first = wish(load);
  EXPECT_EQ(first.wanted, 3);
  load.instances = first.wanted;  // they start; the six still wait
  EXPECT_EQ(wish(load), (ScaleWish{3, Reason::none}));
  load.waiting = 0;  // all are served
  load.in_flight = 6;
  EXPECT_EQ(wish(load), (ScaleWish{3, Reason::none}));
  load.in_flight = 1;
  load.waiting = 1;  // one is served, one came while its slot was being passed on
  EXPECT_EQ(wish(load), (ScaleWish{3, Reason::none}));
}

}  // namespace
}  // namespace marea::decide
