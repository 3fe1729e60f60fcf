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

TEST(ExperimentLedgerTest, a_key_enters_once_and_converts_once) {
  ExperimentLedger ledger = experiment_ledger();
  for (int i = 0; i < 3; ++i) {
    ledger.request({.key = 5, .arm = 1, .conversions = kLoan}, seconds(i));
  }
  ledger.request({.key = 6, .arm = 0}, seconds(4));
  const auto& split = ledger.counts().split;
  EXPECT_EQ(split[1].keys, 1U);
  EXPECT_EQ(split[1].requests, 3U);
  EXPECT_EQ(split[1].converted, (std::vector<std::uint64_t>{1, 0}));
  EXPECT_EQ(split[0].keys, 1U);
  EXPECT_EQ(split[0].converted, (std::vector<std::uint64_t>{0, 0}));
}

TEST(ExperimentLedgerTest, a_rate_counts_who_had_the_whole_window_and_what_came_within_it) {
  ExperimentLedger ledger = experiment_ledger();
  ledger.request({.key = 1, .arm = 0}, seconds(0));
  ledger.request({.key = 2, .arm = 0}, minutes(10));
  ledger.request({.key = 1, .arm = 0, .conversions = kLoan}, minutes(20));
  ledger.advance(minutes(30));
  const model::ArmOutcomes& arm = ledger.counts().split[0];
  EXPECT_EQ(arm.due, 1U);
  EXPECT_EQ(arm.converted_in_due[0], 1U);
  ledger.advance(minutes(40));
  ledger.request({.key = 2, .arm = 0, .conversions = kLoan}, minutes(50));
  ledger.advance(minutes(200));
  EXPECT_EQ(arm.due, 2U);
  EXPECT_EQ(arm.converted[0], 2U) << "late ones are told";
  EXPECT_EQ(arm.converted_in_due[0], 1U) << "and are no part of the rate";
}

TEST(ExperimentLedgerTest, failures_slowness_and_latency_are_a_keys_once) {
  ExperimentLedger ledger = experiment_ledger();
  ledger.request({.key = 1, .arm = 0, .cause = FailureCause::app}, seconds(0));
  ledger.request({.key = 1, .arm = 0, .cause = FailureCause::app}, seconds(1));
  ledger.request({.key = 2, .arm = 0, .cause = FailureCause::platform}, seconds(1));
  ledger.request({.key = 2, .arm = 0, .timed = true, .latency = milliseconds(40)}, seconds(2));
  ledger.request({.key = 2, .arm = 0, .timed = true, .slow = true, .latency = milliseconds(900)}, seconds(3));
  ledger.request({.key = 2, .arm = 0, .timed = true, .slow = true, .latency = milliseconds(900)}, seconds(4));
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
  ledger.request({.key = 1, .arm = 1}, seconds(0));
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
  ledger.request({.key = 1, .arm = 1, .led = true}, seconds(0));
  ledger.request({.key = 1, .arm = 0}, seconds(1));
  ledger.request({.key = 2, .arm = 1}, seconds(2));
  EXPECT_EQ(ledger.counts().led[1].keys, 1U);
  EXPECT_EQ(ledger.counts().split[1].keys, 1U);
  EXPECT_EQ(ledger.counts().split[0].keys, 0U);
  EXPECT_EQ(ledger.counts().crossed, 1U);
}

TEST(ExperimentLedgerTest, a_minted_key_that_leaves_the_ring_keeps_what_its_first_request_did_and_enters_no_more) {
  ExperimentLedger::Options options;
  options.probation = 2;
  ExperimentLedger ledger = experiment_ledger(options);
  ledger.request({.key = 1, .origin = KeyOrigin::minted, .arm = 0, .conversions = kLoan}, seconds(0));
  ledger.request({.key = 2, .origin = KeyOrigin::minted, .arm = 0}, seconds(1));
  ledger.request({.key = 2, .origin = KeyOrigin::returning, .arm = 0}, seconds(2));  // moves to the table
  for (std::uint64_t key = 10; key < 14; ++key) {
    ledger.request({.key = key, .origin = KeyOrigin::minted, .arm = 1}, seconds(3));
  }
  ledger.request({.key = 1, .origin = KeyOrigin::returning, .arm = 0}, seconds(4));
  EXPECT_EQ(ledger.counts().untracked, 1U);
  ledger.request({.key = 2, .origin = KeyOrigin::returning, .arm = 0, .conversions = kLoan}, seconds(5));
  ledger.advance(minutes(31));
  const model::ArmOutcomes& arm = ledger.counts().split[0];
  EXPECT_EQ(arm.keys, 2U);
  EXPECT_EQ(arm.due, 2U);
  EXPECT_EQ(arm.converted_in_due[0], 2U);
  EXPECT_EQ(ledger.counts().split[1].due, 4U);
}

TEST(ExperimentLedgerTest, what_finds_no_room_is_untracked) {
  ExperimentLedger::Options options;
  options.windows = 2;
  ExperimentLedger ledger = experiment_ledger(options);
  for (std::uint64_t key = 1; key <= 5; ++key) ledger.request({.key = key, .arm = 0}, seconds(0));
  EXPECT_EQ(ledger.counts().split[0].keys, 2U);
  EXPECT_EQ(ledger.counts().untracked, 3U);
  ledger.advance(minutes(30));
  ledger.request({.key = 5, .arm = 0}, minutes(31));
  EXPECT_EQ(ledger.counts().split[0].keys, 3U);
  ledger.request({.key = 9, .arm = 3}, minutes(31));
  EXPECT_EQ(ledger.counts().untracked, 3U) << "an arm that is none";
}

}  // namespace
}  // namespace marea::decide
