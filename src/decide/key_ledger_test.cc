#include "decide/key_ledger.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "decide/key_ledger_told_test.h"
#include "decide/latency_bucket.h"
#include "decide/split.h"

namespace marea::decide {
namespace {

using model::ArmCounts;
using model::FailureCause;
using model::ReleaseTick;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(KeyLedger, a_key_enters_once_and_fails_once) {
  KeyLedger ledger = ledger_of();
  for (const std::uint64_t tick : {0U, 1U, 3U, 4U}) {
    admit_key(ledger, tick, 7, kCanary);
    settle(ledger, tick, 7, kCanary, tick >= 3 ? FailureCause::app : FailureCause::none);
  }
  admit_key(ledger, 1, 8, kStable);
  settle(ledger, 1, 8, kStable);
  ledger.advance(10);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 0/0/0/0/0 | 1/1/0/0/0", "1 1000 | 1/1/0/0/0 | 0/1/0/0/0",
                                        "3 1000 | 0/1/0/0/0 | 0/1/1/0/0"));
  EXPECT_EQ(ledger.closed(), 9U);
  EXPECT_EQ(ledger.totals(true).requests, 4U);
  EXPECT_EQ(ledger.totals(true).failures[static_cast<std::size_t>(FailureCause::app)], 2U);
  admit_key(ledger, 10, 9, kStable);
  settle(ledger, 10, 9, kStable);
  ledger.advance(12);
  EXPECT_THAT(told(ledger), ElementsAre("10 1000 | 1/2/0/0/0 | 0/0/0/0/0")) << "the failed key is at risk no more";
}

TEST(KeyLedger, other_causes_leave_a_key_at_risk_and_are_counted_as_such) {
  KeyLedger ledger = ledger_of();
  for (const FailureCause cause : {FailureCause::platform, FailureCause::upstream, FailureCause::client}) {
    admit_key(ledger, 0, 7, kCanary);
    settle(ledger, 0, 7, kCanary, cause);
  }
  admit_key(ledger, 1, 8, kCanary);
  settle(ledger, 1, 8, kCanary);
  ledger.advance(3);
  EXPECT_THAT(told(ledger),
              ElementsAre("0 1000 | 0/0/0/0/0 | 1/1/0/0/0 0,0,1 | platform 0,1", "1 1000 | 0/0/0/0/0 | 1/2/0/0/0"));
  EXPECT_THAT(ledger.totals(true).failures, ElementsAre(0U, 0U, 1U, 1U, 1U));
}

TEST(KeyLedger, a_tick_waits_for_its_requests_and_ticks_are_told_in_order) {
  KeyLedger ledger = ledger_of();
  admit_key(ledger, 0, 7, kCanary);
  admit_key(ledger, 1, 8, kStable);
  settle(ledger, 1, 8, kStable);
  ledger.advance(50);
  EXPECT_THAT(told(ledger), IsEmpty());
  EXPECT_EQ(ledger.open(), 1U);
  settle(ledger, 0, 7, kCanary, FailureCause::app);
  ledger.advance(50);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 0/0/0/0/0 | 1/1/1/0/0", "1 1000 | 1/1/0/0/0 | 0/0/0/0/0"));
  EXPECT_EQ(ledger.open(), 0U);
}

TEST(KeyLedger, the_tick_that_runs_and_the_one_before_stay_open) {
  KeyLedger ledger = ledger_of();
  admit_key(ledger, 4, 7, kCanary);
  settle(ledger, 4, 7, kCanary);
  ledger.advance(5);
  EXPECT_EQ(ledger.closed(), 4U);
  ledger.advance(6);
  EXPECT_EQ(ledger.closed(), 5U);
}

TEST(KeyLedger, beyond_the_watermark_an_outcome_counts_when_it_is_told) {
  KeyLedger ledger = ledger_of();
  admit_key(ledger, 0, 7, kCanary);
  ledger.advance(kWatermark - 1);
  EXPECT_EQ(ledger.closed(), 0U);
  ledger.advance(kWatermark);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 0/0/0/0/0 | 1/1/0/0/0 1,0,0"));
  settle(ledger, 0, 7, kCanary, FailureCause::app);
  ledger.advance(kWatermark + 2);
  EXPECT_THAT(told(ledger), ElementsAre(std::to_string(kWatermark) + " 1000 | 0/0/0/0/0 | 0/1/1/0/0 0,1,0"));
  EXPECT_EQ(ledger.totals(true).late, 1U);
}

