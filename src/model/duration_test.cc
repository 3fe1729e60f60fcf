#include "model/duration.h"

#include <gtest/gtest.h>

namespace marea::model {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Duration, is_read_as_go_writes_it_or_as_whole_seconds) {
  EXPECT_EQ(parse_duration("0", hours(1)), seconds(0));
  EXPECT_EQ(parse_duration("30", hours(1)), seconds(30));
  EXPECT_EQ(parse_duration("1m30s", hours(1)), seconds(90));
  EXPECT_EQ(parse_duration("500ms", hours(1)), milliseconds(500));
  EXPECT_EQ(parse_duration("1h", hours(1)), hours(1));
}

TEST(Duration, what_is_no_time_or_beyond_the_bound_is_refused) {
  for (const char* bad :
       {"", "s", "-1s", "1.5s", "1 s", "30x", "1m30", "61m", "1h1ms", "99999999999999999999", "3601"}) {
    EXPECT_EQ(parse_duration(bad, hours(1)), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace marea::model
