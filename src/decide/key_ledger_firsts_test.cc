#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "decide/key_ledger.h"
#include "decide/key_ledger_told_test.h"

namespace marea::decide {
namespace {

using model::FailureCause;
using model::ReleaseTick;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(KeyLedgerFirsts, a_first_request_that_is_open_when_its_tick_is_told_is_told_again_when_it_has_ended) {
  KeyLedger ledger = ledger_of();
  for (const std::uint64_t key : {7U, 8U, 9U}) admit_key(ledger, 0, key, kCanary);
  settle(ledger, 0, 7, kCanary);
  ledger.advance(kWatermark);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 0/0/0/0/0 | 3/3/0/0/0 2,0,0"));
  settle(ledger, 0, 8, kCanary);
  ledger.advance(kWatermark + 2);
  const std::string tick = std::to_string(kWatermark) + " 1000 | 0/0/0/0/0 | ";
  EXPECT_THAT(told(ledger), ElementsAre(tick + "0/3/0/0/0 0,1,0"));
  admit_key(ledger, kWatermark + 2, 7, kCanary);  // its second request
  settle(ledger, 0, 9, kCanary, FailureCause::client);
  ledger.advance(2 * kWatermark + 2);
  EXPECT_THAT(told(ledger), ElementsAre(std::to_string(kWatermark + 2) + " 1000 | 0/0/0/0/0 | 0/3/0/0/0 0,1,1"));
}

// "number weight: stable's, the canary's"
std::vector<std::string> firsts_of(KeyLedger& ledger) {
  std::vector<std::string> out;
  for (const model::FirstRequests& each : ledger.take_firsts()) {
    out.push_back(std::to_string(each.number) + " " + std::to_string(each.weight) + ": " +
                  std::to_string(each.stable_failed) + ", " + std::to_string(each.canary_failed));
  }
  return out;
}

TEST(KeyLedgerFirsts, first_requests_that_failed_are_told_at_once_though_others_of_their_tick_are_open) {
  KeyLedger ledger = ledger_of();
  for (const std::uint64_t key : {1U, 2U, 3U, 4U}) admit_key(ledger, 0, key, kStable);
  for (const std::uint64_t key : {5U, 6U, 7U}) admit_key(ledger, 0, key, kCanary);
  ledger.advance(1);
  EXPECT_THAT(firsts_of(ledger), IsEmpty());
  settle(ledger, 0, 2, kStable);
  settle(ledger, 0, 3, kStable, FailureCause::app);
  settle(ledger, 0, 4, kStable, FailureCause::client);
  settle(ledger, 0, 5, kCanary);
  settle(ledger, 0, 6, kCanary, FailureCause::app);
  ledger.advance(2);
  EXPECT_THAT(firsts_of(ledger), ElementsAre("2 1000: 1, 1"));
  EXPECT_EQ(ledger.closed(), 0U);
  ledger.advance(3);
  EXPECT_THAT(firsts_of(ledger), IsEmpty()) << "once";
  settle(ledger, 0, 7, kCanary, FailureCause::app);
  ledger.advance(kWatermark + 5);
  settle(ledger, 0, 1, kStable, FailureCause::app);  // late
  ledger.advance(kWatermark + 6);
  EXPECT_THAT(firsts_of(ledger), ElementsAre(std::to_string(kWatermark + 5) + " 1000: 0, 1",
                                             std::to_string(kWatermark + 6) + " 1000: 1, 0"));
}

TEST(KeyLedgerFirsts, a_key_has_one_first_request_which_is_the_one_that_came_first) {
  KeyLedger ledger = ledger_of();
  admit_key(ledger, 0, 1, kStable);  // holds the ticks open
  for (const std::uint64_t tick : {0U, 1U, 4U}) admit_key(ledger, tick, 7, kCanary);
  for (const std::uint64_t tick : {4U, 1U}) settle(ledger, tick, 7, kCanary, FailureCause::app);
  ledger.advance(6);
  EXPECT_THAT(firsts_of(ledger), IsEmpty());
  settle(ledger, 0, 7, kCanary, FailureCause::app);
  settle(ledger, 0, 1, kStable);
  ledger.advance(20);
  EXPECT_THAT(firsts_of(ledger), ElementsAre("20 1000: 0, 1"));
  for (const std::uint64_t key : {1U, 7U, 8U}) {
    admit_key(ledger, 20, key, key == 1 ? kStable : kCanary);
    settle(ledger, 20, key, key == 1 ? kStable : kCanary, FailureCause::app);
  }
  ledger.advance(22);
  EXPECT_THAT(firsts_of(ledger), ElementsAre("22 1000: 0, 1")) << "the others are in the table";
}

TEST(KeyLedgerFirsts, what_came_before_the_weight_changed_is_told_by_its_own_weight_or_not_at_all) {
  KeyLedger ledger = ledger_of();
  for (const std::uint64_t key : {5U, 6U}) admit_key(ledger, 0, key, kCanary);
  settle(ledger, 0, 5, kCanary, FailureCause::app);
  ledger.change(1, 2500, 2);
  settle(ledger, 0, 6, kCanary, FailureCause::app);
  admit_key(ledger, 1, 7, kCanary);
  settle(ledger, 1, 7, kCanary, FailureCause::app);
  ledger.advance(1);
  EXPECT_THAT(firsts_of(ledger), ElementsAre("0 1000: 0, 1", "1 2500: 0, 1"));
}

TEST(KeyLedgerFirsts, first_requests_without_a_key_are_told_too_and_those_of_returning_keys_are_not) {
  KeyLedger ledger = ledger_of();
  for (const FailureCause cause : {FailureCause::app, FailureCause::platform, FailureCause::none}) {
    for (const std::uint32_t bucket : {kCanary, kStable}) {
      ledger.admitted({.tick = 0, .bucket = bucket, .canary = bucket == kCanary});
      ledger.settled({.tick = 0, .bucket = bucket, .canary = bucket == kCanary, .cause = cause});
    }
  }
  ledger.admitted(
      {.tick = 1, .bucket = kCanary, .key = 9, .request = 9, .canary = true, .origin = KeyOrigin::returning});
  ledger.settled({.tick = 1, .bucket = kCanary, .key = 9, .request = 9, .canary = true, .cause = FailureCause::app});
  ledger.admitted({.tick = 1, .bucket = kStable, .key = 8, .request = 8, .canary = true});  // strays
  ledger.settled({.tick = 1, .bucket = kStable, .key = 8, .request = 8, .canary = true, .cause = FailureCause::app});
  ledger.admitted({.tick = 1, .bucket = kStable, .canary = true});
  ledger.settled({.tick = 1, .bucket = kStable, .canary = true, .cause = FailureCause::app});
  ledger.advance(10);
  EXPECT_THAT(firsts_of(ledger), ElementsAre("10 1000: 1, 1"));
}

TEST(KeyLedgerFirsts, requests_and_what_platform_failed_of_them_are_told_with_the_next_tick) {
  KeyLedger ledger = ledger_of();
  admit_key(ledger, 0, 7, kCanary);
  settle(ledger, 0, 7, kCanary);
  for (int i = 0; i < 3; ++i) {  // says nothing new
    admit_key(ledger, 2, 7, kCanary);
    settle(ledger, 2, 7, kCanary);
  }
  admit_key(ledger, 4, 7, kCanary);
  settle(ledger, 4, 7, kCanary, FailureCause::platform);
  ledger.advance(10);
  const std::vector<ReleaseTick> ticks = ledger.take_ticks();
  ASSERT_EQ(ticks.size(), 2U);
  EXPECT_THAT(ticks[0].requests, ElementsAre(0U, 1U));
  EXPECT_THAT(ticks[1].requests, ElementsAre(0U, 4U));
  EXPECT_THAT(ticks[1].platform, ElementsAre(0U, 1U));
}

}  // namespace
}  // namespace marea::decide