TEST(KeyLedger, who_is_admitted_after_his_tick_was_closed_enters_in_the_oldest_open_one) {
  KeyLedger ledger = ledger_of();
  ledger.advance(10);
  admit_key(ledger, 3, 7, kCanary);
  EXPECT_EQ(ledger.open(), 0U);
  settle(ledger, 3, 7, kCanary, FailureCause::app);
  ledger.advance(12);
  EXPECT_THAT(told(ledger),
              ElementsAre("9 1000 | 0/0/0/0/0 | 1/1/0/0/0 1,0,0", "10 1000 | 0/0/0/0/0 | 0/1/1/0/0 0,1,0"));
}

TEST(KeyLedger, keys_change_arm_with_the_weight_and_what_the_old_arm_did_to_them_is_nobodys) {
  KeyLedger ledger = ledger_of(500);
  const auto at = [&](std::uint64_t tick, std::uint64_t key, std::uint32_t bucket, bool canary, FailureCause cause) {
    ledger.admitted({.tick = tick, .bucket = bucket, .key = key, .request = key, .canary = canary});
    ledger.settled({.tick = tick, .bucket = bucket, .key = key, .request = key, .canary = canary, .cause = cause});
  };
  at(0, 1, 100, true, FailureCause::none);
  at(0, 2, 2000, false, FailureCause::none);
  at(0, 3, 2001, false, FailureCause::app);
  at(0, 4, 9000, false, FailureCause::none);
  ledger.admitted({.tick = 0, .bucket = 2000, .key = 2, .request = 6});  // ends after the change, and late
  ledger.change(2, 2500, 2);
  ledger.advance(kWatermark + 2);
  ledger.settled({.tick = 0, .bucket = 2000, .key = 2, .request = 6, .cause = FailureCause::app});
  at(kWatermark + 2, 5, 300, true, FailureCause::none);
  ledger.advance(kWatermark + 4);
  EXPECT_THAT(told(ledger), ElementsAre("0 500 | 3/3/1/0/0 | 1/1/0/0/0",
                                        std::to_string(kWatermark + 2) + " 2500 | 0/1/0/0/0 | 1/3/0/0/0"));
  EXPECT_EQ(ledger.step(), 2U);
}

TEST(KeyLedger, whom_the_other_arm_served_while_the_weight_changed_is_untracked) {
  KeyLedger ledger = ledger_of(500);
  ledger.admitted({.tick = 0, .bucket = 700, .key = 1, .canary = true});  // a worker that has the next weight already
  ledger.settled({.tick = 0, .bucket = 700, .key = 1, .canary = true, .cause = FailureCause::app});
  ledger.admitted({.tick = 0, .bucket = 700, .key = 0, .canary = true});
  ledger.settled({.tick = 0, .bucket = 700, .key = 0, .canary = true, .cause = FailureCause::app});
  ledger.advance(5);
  EXPECT_THAT(told(ledger), IsEmpty());
  EXPECT_EQ(ledger.totals(true).requests, 2U);
  EXPECT_EQ(ledger.totals(true).untracked, 2U);
  EXPECT_EQ(ledger.keys(), 0U);
}

TEST(KeyLedger, without_a_key_each_request_is_at_risk_where_its_outcome_counts) {
  KeyLedger ledger = ledger_of();
  admit_key(ledger, 0, 0, kCanary);
  settle(ledger, 0, 0, kCanary, FailureCause::app);
  admit_key(ledger, 0, 0, kStable);
  settle(ledger, 0, 0, kStable);
  admit_key(ledger, 0, 0, kStable);
  settle(ledger, 0, 0, kStable, FailureCause::client);
  admit_key(ledger, 0, 0, kCanary);  // ends late
  ledger.advance(kWatermark);
  settle(ledger, 0, 0, kCanary, FailureCause::app);
  ledger.advance(kWatermark + 2);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 0/0/0/0/0 | 0/0/0/0/0 | keyless 2/1/0/0/0 0,0,1 | 2/1/1/0/0 1,0,0",
                                        std::to_string(kWatermark) +
                                            " 1000 | 0/0/0/0/0 | 0/0/0/0/0 | keyless 0/0/0/0/0 | 0/1/1/0/0 0,1,0"));
}

