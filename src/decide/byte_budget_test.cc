#include "decide/byte_budget.h"

#include <gtest/gtest.h>

namespace marea::decide {
namespace {

using namespace std::chrono_literals;

TEST(ByteBudget, a_burst_is_open_at_once_and_debt_closes_it) {
  ByteBudget budget(1000);
  EXPECT_TRUE(budget.open(base::Instant(1s)));
  budget.spend(1999);
  EXPECT_TRUE(budget.open(base::Instant(1s)));
  budget.spend(501);
  EXPECT_FALSE(budget.open(base::Instant(1s)));
  EXPECT_FALSE(budget.open(base::Instant(1500ms))) << "half a second pays the debt of 500 and no more";
  EXPECT_TRUE(budget.open(base::Instant(1501ms)));
}

TEST(ByteBudget, over_a_long_time_the_rate_holds) {
  ByteBudget budget(1000);
  std::int64_t taken = 0;
  for (base::Duration at = 0s; at < 100s; at += 10ms) {
    if (!budget.open(base::Instant(1s + at))) continue;
    budget.spend(300);
    taken += 300;
  }
  EXPECT_GE(taken, 100'000);
  EXPECT_LE(taken, 100'000 + 2000 + 300);
}

TEST(ByteBudget, a_long_rest_gives_one_burst) {
  ByteBudget budget(1LL << 30);
  EXPECT_TRUE(budget.open(base::Instant(1s)));
  budget.spend(100LL << 30);
  EXPECT_TRUE(budget.open(base::Instant(24h * 3650)));
  budget.spend(2LL << 30);
  EXPECT_FALSE(budget.open(base::Instant(24h * 3650)));
}

}  // namespace
}  // namespace marea::decide
