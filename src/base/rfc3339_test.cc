#include "base/rfc3339.h"

#include <gtest/gtest.h>

#include <string>

#include "base/log.h"

namespace marea::base {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(Rfc3339, a_moment_is_read_whatever_its_offset_and_its_digits) {
  // date -u -d 2026-11-23T08:00:00Z +%s
  constexpr std::int64_t kEight = 1'795'420'800 * kSecond;
  EXPECT_EQ(parse_rfc3339("2026-11-23T08:00:00Z"), kEight);
  EXPECT_EQ(parse_rfc3339("2026-11-23 09:30:00+01:30"), kEight);
  EXPECT_EQ(parse_rfc3339("2026-11-22t23:00:00-09:00"), kEight);
  EXPECT_EQ(parse_rfc3339("2026-11-23T08:00:00.000006Z"), kEight + 6000);
  EXPECT_EQ(parse_rfc3339("2026-11-23T08:00:00.1234567899999Z"), kEight + 123'456'789);
  EXPECT_EQ(parse_rfc3339("2026-11-23T07:59:60Z"), kEight) << "a leap second";
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
}

TEST(Rfc3339, what_is_printed_is_read) {
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{951'782'400'123}, std::int64_t{4'102'444'799'999}}) {
    EXPECT_EQ(parse_rfc3339(rfc3339(ms * 1'000'000)), ms * 1'000'000) << rfc3339(ms * 1'000'000);
  }
}

TEST(Rfc3339, what_is_no_moment_is_refused) {
  for (const char* text : {"",
                           "now",
                           "2026",
                           "2026-11-23",
                           "2026-11-23T08:00:00",
                           "2026-11-23T08:00Z",
                           "2026-02-30T08:00:00Z",
                           "2026-13-01T08:00:00Z",
                           "2026-00-01T08:00:00Z",
                           "2026-01-00T08:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T08:60:00Z",
                           "2026-01-01T08:00:61Z",
                           "2026-01-01T08:00:00.Z",
                           "2026-01-01T08:00:00+1:00",
                           "2026-01-01T08:00:00+0100",
                           "2026-01-01T08:00:00+24:00",
                           "2026-01-01T08:00:00Zx",
                           "-026-01-01T08:00:00Z",
                           "1969-12-31T23:59:59Z",
                           "1970-01-01T00:00:00+00:01",
                           "2201-01-01T00:00:00Z",
                           "2026-1-1T08:00:00Z",
                           "2026-01-01T08:00:00 Z",
                           "２０26-01-01T08:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace marea::base