TEST(KeyLedger, a_key_is_slow_once_and_only_of_requests_whose_latency_counts) {
  KeyLedger ledger = ledger_of();
  const auto at = [&](std::uint64_t tick, bool judged, bool slow) {
    admit_key(ledger, tick, 7, kCanary);
    ledger.settled({.tick = tick,
                    .key = 7,
                    .request = tick * 1000 + 7,
                    .canary = true,
                    .cold = !judged,
                    .judged = judged,
                    .slow = slow});
  };
  at(0, false, true);
  at(1, true, false);
  at(2, true, true);
  at(3, true, true);
  ledger.advance(5);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 0/0/0/0/0 | 1/1/0/0/0", "1 1000 | 0/0/0/0/0 | 0/1/0/1/0/1",
                                        "2 1000 | 0/0/0/0/0 | 0/1/0/1/1"));
  EXPECT_EQ(ledger.totals(true).cold, 1U);
}

TEST(KeyLedger, the_shape_has_one_latency_of_a_key_and_step_the_first) {
  KeyLedger ledger = ledger_of();
  std::uint64_t request = 0;
  const auto at = [&](std::uint64_t tick, std::uint64_t key, milliseconds latency, FailureCause cause) {
    ledger.admitted({.tick = tick, .bucket = kCanary, .key = key, .request = ++request, .canary = true});
    ledger.settled({.tick = tick,
                    .key = key,
                    .request = request,
                    .canary = true,
                    .cause = cause,
                    .judged = true,
                    .slow = true,
                    .latency = latency});
  };
  const auto observed = [&] {
    std::map<std::size_t, std::uint32_t> out;
    for (std::size_t i = 0; i < model::kLatencyBuckets; ++i) {
      if (const std::uint32_t count = ledger.shape(true).buckets[i]; count > 0) out[i] = count;
    }
    return out;
  };
  at(0, 7, milliseconds(20), FailureCause::none);
  at(0, 7, milliseconds(1), FailureCause::none);
  at(0, 9, milliseconds(900), FailureCause::client);  // left: how long it would have taken is not known
  at(0, 9, milliseconds(1), FailureCause::none);
  at(0, 8, milliseconds(20), FailureCause::none);
  ledger.advance(4);
  EXPECT_THAT(observed(), ElementsAre(std::pair(latency_bucket(milliseconds(20)), 2U)));
  ledger.change(5, 1000, 2);
  at(5, 7, milliseconds(1), FailureCause::none);
  ledger.advance(8);
  EXPECT_THAT(observed(), ElementsAre(std::pair(latency_bucket(milliseconds(1)), 1U)));
}

TEST(KeyLedger, keys_beyond_its_memory_are_untracked_and_none_is_forgotten) {
  KeyLedger ledger({.weight = 1000, .key_bytes = 2048 * KeyTable::kKeyBytes});
  constexpr std::uint64_t kRoom = 2048 / 4 * 3;
  for (std::uint64_t key = 1; key <= kRoom + 100; ++key) {
    admit_key(ledger, 0, key, kStable);
    settle(ledger, 0, key, kStable);
  }
  ledger.advance(2);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 1536/1536/0/0/0 | 0/0/0/0/0"));
  EXPECT_EQ(ledger.totals(false).requests, kRoom + 100);
  EXPECT_EQ(ledger.totals(false).untracked, 100U);
  for (const std::uint64_t key : {std::uint64_t{1}, kRoom, kRoom + 1}) {
    admit_key(ledger, 3, key, kStable);
    settle(ledger, 3, key, kStable, FailureCause::app);
  }
  ledger.advance(5);
  EXPECT_THAT(told(ledger), ElementsAre("3 1000 | 0/1536/2/0/0 | 0/0/0/0/0"));
}

