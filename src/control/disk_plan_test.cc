#include "control/disk_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::control {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Two images share the blob "base"; "left" belongs to none.
RemovableParts parts() {
  return {.images = {{.digest = "young", .used_unix_ns = 20, .bytes = 100, .blobs = {"base", "y"}},
                     {.digest = "old", .used_unix_ns = 10, .bytes = 100, .blobs = {"base", "o"}}},
          .blobs = {{"base", 50}, {"y", 5}, {"o", 5}, {"left", 7}},
          .builds = 1000};
}

TEST(PlanRemoval, nothing_goes_when_nothing_is_needed) {
  const RemovalPlan plan = plan_removal(parts(), 0);
  EXPECT_THAT(plan.images, IsEmpty());
  EXPECT_THAT(plan.blobs, IsEmpty());
  EXPECT_EQ(plan.bytes, 0);
}

TEST(PlanRemoval, what_belongs_to_no_image_goes_first) {
  const RemovalPlan plan = plan_removal(parts(), 7);
  EXPECT_THAT(plan.images, IsEmpty());
  EXPECT_THAT(plan.blobs, ElementsAre("left"));
  EXPECT_EQ(plan.bytes, 7);
}

TEST(PlanRemoval, then_the_least_recently_used_image_without_what_another_still_needs) {
  const RemovalPlan plan = plan_removal(parts(), 8);
  EXPECT_THAT(plan.images, ElementsAre("old"));
  EXPECT_THAT(plan.blobs, ElementsAre("left", "o"));
  EXPECT_EQ(plan.bytes, 7 + 100 + 5);
  EXPECT_FALSE(plan.builds);
}

TEST(PlanRemoval, a_shared_blob_goes_with_the_last_that_has_it) {
  const RemovalPlan plan = plan_removal(parts(), 200);
  EXPECT_THAT(plan.images, ElementsAre("old", "young"));
  EXPECT_THAT(plan.blobs, ElementsAre("left", "o", "base", "y"));
  EXPECT_FALSE(plan.builds);
}

TEST(PlanRemoval, a_blob_that_an_image_in_use_has_stays) {
  RemovableParts some = parts();
  some.blobs.erase("base");
  EXPECT_EQ(plan_removal(some, 200).bytes, 7 + 200 + 10);
}

TEST(PlanRemoval, the_cache_of_builds_goes_last) {
  const RemovalPlan plan = plan_removal(parts(), 300);
  EXPECT_TRUE(plan.builds);
  EXPECT_EQ(plan.bytes, 7 + 200 + 60 + 1000);
}

TEST(PlanRemoval, all_of_it_may_be_less_than_is_needed) {
  EXPECT_EQ(plan_removal(parts(), 1 << 20).bytes, 7 + 200 + 60 + 1000);
}

}  // namespace
}  // namespace marea::control
