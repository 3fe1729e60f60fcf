#include "model/timeline.h"

#include <gtest/gtest.h>

namespace marea::model {
namespace {

TimelineLine full_line() {
  return {.cause = TimelineCause::rolled_back,
          .actor = ReleaseActor::judge,
          .who = "ana",
          .why = "E 120 of 100",
          .revision = base::RevisionName("hola-00002-abc"),
          .release = "hola-00002-abc",
          .proof = "unproven",
          .changed = {"image name: a → b"},
          .report = {"one", "two"},
          .serving = {.shares = {{.revision = base::RevisionName("hola-00001-xyz"),
                                  .weight = 9975,
                                  .digest = "sha256:aa",
                                  .commit = "c0ffee"},
                                 {.revision = base::RevisionName("hola-00002-abc"), .weight = 25}},
                      .tags = {{.name = "next", .to = "hola-00002-abc"}},
                      .rules = {{.name = "vip", .to = "hola-00002-abc"}},
                      .release = "hola-00002-abc",
                      .step = 2}};
}

TEST(Timeline, a_line_is_read_as_it_was_written) {
  for (const TimelineLine& line : {full_line(), TimelineLine{}}) {
    TimelineLine read{.cause = line.cause};
    ASSERT_TRUE(read_timeline_document(Json::parse(timeline_document(line).dump()), read));
    EXPECT_EQ(read, line);
  }
}

TEST(Timeline, an_empty_line_says_who_and_that_nothing_serves_and_no_more) {
  EXPECT_EQ(timeline_document({}).dump(), R"({"actor":"platform","split":[]})");
}

TEST(Timeline, what_a_later_marea_adds_is_passed_over_and_what_is_no_line_is_refused) {
  TimelineLine line;
  EXPECT_TRUE(read_timeline_document(Json::parse(R"({"actor":"gate","who":7,"moon":"full","split":[{}]})"), line));
  EXPECT_EQ(line.actor, ReleaseActor::gate);
  EXPECT_EQ(line.serving.shares.size(), 1U);
  for (const char* text : {"7", "{}", R"({"actor":"moon"})", R"({"actor":"gate","split":[7]})"}) {
    EXPECT_FALSE(read_timeline_document(Json::parse(text), line)) << text;
  }
}

TEST(Timeline, a_step_of_no_release_is_none) {
  TimelineLine line;
  ASSERT_TRUE(read_timeline_document(Json::parse(R"({"actor":"judge","dividing":{"step":2}})"), line));
  EXPECT_EQ(line.serving.step, -1);
}

TEST(Timeline, every_word_leads_back_to_its_value) {
  for (std::size_t i = 0; i < kTimelineCauses; ++i) {
    EXPECT_EQ(timeline_cause(to_string(static_cast<TimelineCause>(i))), static_cast<TimelineCause>(i));
  }
  for (std::size_t i = 0; i < kPlatformEventKinds; ++i) {
    EXPECT_EQ(platform_event_kind(to_string(static_cast<PlatformEventKind>(i))), static_cast<PlatformEventKind>(i));
  }
  EXPECT_FALSE(timeline_cause("moon"));
}

TEST(Timeline, a_split_is_printed_in_percent) {
  EXPECT_EQ(print_split(full_line().serving), "hola-00001-xyz 99.75%, hola-00002-abc 0.25%");
  EXPECT_EQ(print_split({}), "");
}

}  // namespace
}  // namespace marea::model