TEST(KeyLedger, of_what_it_has_room_for_no_outcome_is_lost_and_the_rest_is_untracked) {
  KeyLedger ledger({.weight = 1000, .most_items = 6});
  for (std::uint64_t key = 1; key <= 5; ++key) {
    ledger.admitted({.tick = 0, .bucket = kStable, .key = key, .request = key});
  }
  for (std::uint64_t key = 5; key >= 1; --key) {
    ledger.settled({.tick = 0, .bucket = kStable, .key = key, .request = key, .cause = FailureCause::app});
  }
  ledger.advance(2);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 3/3/3/0/0 | 0/0/0/0/0"));
  EXPECT_EQ(ledger.totals(false).untracked, 2U);
  EXPECT_EQ(ledger.totals(false).failures[1], 5U);
  for (std::uint64_t key = 6; key <= 8; ++key) {
    ledger.admitted({.tick = 3, .bucket = kStable, .key = key, .request = key});
    ledger.settled({.tick = 3, .bucket = kStable, .key = key, .request = key});
  }
  ledger.advance(5);
  EXPECT_THAT(told(ledger), ElementsAre("3 1000 | 3/3/0/0/0 | 0/0/0/0/0")) << "all places are free again";
}

TEST(KeyLedger, an_outcome_that_comes_late_has_its_place_still) {
  KeyLedger ledger({.weight = 1000, .most_items = 2});
  ledger.admitted({.tick = 0, .bucket = kStable, .key = 1, .request = 1});
  ledger.advance(kWatermark);
  ledger.admitted({.tick = kWatermark, .bucket = kStable, .key = 2, .request = 2});
  EXPECT_EQ(ledger.totals(false).untracked, 1U);
  ledger.settled({.tick = 0, .bucket = kStable, .key = 1, .request = 1, .cause = FailureCause::app});
  ledger.settled({.tick = kWatermark, .bucket = kStable, .key = 2, .request = 2});
  ledger.advance(kWatermark + 2);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 1/1/0/0/0 1,0,0 | 0/0/0/0/0",
                                        std::to_string(kWatermark) + " 1000 | 0/1/1/0/0 0,1,0 | 0/0/0/0/0"));
}

// A ledger with four places on probation.
class Probation : public testing::Test {
 protected:
  void serve(std::uint64_t tick, std::uint64_t key, KeyOrigin origin, std::uint32_t bucket = kStable,
             FailureCause cause = FailureCause::none, bool judged = false) {
    const bool canary = bucket < 1000;
    ledger.admitted(
        {.tick = tick, .bucket = bucket, .key = key, .request = ++requests, .canary = canary, .origin = origin});
    ledger.settled({.tick = tick,
                    .bucket = bucket,
                    .key = key,
                    .request = requests,
                    .canary = canary,
                    .cause = cause,
                    .judged = judged});
  }
  void mint(std::uint64_t tick, std::uint64_t from, std::uint64_t until) {
    for (std::uint64_t key = from; key <= until; ++key) serve(tick, key, KeyOrigin::minted);
  }
  KeyLedger ledger{{.weight = 1000, .step = 1, .probation = 4}};
  std::uint64_t requests = 0;
};

TEST_F(Probation, a_minted_key_enters_at_once_and_is_followed_for_good_once_it_comes_back) {
  serve(0, 1, KeyOrigin::minted, kCanary);
  serve(0, 2, KeyOrigin::minted, kCanary, FailureCause::app);
  serve(1, 1, KeyOrigin::returning, kCanary);
  serve(1, 2, KeyOrigin::returning, kCanary);
  ledger.advance(3);
  EXPECT_EQ(ledger.keys(), 2U);
  EXPECT_EQ(ledger.on_probation(), 0U);
  mint(3, 11, 13);
  mint(4, 14, 16);
  serve(5, 1, KeyOrigin::returning, kCanary, FailureCause::app);
  serve(5, 2, KeyOrigin::returning, kCanary, FailureCause::app);
  ledger.advance(7);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 0/0/0/0/0 | 2/2/1/0/0", "3 1000 | 3/3/0/0/0 | 0/1/0/0/0",
                                        "4 1000 | 3/4/0/0/0 | 0/1/0/0/0", "5 1000 | 0/4/0/0/0 | 0/1/1/0/0"))
      << "what is known of a key goes with it";
}

