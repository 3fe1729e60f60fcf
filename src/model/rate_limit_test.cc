#include "model/rate_limit.h"

#include <gtest/gtest.h>

namespace marea::model {
namespace {

using namespace std::chrono_literals;

TEST(RateLimit, a_rate_and_its_burst_are_read) {
  EXPECT_EQ(parse_rate_limit("50/s burst 100"), (RateLimit{.interval = 20ms, .burst = 100}));
  EXPECT_EQ(parse_rate_limit("100/m burst 20"), (RateLimit{.interval = 600ms, .burst = 20}));
  EXPECT_EQ(parse_rate_limit("1/h burst 1"), (RateLimit{.interval = 1h, .burst = 1}));
}

TEST(RateLimit, without_a_burst_it_is_what_comes_in_a_second) {
  EXPECT_EQ(parse_rate_limit("50/s"), (RateLimit{.interval = 20ms, .burst = 50}));
  EXPECT_EQ(parse_rate_limit("6/m"), (RateLimit{.interval = 10s, .burst = 1}));
  EXPECT_EQ(parse_rate_limit("1000000/s")->interval, 1us);
}

TEST(RateLimit, anything_else_is_refused_with_an_example) {
  for (const char* text : {"",
                           "50",
                           "50/",
                           "/s",
                           "50/d",
                           "0/s",
                           "-5/s",
                           "+5/s",
                           "5.5/s",
                           "50 /s",
                           "50/s ",
                           " 50/s",
                           "50/s burst",
                           "50/s burst 0",
                           "50/s  burst 9",
                           "50/sburst 9",
                           "50/s burst 9x",
                           "1000001/s",
                           "99999999999999999999/s",
                           "50/s burst -1",
                           "50/sec"}) {
    const auto limit = parse_rate_limit(text);
    ASSERT_FALSE(limit) << text;
    EXPECT_NE(limit.error().find("50/s"), std::string::npos);
  }
}

}  // namespace
}  // namespace marea::model
