#include "sim/drain/drain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>
#include <string>

namespace marea::sim::drain {
namespace {

constexpr std::uint64_t kSeeds = 700;

// What the world says of the first seed in which it notices the defect.
std::string finding(Defect defect) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Verdict verdict = run_with(defect, seed, nullptr);
    if (verdict.ending == Ending::stuck) return "stuck: " + verdict.what;
    if (verdict.ending == Ending::wrong) return "wrong: " + verdict.what;
  }
  return "nothing";
}

TEST(Drain, finds_nothing_wrong_in_a_sound_world) {
  EXPECT_EQ(finding(Defect::none), "nothing");
}

TEST(Drain, finds_an_engine_that_does_not_wait_for_quiet) {
  EXPECT_THAT(finding(Defect::kills_without_quiet), testing::HasSubstr("is told to end with"));
}

TEST(Drain, finds_a_router_that_gives_to_a_draining_instance) {
  EXPECT_THAT(finding(Defect::gives_to_draining), testing::HasSubstr("which drains, as router knows"));
}

TEST(Drain, finds_a_router_that_gives_more_than_there_are_slots) {
  EXPECT_THAT(finding(Defect::gives_beyond_slots), testing::HasSubstr("more than its concurrency"));
}

TEST(Drain, finds_a_victim_that_does_not_end) {
  EXPECT_THAT(finding(Defect::never_kills), testing::HasSubstr("told to end and did not"));
}

TEST(Drain, finds_an_engine_that_goes_beyond_the_maximum) {
  EXPECT_THAT(finding(Defect::ignores_maximum), testing::HasSubstr("one more than its revision's maximum"));
}

TEST(Drain, finds_a_slot_that_nobody_gives_back) {
  EXPECT_THAT(finding(Defect::loses_a_grant), testing::HasSubstr("is lost"));
}

TEST(Drain, finds_a_control_that_retires_a_revision_which_router_still_uses) {
  EXPECT_THAT(finding(Defect::retires_before_applied), testing::HasSubstr("is lost"));
}

TEST(Drain, finds_a_router_that_does_not_report_the_last_requests_end) {
  EXPECT_NE(finding(Defect::forgets_quiet), "nothing");
}

TEST(Drain, finds_a_control_that_deletes_what_requests_wait_for) {
  EXPECT_THAT(finding(Defect::deletes_at_once), testing::HasSubstr("is lost"));
}

TEST(Drain, a_seed_reproduces_a_run_to_the_last_event) {
  std::ostringstream once;
  std::ostringstream again;
  run(7, &once);
  run(7, &again);
  EXPECT_GT(once.str().size(), 10'000U);
  EXPECT_EQ(once.str(), again.str());
}

}  // namespace
}  // namespace marea::sim::drain