TEST_F(Probation, one_that_does_not_come_back_leaves_those_at_risk_and_does_not_enter_again) {
  serve(0, 1, KeyOrigin::minted, kCanary, FailureCause::none, true);
  serve(0, 2, KeyOrigin::minted, kCanary, FailureCause::app);
  mint(1, 11, 12);
  mint(2, 13, 14);
  ledger.advance(4);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 0/0/0/0/0 | 2/2/1/1/0/1", "1 1000 | 2/2/0/0/0 | 0/1/0/1/0",
                                        "2 1000 | 2/4/0/0/0 | 0/0/0/0/0"));
  EXPECT_EQ(ledger.keys(), 0U);
  EXPECT_EQ(ledger.on_probation(), 4U);
  serve(4, 1, KeyOrigin::returning, kCanary, FailureCause::app);
  ledger.advance(6);
  EXPECT_THAT(told(ledger), IsEmpty());
  EXPECT_EQ(ledger.totals(true).untracked, 1U);
  EXPECT_EQ(ledger.totals(true).failures[1], 2U);
}

TEST_F(Probation, more_in_one_tick_than_there_are_places_are_untracked) {
  mint(0, 1, 6);
  ledger.advance(2);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 4/4/0/0/0 | 0/0/0/0/0"));
  EXPECT_EQ(ledger.totals(false).untracked, 2U);
}

TEST_F(Probation, a_key_may_come_back_before_its_first_request_was_told) {
  serve(0, 1, KeyOrigin::returning);
  serve(0, 1, KeyOrigin::minted);
  ledger.advance(2);
  EXPECT_THAT(told(ledger), ElementsAre("0 1000 | 1/1/0/0/0 | 0/0/0/0/0"));
  EXPECT_EQ(ledger.keys(), 1U);
}

TEST(KeyLedger, the_shape_takes_the_first_request_that_came_not_the_first_that_ended) {
  KeyLedger ledger = ledger_of();
  for (const std::uint64_t request : {1U, 2U}) {
    ledger.admitted({.tick = 0, .bucket = kCanary, .key = 7, .request = request, .canary = true});
  }
  const auto end = [&](std::uint64_t request, milliseconds latency) {
    ledger.settled({.tick = 0, .key = 7, .request = request, .canary = true, .judged = true, .latency = latency});
  };
  end(2, milliseconds(1));
  ledger.advance(kWatermark);
  end(1, milliseconds(2000));  // late
  ledger.advance(kWatermark + 2);
  const std::vector<std::uint32_t>& shape = ledger.shape(true).buckets;
  EXPECT_EQ(shape[latency_bucket(milliseconds(2000))], 1U);
  EXPECT_EQ(shape[latency_bucket(milliseconds(1))], 0U);
}

TEST(KeyLedger, what_is_told_before_ticks_are_closed_counts_in_its_own_however_late_it_is_told) {
  KeyLedger ledger = ledger_of();
  ledger.running(500);
  admit_key(ledger, 3, 7, kCanary);
  settle(ledger, 3, 7, kCanary, FailureCause::app);
  ledger.advance(500);
  EXPECT_THAT(told(ledger), ElementsAre("3 1000 | 0/0/0/0/0 | 1/1/1/0/0"));
  EXPECT_EQ(ledger.totals(true).late, 0U);
}

TEST(KeyLedger, a_pause_of_days_is_one_step_and_the_next_step_of_the_ladder_begins_in_it) {
  KeyLedger ledger = ledger_of();
  ledger.change(10, 2500, 2);
  ledger.advance(std::uint64_t{1} << 40U);
  EXPECT_EQ(ledger.closed(), (std::uint64_t{1} << 40U) - 1);
  EXPECT_EQ(ledger.step(), 2U);
}

// What the header says, without a thought of cost: every tick anew from lists of what happened.
class NaiveLedger {
 public:
  NaiveLedger(std::uint32_t weight, std::size_t probation) : probation_(probation) { weights_[0] = weight; }
  void change(std::uint64_t from, std::uint32_t weight) { weights_[std::max(from, closed_)] = weight; }
  void admitted(const Admission& event) {
    entries_[std::max(event.tick, closed_)].push_back(event);
    if (event.tick >= closed_) ++open_[event.tick];
  }
  void settled(const Settlement& event) {
    const bool late = event.tick < closed_;
    if (!late) --open_[event.tick];
    outcomes_[late ? std::max(now_, closed_) : event.tick].push_back({event, late});
  }
  void running(std::uint64_t now) { now_ = std::max(now_, now); }
  void advance(std::uint64_t now) {
    running(now);
    while (closed_ + 1 < now_ && (open_[closed_] == 0 || closed_ + kWatermark <= now_)) close();
  }
  std::vector<std::string> rows;

