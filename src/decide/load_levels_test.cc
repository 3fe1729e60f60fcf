#include "decide/load_levels.h"

#include <gtest/gtest.h>

namespace marea::decide {
namespace {

using std::chrono::seconds;

constexpr base::Instant kFirstVote{seconds(100)};

TEST(LoadLevels, without_requests_nothing_is_needed) {
  EXPECT_EQ(LoadLevels().level(0.9), 0);
}

TEST(LoadLevels, each_request_votes_for_the_level_that_it_met) {
  LoadLevels levels;
  levels.add(2, 90, kFirstVote);
  levels.add(7, 10, kFirstVote);
  EXPECT_EQ(levels.level(0.5), 2);
  EXPECT_EQ(levels.level(0.89), 2);
  EXPECT_EQ(levels.level(0.95), 7);
  EXPECT_EQ(levels.level(1.0), 7);
}

TEST(LoadLevels, levels_are_exact_up_to_16_and_never_too_small_beyond) {
  for (const int level : {0, 1, 2, 15, 16, 17, 20, 33, 100, 500, 1000, 1024}) {
    LoadLevels levels;
    levels.add(level, 1, kFirstVote);
    EXPECT_GE(levels.level(0.9), level);
    EXPECT_LE(levels.level(0.9), level <= 16 ? std::max(1, level) : level * 9 / 8) << level;
  }
  LoadLevels levels;
  levels.add(5000, 1, kFirstVote);
  EXPECT_EQ(levels.level(0.9), 1024);
}

TEST(LoadLevels, a_peak_fades_when_other_requests_come_and_not_in_silence) {
  LoadLevels levels;
  levels.add(30, 100, kFirstVote);
  EXPECT_GE(levels.level(0.9), 30);
  levels.add(1, 100, kFirstVote + seconds(10));
  EXPECT_GE(levels.level(0.9), 30);
  levels.add(1, 100, kFirstVote + seconds(40));
  EXPECT_EQ(levels.level(0.9), 1);
}

}  // namespace
}  // namespace marea::decide
