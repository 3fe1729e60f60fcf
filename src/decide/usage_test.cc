#include "decide/usage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/random.h"

namespace marea::decide {
namespace {

using namespace std::chrono_literals;
using model::Bill;
using model::Usage;
using model::UsageAccount;

struct BillCase {
  std::string name;
  UsageAccount account;
  base::Duration billable;
  base::Duration kept_idle;
};

TEST(UsageBill, follows_cloud_runs_rules) {
  const std::vector<BillCase> cases = {
      {"nothing told", {}, 0s, 0s},
      {"a start and requests are in steps already", {.usage = {.alive = 10s, .billed = 1500ms}}, 1500ms, 0s},
      {"what runs now is rounded up", {.usage = {.alive = 10s, .billed = 1510ms}}, 1600ms, 0s},
      {"stopping is a period of its own", {.usage = {.alive = 10s, .billed = 1s, .stopping = 130ms}}, 1200ms, 0s},
      {"an app that never became ready", {.usage = {.alive = 4250ms, .unready = 4250ms}}, 4300ms, 0s},
      {"idle time costs nothing", {.usage = {.alive = 24h, .billed = 100ms}}, 100ms, 0s},
      {"but what the minimum keeps is told", {.usage = {.alive = 1h}, .kept_idle = 30min}, 0s, 30min},
      {"instance-based: the whole life",
       {.usage = {.alive = 3601010ms, .billed = 5s, .whole_life = true}},
       3601100ms,
       0s},
      {"instance-based: nothing is idle", {.usage = {.alive = 1h, .whole_life = true}, .kept_idle = 30min}, 1h, 0s},
  };
  for (const BillCase& each : cases) {
    EXPECT_EQ(bill_of(each.account).billable, each.billable) << each.name;
    EXPECT_EQ(bill_of(each.account).kept_idle, each.kept_idle) << each.name;
  }
}

TEST(UsageBill, multiplies_the_limits_with_the_billable_time) {
  const Bill bill = bill_of({.usage = {.billed = 10s, .memory_limit_bytes = 512LL << 20, .milli_cpu = 2000}});
  EXPECT_EQ(bill.milli_cpu_ms, 20LL * 1000 * 1000);  // 20 vCPU-seconds
  EXPECT_EQ(bill.mebibyte_ms, 5LL * 1024 * 1000);    // 5 GiB-seconds
}

TEST(UsageBill, adds_up_and_keeps_the_highest_peak) {
  const Bill a =
      bill_of({.usage = {.requests = 2, .billed = 1s, .cpu = 3s, .peak_memory_bytes = 5, .milli_cpu = 1000}});
  const Bill b =
      bill_of({.usage = {.requests = 3, .billed = 2s, .cpu = 4s, .peak_memory_bytes = 4, .milli_cpu = 1000}});
  const Bill both = sum(a, b);
  EXPECT_EQ(both.instances, 2U);
  EXPECT_EQ(both.requests, 5U);
  EXPECT_EQ(both.billable, 3s);
  EXPECT_EQ(both.cpu, 7s);
  EXPECT_EQ(both.milli_cpu_ms, 3'000'000);
  EXPECT_EQ(both.peak_memory_bytes, 5);
}

TEST(UsageAccount, idle_time_counts_as_kept_only_while_the_minimum_keeps_it) {
  UsageAccount account;
  account = add(account, {.alive = 10s, .billed = 4s}, true);
  EXPECT_EQ(account.kept_idle, 6s);
  account = add(account, {.alive = 20s, .billed = 5s}, false);
  EXPECT_EQ(account.kept_idle, 6s);
  account = add(account, {.alive = 30s, .billed = 6s}, true);
  EXPECT_EQ(account.kept_idle, 15s);
}

TEST(UsageAccount, idle_time_that_turns_out_to_be_billed_is_kept_no_more) {
  UsageAccount account = add({}, {.alive = 100ms, .billed = 0ms}, true);
  EXPECT_EQ(account.kept_idle, 100ms);
  account = add(account, {.alive = 150ms, .billed = 100ms}, true);
  EXPECT_EQ(account.kept_idle, 50ms);
}

// The life of an instance told as accounts that only grow; then told again in any order, with losses and repetitions.
TEST(UsageAccount, is_the_same_however_often_and_in_whatever_order_it_is_told) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    base::SeededRandom random(seed);
    std::vector<Usage> life(1);
    for (int i = 0; i < 20; ++i) {
      Usage next = life.back();
      next.requests += random.next() % 100;
      next.alive += std::chrono::milliseconds(1000 + random.next() % 1000);
      next.busy += std::chrono::milliseconds(random.next() % 900);
      next.billed += std::chrono::milliseconds(100 * (random.next() % 9));
      next.cpu += std::chrono::milliseconds(random.next() % 500);
      next.peak_memory_bytes += static_cast<std::int64_t>(random.next() % 1000);
      life.push_back(next);
    }
    life.back().stopping = 1s;
    const UsageAccount once = add({}, life.back(), false);
    UsageAccount account;
    for (int told = 0; told < 60; ++told) account = add(account, life.at(random.next() % life.size()), false);
    account = add(account, life.back(), false);
    for (int told = 0; told < 5; ++told) account = add(account, life.at(random.next() % life.size()), false);
    ASSERT_EQ(account, once) << "seed " << seed;
    ASSERT_EQ(bill_of(account), bill_of(once));
  }
}

}  // namespace
}  // namespace marea::decide