 private:
  struct Key {
    std::uint32_t bucket = 0;
    bool failed = false;
    bool judged = false;
    bool slow = false;
    bool gone = false;
    std::size_t minted = 0;  // the how manieth; 0: it has come back, or was not minted
  };
  // Whether it enters.
  bool comes(const Admission& each) {
    if (const auto known = keys_.find(each.key); known != keys_.end()) {
      if (each.origin != KeyOrigin::minted && !known->second.gone) known->second.minted = 0;
      return false;
    }
    if (each.origin == KeyOrigin::returning) return false;
    if (each.origin == KeyOrigin::minted) {
      const std::size_t number = ++mints_;
      for (auto& [name, key] : keys_) key.gone = key.gone || (key.minted != 0 && key.minted + probation_ <= number);
      keys_[each.key].minted = number;
    }
    keys_[each.key].bucket = each.bucket;
    return true;
  }
  void close() {
    const std::uint64_t tick = closed_++;
    const std::uint32_t weight = std::prev(weights_.upper_bound(tick))->second;
    ReleaseTick row{.number = tick, .weight = weight};
    const auto arm = [&](model::StratumCounts& stratum, bool canary) -> ArmCounts& {
      return canary ? stratum.canary : stratum.stable;
    };
    std::ranges::stable_partition(entries_[tick],
                                  [](const Admission& each) { return each.origin == KeyOrigin::minted; });
    for (const Admission& each : entries_[tick]) {
      if (each.canary != (each.bucket < weight)) continue;
      if (each.key != 0 && !comes(each)) continue;
      ArmCounts& counts = arm(each.key == 0 ? row.keyless : row.keyed, each.canary);
      ++counts.entered;
      ++counts.open;
      if (each.key != 0) firsts_.insert(each.request);
    }
    for (const auto& [each, late] : outcomes_[tick]) {
      row.platform.at(each.canary ? 1 : 0) += each.cause == FailureCause::platform ? 1 : 0;
      if (each.key == 0 ? !late && each.canary != (each.bucket < weight) : firsts_.erase(each.request) == 0) continue;
      ArmCounts& counts = arm(each.key == 0 ? row.keyless : row.keyed, each.canary);
      counts.gone += each.cause != FailureCause::none && each.cause != FailureCause::app ? 1 : 0;
      counts.ended += late ? 1 : 0;
      counts.open -= late || counts.open == 0 ? 0 : 1;
    }
    for (const auto& [each, late] : outcomes_[tick]) {
      if (each.key != 0 || (!late && each.canary != (each.bucket < weight))) continue;
      ArmCounts& counts = arm(row.keyless, each.canary);
      counts.at_risk += each.cause == FailureCause::none || each.cause == FailureCause::app ? 1 : 0;
      counts.failed += each.cause == FailureCause::app ? 1 : 0;
      counts.at_risk_slow += each.judged ? 1 : 0;
      counts.timed += each.judged ? 1 : 0;
      counts.slow += each.judged && each.slow ? 1 : 0;
    }
    for (auto& [name, key] : keys_) {
      if (key.gone) continue;
      const bool canary = key.bucket < weight;
      ArmCounts& counts = arm(row.keyed, canary);
      const bool timed = key.judged;
      bool fails = false;
      bool slows = false;
      for (const auto& [each, late] : outcomes_[tick]) {
        if (each.key != name || each.canary != canary) continue;
        fails = fails || each.cause == FailureCause::app;
        key.judged = key.judged || each.judged;
        slows = slows || (each.judged && each.slow);
      }
      counts.at_risk += key.failed ? 0 : 1;
      counts.failed += fails && !key.failed ? 1 : 0;
      counts.at_risk_slow += key.judged && !key.slow ? 1 : 0;
      counts.slow += slows && !key.slow ? 1 : 0;
      counts.timed += key.judged && !timed ? 1 : 0;
      key.failed = key.failed || fails;
      key.slow = key.slow || slows;
    }
    const auto says = [](const ArmCounts& each) {
      return each.entered + each.failed + each.slow + each.timed + each.ended + each.gone > 0;
    };
    if (says(row.keyed.stable) || says(row.keyed.canary) || says(row.keyless.stable) || says(row.keyless.canary) ||
        row.platform[0] + row.platform[1] > 0) {
      rows.push_back(text_of(row));
    }
  }

