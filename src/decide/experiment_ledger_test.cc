#include "decide/experiment_ledger.h"

#include <gtest/gtest.h>

namespace marea::decide {
namespace {

using model::FailureCause;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint32_t kLoan = 1U;
constexpr std::uint32_t kPaid = 2U;

ExperimentLedger experiment_ledger(ExperimentLedger::Options options = {}) {
  options.conversions = 2;
  options.measures = 1;
  options.window = minutes(30);
  return ExperimentLedger(options);
}

// A request that is over as soon as it has its arm.
void come(ExperimentLedger& ledger, const ExperimentRequest& event, base::Duration now) {
  ledger.enter({.key = event.key, .origin = event.origin, .arm = event.arm, .led = event.led}, now);
  ledger.request(event);
}

TEST(ExperimentLedgerTest, a_key_enters_once_and_converts_once) {
  ExperimentLedger ledger = experiment_ledger();
  for (int i = 0; i < 3; ++i) {
    come(ledger, {.key = 5, .arm = 1, .conversions = kLoan}, seconds(i));
  }
  come(ledger, {.key = 6, .arm = 0}, seconds(4));
  const auto& split = ledger.counts().split;
  EXPECT_EQ(split[1].keys, 1U);
  EXPECT_EQ(split[1].requests, 3U);
  EXPECT_EQ(split[1].converted, (std::vector<std::uint64_t>{1, 0}));
  EXPECT_EQ(split[0].keys, 1U);
  EXPECT_EQ(split[0].converted, (std::vector<std::uint64_t>{0, 0}));
}

TEST(ExperimentLedgerTest, a_rate_counts_who_had_the_whole_window_and_what_came_within_it) {
  ExperimentLedger ledger = experiment_ledger();
  come(ledger, {.key = 1, .arm = 0}, seconds(0));
  come(ledger, {.key = 2, .arm = 0}, minutes(10));
  come(ledger, {.key = 1, .arm = 0, .conversions = kLoan}, minutes(20));
  ledger.advance(minutes(30));
  const model::ArmOutcomes& arm = ledger.counts().split[0];
  EXPECT_EQ(arm.due, 1U);
  EXPECT_EQ(arm.converted_in_due[0], 1U);
  ledger.advance(minutes(40));
  come(ledger, {.key = 2, .arm = 0, .conversions = kLoan}, minutes(50));
  ledger.advance(minutes(200));
  EXPECT_EQ(arm.due, 2U);
  EXPECT_EQ(arm.converted[0], 2U) << "late ones are told";
  EXPECT_EQ(arm.converted_in_due[0], 1U) << "and are no part of the rate";
}

TEST(ExperimentLedgerTest, failures_slowness_and_latency_are_a_keys_once) {
  ExperimentLedger ledger = experiment_ledger();
  come(ledger, {.key = 1, .arm = 0, .cause = FailureCause::app}, seconds(0));
  come(ledger, {.key = 1, .arm = 0, .cause = FailureCause::app}, seconds(1));
  come(ledger, {.key = 2, .arm = 0, .cause = FailureCause::platform}, seconds(1));
  come(ledger, {.key = 2, .arm = 0, .timed = true, .latency = milliseconds(40)}, seconds(2));
  come(ledger, {.key = 2, .arm = 0, .timed = true, .slow = true, .latency = milliseconds(900)}, seconds(3));
  come(ledger, {.key = 2, .arm = 0, .timed = true, .slow = true, .latency = milliseconds(900)}, seconds(4));
  const model::ArmOutcomes& arm = ledger.counts().split[0];
  EXPECT_EQ(arm.failed, 1U) << "platform's failures are nobody's";
  EXPECT_EQ(arm.failures[static_cast<std::size_t>(FailureCause::app)], 2U);
  EXPECT_EQ(arm.failures[static_cast<std::size_t>(FailureCause::platform)], 1U);
  EXPECT_EQ(arm.timed, 1U);
  EXPECT_EQ(arm.slow, 1U);
  EXPECT_EQ(arm.latency.n, 1U);
  EXPECT_EQ(arm.latency.sum, 40U) << "of the first request whose latency counts";
}

TEST(ExperimentLedgerTest, posts_of_known_keys_count_and_those_of_others_do_not) {
  ExperimentLedger ledger = experiment_ledger();
  come(ledger, {.key = 1, .arm = 1}, seconds(0));
  ledger.posted({.key = 1, .conversions = kPaid, .measure = std::nullopt});
  ledger.posted({.key = 1, .conversions = 0, .measure = 0, .value = 2300});
  ledger.posted({.key = 1, .conversions = 0, .measure = 0, .value = 9});
  ledger.posted({.key = 7, .conversions = kPaid, .measure = std::nullopt});
  const model::ArmOutcomes& arm = ledger.counts().split[1];
  EXPECT_EQ(arm.converted[1], 1U);
  EXPECT_EQ(arm.measures[0].n, 1U);
  EXPECT_EQ(arm.measures[0].sum, 2300U);
  EXPECT_EQ(arm.measures[0].sum_of_squares, 2300U * 2300U);
  EXPECT_EQ(ledger.counts().untracked, 1U);
}

TEST(ExperimentLedgerTest, who_is_led_is_counted_apart_and_who_crosses_over_for_nobody) {
  ExperimentLedger ledger = experiment_ledger();
  come(ledger, {.key = 1, .arm = 1, .led = true}, seconds(0));
  come(ledger, {.key = 1, .arm = 0}, seconds(1));
  come(ledger, {.key = 2, .arm = 1}, seconds(2));
  EXPECT_EQ(ledger.counts().led[1].keys, 1U);
  EXPECT_EQ(ledger.counts().split[1].keys, 1U);
  EXPECT_EQ(ledger.counts().split[0].keys, 0U);
  EXPECT_EQ(ledger.counts().crossed, 1U);
}

TEST(ExperimentLedgerTest, a_key_enters_when_it_is_given_its_arm_however_long_that_takes) {
  ExperimentLedger ledger = experiment_ledger();
  ledger.enter({.key = 1, .origin = KeyOrigin::minted, .arm = 1}, seconds(0));
  ledger.enter({.key = 2, .origin = KeyOrigin::minted, .arm = 0}, seconds(0));
  EXPECT_EQ(ledger.counts().split[1].keys, 1U) << "its instance still starts";
  ledger.request({.key = 1, .origin = KeyOrigin::returning, .arm = 1, .conversions = kLoan});
  EXPECT_EQ(ledger.counts().split[1].converted[0], 1U) << "a later request that ended sooner is not lost";
  ledger.request({.key = 1, .origin = KeyOrigin::minted, .arm = 1});
  ledger.advance(minutes(30));
  EXPECT_EQ(ledger.counts().split[1].due, 1U) << "the window began with the assignment";
  EXPECT_EQ(ledger.counts().split[1].requests, 2U);
  EXPECT_EQ(ledger.counts().untracked, 0U);
}

TEST(ExperimentLedgerTest, what_ends_without_having_entered_counts_for_nobody) {
  ExperimentLedger ledger = experiment_ledger();
  EXPECT_FALSE(ledger.knows(1));
  ledger.enter({.key = 1, .origin = KeyOrigin::returning, .arm = 1}, seconds(0));
  ledger.request({.key = 1, .origin = KeyOrigin::returning, .arm = 1});
  ledger.request({.key = 2, .arm = 1});
  EXPECT_EQ(ledger.counts().split[1].keys, 0U);
  EXPECT_EQ(ledger.counts().untracked, 2U);
}

TEST(ExperimentLedgerTest, events_of_an_answer_count_with_its_request_and_those_of_who_crossed_over_for_nobody) {
  ExperimentLedger ledger = experiment_ledger();
  come(ledger, {.key = 1, .arm = 0, .conversions = kPaid, .measured = 1, .values = {700}}, seconds(0));
  EXPECT_EQ(ledger.counts().split[0].converted[1], 1U);
  EXPECT_EQ(ledger.counts().split[0].measures[0].sum, 700U);
  come(ledger, {.key = 2, .arm = 0}, seconds(0));
  come(ledger, {.key = 2, .arm = 1, .led = true}, seconds(1));
  ledger.posted({.key = 2, .conversions = kPaid, .measure = std::nullopt});
  ledger.posted({.key = 2, .conversions = 0, .measure = 0, .value = 9});
  EXPECT_EQ(ledger.counts().split[0].converted[1], 1U) << "which arm led to it nobody knows";
  EXPECT_EQ(ledger.counts().split[0].measures[0].n, 1U);
  EXPECT_EQ(ledger.counts().crossed, 3U);
  come(ledger, {.key = 2, .arm = 0, .conversions = kLoan}, seconds(2));
  EXPECT_EQ(ledger.counts().split[0].converted[0], 1U) << "what it did in its own arm is its own arm's";
}

TEST(ExperimentLedgerTest, nobody_leaves_the_ring_before_his_window_is_over) {
  ExperimentLedger::Options options;
  options.probation = 2;
  ExperimentLedger ledger = experiment_ledger(options);
  for (std::uint64_t key = 1; key <= 4; ++key) {
    come(ledger, {.key = key, .origin = KeyOrigin::minted, .arm = 1}, seconds(0));
  }
  EXPECT_EQ(ledger.counts().split[1].keys, 2U) << "there is room for two, and the others do not count as due";
  EXPECT_EQ(ledger.counts().untracked, 2U);
  come(ledger, {.key = 1, .origin = KeyOrigin::returning, .arm = 1, .conversions = kLoan}, minutes(29));
  ledger.advance(minutes(30));
  EXPECT_EQ(ledger.counts().split[1].due, 2U);
  EXPECT_EQ(ledger.counts().split[1].converted_in_due[0], 1U);
  for (std::uint64_t key = 5; key <= 6; ++key) {
    come(ledger, {.key = key, .origin = KeyOrigin::minted, .arm = 1}, minutes(31));
  }
  EXPECT_EQ(ledger.counts().split[1].keys, 4U);
  come(ledger, {.key = 2, .origin = KeyOrigin::returning, .arm = 1}, minutes(32));
  EXPECT_EQ(ledger.counts().untracked, 3U) << "his window was over, and he left for another one";
}

TEST(ExperimentLedgerTest, a_full_table_loses_no_conversion_of_whom_it_counts) {
  ExperimentLedger::Options options;
  options.key_bytes = 1;  // the fewest places
  ExperimentLedger ledger = experiment_ledger(options);
  const std::uint64_t room = KeyTable(1).room();
  for (std::uint64_t key = 1; key <= 2 * room; ++key) {
    come(ledger, {.key = key, .origin = KeyOrigin::minted, .arm = 0}, seconds(0));
  }
  for (std::uint64_t key = 1; key <= 2 * room; ++key) {
    come(ledger, {.key = key, .origin = KeyOrigin::returning, .arm = 0, .conversions = kLoan}, seconds(1));
  }
  ledger.advance(minutes(30));
  const model::ArmOutcomes& arm = ledger.counts().split[0];
  EXPECT_EQ(arm.keys, room);
  EXPECT_EQ(arm.due, room);
  EXPECT_EQ(arm.converted_in_due[0], room);
  EXPECT_EQ(ledger.counts().untracked, 2 * room);
  // Who comes later finds no room, and spoils nothing.
  come(ledger, {.key = 9999, .origin = KeyOrigin::minted, .arm = 0}, minutes(31));
  EXPECT_EQ(arm.keys, room);
}

TEST(ExperimentLedgerTest, whom_a_segment_leads_is_told_by_segment_too) {
  ExperimentLedger::Options options;
  options.segments = {0, 2};
  ExperimentLedger ledger = experiment_ledger(options);
  const auto led = [&](std::uint64_t key, std::uint8_t segment) {
    ledger.enter({.key = key, .arm = 1, .led = true, .segment = segment}, seconds(0));
    ledger.request({.key = key, .arm = 1, .led = true, .cause = FailureCause::app, .conversions = kPaid});
  };
  led(1, 1);
  led(2, 2);
  led(2, 1);  // keeps the segment of his first request
  led(3, 0);  // an allow-list
  led(4, 3);  // there is none
  const auto& counts = ledger.counts();
  EXPECT_EQ(counts.led[1].keys, 4U);
  ASSERT_EQ(counts.segments[1].size(), 2U);
  for (const model::SegmentOutcomes& each : counts.segments[1]) {
    EXPECT_EQ(each.keys, 1U);
    EXPECT_EQ(each.failed, 1U);
    EXPECT_EQ(each.converted, (std::vector<std::uint64_t>{0, 1}));
  }
  EXPECT_TRUE(counts.segments[0].empty());
}

TEST(ExperimentLedgerTest, an_arm_that_is_none_has_no_keys) {
  ExperimentLedger ledger = experiment_ledger();
  come(ledger, {.key = 9, .arm = 3}, seconds(0));
  EXPECT_FALSE(ledger.knows(9));
  EXPECT_EQ(ledger.counts().untracked, 0U);
}

}  // namespace
}  // namespace marea::decide
