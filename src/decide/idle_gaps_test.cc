#include "decide/idle_gaps.h"

#include <gtest/gtest.h>

#include <vector>

namespace marea::decide {
namespace {

using base::Duration;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

IdleGaps after(const std::vector<Duration>& gaps, int times = 1) {
  IdleGaps out;
  for (int i = 0; i < times; ++i) {
    for (const Duration gap : gaps) out.add(gap);
  }
  return out;
}

TEST(IdleGaps, before_a_few_are_known_a_start_decides_and_a_minute_is_the_most) {
  EXPECT_EQ(IdleGaps().keep(seconds(5)), seconds(5));
  EXPECT_EQ(IdleGaps().keep(hours(1)), kUnknownKeep);
  EXPECT_EQ(after({hours(1), hours(1), hours(1)}).keep(hours(1)), kUnknownKeep);
}

TEST(IdleGaps, the_pauses_decide_whether_keeping_pays) {
  struct Case {
    const char* what;
    IdleGaps gaps;
    Duration worth;
    Duration least;
    Duration most;
  };
  const std::vector<Case> cases = {
      {"a timer each half minute is waited for", after({seconds(30)}, 8), minutes(5), seconds(30), seconds(40)},
      {"a timer each hour is not", after({hours(1)}, 8), minutes(5), seconds(0), seconds(0)},
      {"pauses longer than a start is worth are not", after({minutes(4)}, 8), minutes(3), seconds(0), seconds(0)},
      {"sessions: within them, not between", after({seconds(5), seconds(3), seconds(4), hours(1)}, 4), minutes(5),
       seconds(5), seconds(8)},
      {"a cheap start is never waited for", after({seconds(30)}, 8), seconds(1), seconds(0), seconds(0)},
      {"the shortest pauses are worth something", after({milliseconds(1)}, 8), seconds(5), milliseconds(1),
       milliseconds(100)},
      {"ten minutes are the most", after({minutes(11)}, 8), hours(9), seconds(0), seconds(0)},
  };
  for (const Case& c : cases) {
    EXPECT_GE(c.gaps.keep(c.worth), c.least) << c.what;
    EXPECT_LE(c.gaps.keep(c.worth), c.most) << c.what;
  }
}

TEST(IdleGaps, a_new_habit_replaces_an_old_one) {
  IdleGaps gaps = after({seconds(10)}, 64);
  EXPECT_GE(gaps.keep(minutes(1)), seconds(10));
  for (int i = 0; i < 256; ++i) gaps.add(hours(2));
  EXPECT_EQ(gaps.keep(minutes(1)), seconds(0));
}

}  // namespace
}  // namespace marea::decide