  std::size_t probation_;
  std::size_t mints_ = 0;
  std::uint64_t now_ = 0;
  std::uint64_t closed_ = 0;
  std::map<std::uint64_t, std::uint32_t> weights_;
  std::map<std::uint64_t, std::vector<Admission>> entries_;
  std::map<std::uint64_t, std::vector<std::pair<Settlement, bool>>> outcomes_;
  std::map<std::uint64_t, int> open_;
  std::map<std::uint64_t, Key> keys_;
  std::set<std::uint64_t> firsts_;  // requests
};

void tell(const Admission& event, KeyLedger& ledger, NaiveLedger& naive) {
  ledger.admitted(event);
  naive.admitted(event);
}
void tell(const Settlement& event, KeyLedger& ledger, NaiveLedger& naive) {
  ledger.settled(event);
  naive.settled(event);
}

// Few keys, much of everything: forty worlds, each told to both, as router tells: what has gathered since the last
// look.
TEST(KeyLedger, tells_what_a_naive_one_tells) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    base::SeededRandom random(seed);
    const auto below = [&](std::uint64_t most) { return random.next() % most; };
    const Split split("r" + std::to_string(seed));
    std::uint32_t weight = 500;
    constexpr std::size_t kPlaces = 32;
    KeyLedger ledger({.weight = weight, .step = 1, .probation = kPlaces});
    NaiveLedger naive(weight, kPlaces);
    std::vector<Settlement> open;
    std::vector<std::variant<Admission, Settlement>> lane;
    std::uint64_t requests = 0;
    std::uint64_t minted = 1000;  // the last one
    std::vector<std::string> rows;
    for (std::uint64_t tick = 0; tick < 600; ++tick) {
      for (std::uint64_t n = below(6); n > 0; --n) {
        std::uint64_t key = below(4) == 0 ? 0 : 1 + below(60);
        KeyOrigin origin = KeyOrigin::elsewhere;
        if (key > 40) {
          const bool anew = below(2) == 0 || minted == 1000;
          key = anew ? ++minted : minted - below(std::min<std::uint64_t>(minted - 1000, 60));
          origin = anew ? KeyOrigin::minted : KeyOrigin::returning;
        }
        const std::uint32_t bucket =
            key == 0 ? static_cast<std::uint32_t>(below(kBuckets)) : split.bucket(std::to_string(key));
        const bool stray = below(50) == 0;
        // Told by a worker that lags behind, now and then for long.
        const std::uint64_t lag = below(200) == 0 ? below(200) : below(2);
        const Admission event{.tick = tick - std::min(tick, lag),
                              .bucket = bucket,
                              .key = key,
                              .request = ++requests,
                              .canary = (bucket < weight) != stray,
                              .origin = origin};
        lane.emplace_back(event);
        open.push_back({.tick = event.tick, .bucket = bucket, .key = key, .request = requests, .canary = event.canary});
      }
      std::erase_if(open, [&](Settlement& each) {
        if (below(each.key % 7 == 3 ? 150 : 4) != 0) return false;
        each.cause = below(5) == 0 ? static_cast<FailureCause>(below(5)) : FailureCause::none;
        each.judged = below(3) != 0;
        each.slow = below(4) == 0;
        lane.emplace_back(each);
        return true;
      });
      if (below(100) == 0) {
        weight = static_cast<std::uint32_t>(below(kBuckets + 1));
        ledger.change(tick + 1, weight, 1);
        naive.change(tick + 1, weight);
      }
      if (below(10) == 0) continue;  // the loop was busy
      ledger.running(tick);
      naive.running(tick);
      for (const auto& event : std::exchange(lane, {})) {
        std::visit([&](const auto& each) { tell(each, ledger, naive); }, event);
      }
      ledger.advance(tick);
      naive.advance(tick);
      for (std::string& row : told(ledger)) rows.push_back(std::move(row));
    }
    ASSERT_GT(rows.size(), 100U);
    ASSERT_EQ(rows, naive.rows) << "seed " << seed;
  }
}

}  // namespace
}  // namespace marea::decide
