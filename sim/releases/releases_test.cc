#include "sim/releases/releases.h"

#include <gtest/gtest.h>

#include "sim/releases/interval.h"
#include "sim/releases/others.h"
#include "sim/releases/table.h"

namespace marea::sim::releases {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Small enough for sanitizers: two minutes of sixty requests a second, a quarter of them the canary's.
Scenario small() {
  return {.name = "small", .what = "", .fixed = true, .seconds = 120, .crowd = {.users = 1500}, .load = {.rate = 60}};
}

model::ReleasePolicy small_policy() {
  model::ReleasePolicy policy = policy_of(small());
  policy.ladder[0].weight = 2500;
  return policy;
}

TEST(Interval, is_that_of_clopper_and_pearson) {
  // None of n: the upper end is 1 - (0.005)^(1/n). n = 527 is the first for which that is below 1 %: ln 0.005 /
  // ln 0.99 = 527.2.
  EXPECT_GT(interval_of(0, 527).high, 0.01);
  EXPECT_LT(interval_of(0, 528).high, 0.01);
  EXPECT_EQ(interval_of(0, 528).low, 0);
  // All of n mirrors none.
  EXPECT_NEAR(interval_of(50, 50).low, 1 - interval_of(0, 50).high, 1e-9);
  // One of two at 95 %: the ends solve 1 - (1 - p)^2 = 0.025 and 1 - p^2 = 0.025.
  EXPECT_NEAR(interval_of(1, 2, 0.95).low, 0.0125791, 1e-6);
  EXPECT_NEAR(interval_of(1, 2, 0.95).high, 0.9874209, 1e-6);
}

TEST(Interval, a_share_is_broken_when_the_runs_say_so_and_open_when_they_are_few) {
  EXPECT_EQ(judge_share(0, 528, 0.01), Finding::holds);
  EXPECT_EQ(judge_share(0, 100, 0.01), Finding::too_few);
  EXPECT_EQ(judge_share(10, 100, 0.01), Finding::broken);
  EXPECT_EQ(judge_share(28, 3000, 0.01), Finding::broken) << "enough runs that do not show it";
}

TEST(Traffic, asks_as_often_as_the_load_says) {
  Scenario scenario = small();
  scenario.load = {.shape = LoadShape::spikes, .rate = 50};
  const People people(scenario, 3);
  Traffic traffic(scenario, people, 3);
  int quiet = 0;
  int spike = 0;
  for (; traffic.next().at < seconds(74); traffic.advance()) {
    ++(traffic.next().at < seconds(70) ? quiet : spike);
  }
  EXPECT_NEAR(quiet, 0.3 * 50 * 70, 5 * std::sqrt(0.3 * 50 * 70));
  EXPECT_NEAR(spike, 13 * 50 * 4, 5 * std::sqrt(13 * 50 * 4));
}

TEST(People, the_busy_ask_more_often_and_picked_keys_are_early) {
  Scenario scenario = small();
  scenario.crowd = {.users = 1000, .spread = 1.5, .picked = 0.3};
  const People people(scenario, 1);
  std::vector<int> asked(people.size());
  Chance chance(1);
  for (int i = 0; i < 100'000; ++i) ++asked[people.pick(chance.unit())];
  std::ranges::sort(asked, std::greater{});
  EXPECT_GT(asked[0], 10 * asked[500]);
  int early = 0;
  for (std::uint32_t user = 0; user < people.size(); ++user) early += people.of(user).bucket < kPickedBelow ? 1 : 0;
  // Of all 30 %, and 5 % of the rest.
  EXPECT_NEAR(early, 335, 75);
}

TEST(Site, does_what_a_version_is_said_to_do) {
  Scenario scenario = small();
  scenario.canary = {.failing = 20, .hit = 0.5, .slower = 2};
  const People people(scenario, 1);
  const Site site(scenario, 1);
  Traffic traffic(scenario, people, 1);
  std::array<double, 2> failed{};
  std::array<double, 2> waited{};
  constexpr int kAsked = 20'000;
  for (int i = 0; i < kAsked; ++i, traffic.advance()) {
    const Request& request = traffic.next();
    for (const bool canary : {false, true}) {
      const Answer answer = site.answer(request, people.of(request.user), canary);
      failed.at(canary ? 1 : 0) += answer.cause == model::FailureCause::app ? 1 : 0;
      waited.at(canary ? 1 : 0) += static_cast<double>(answer.latency.count());
    }
  }
  EXPECT_NEAR(failed[0] / kAsked, 0.01, 0.004);
  EXPECT_NEAR(failed[1] / kAsked, 0.105, 0.02) << "half of the users at 20 %, half at 1 %";
  EXPECT_NEAR(waited[1] / waited[0], 2, 0.01);
}

TEST(Site, a_process_that_exits_takes_its_requests_with_it) {
  Scenario scenario = small();
  scenario.canary.crashes = 5;
  const People people(scenario, 1);
  const Site site(scenario, 1);
  ASSERT_GT(site.crashes().size(), 5U);
  const base::Duration crash = site.crashes()[2];
  const Request before{.at = crash - milliseconds(1), .user = 0, .chance = 5};
  EXPECT_EQ(site.answer(before, people.of(0), true).cause, model::FailureCause::app);
  EXPECT_EQ(site.answer(before, people.of(0), true).latency, milliseconds(1));
  EXPECT_NE(site.answer(before, people.of(0), false).latency, milliseconds(1));
}

TEST(ReleasesWorld, a_seed_reproduces_a_release) {
  Scenario scenario = small();
  scenario.canary.failing = 3;
  const CourseEnd first = release(scenario, small_policy(), 7);
  const CourseEnd again = release(scenario, small_policy(), 7);
  const CourseEnd other = release(scenario, small_policy(), 8);
  EXPECT_EQ(first.requests, again.requests);
  EXPECT_EQ(first.failed_keys, again.failed_keys);
  EXPECT_EQ(first.standing.since, again.standing.since);
  EXPECT_NE(first.requests, other.requests);
}

TEST(ReleasesWorld, a_canary_that_fails_everybody_is_rolled_back_by_each_rule) {
  Scenario scenario = small();
  scenario.seconds = 600;
  scenario.load.rate = 20;
  scenario.canary.failing = 1000;
  const CourseEnd end = release(scenario, small_policy(), 1);
  EXPECT_EQ(end.standing.way, Way::rolled_back);
  EXPECT_LT(end.standing.since, seconds(10));
  const People people(scenario, 1);
  FixedThresholds thresholds(false);
  const CourseEnd fixed = Course(scenario, people, 1, thresholds).run();
  EXPECT_EQ(fixed.standing.way, Way::rolled_back);
  EXPECT_EQ(fixed.standing.since, seconds(360)) << "five failed checks, and the minute after";
  NaiveTest naive(small_policy());
  const CourseEnd tested = Course(scenario, people, 1, naive).run();
  EXPECT_EQ(tested.standing.way, Way::rolled_back);
  EXPECT_GT(fixed.failed_keys, tested.failed_keys);
  EXPECT_GT(tested.failed_keys, end.failed_keys);
}

TEST(ReleasesWorld, thresholds_promote_a_quiet_canary_after_five_good_minutes) {
  Scenario scenario = small();
  scenario.seconds = 600;
  scenario.load.rate = 20;
  scenario.weather.failing = 0;
  const People people(scenario, 1);
  FixedThresholds thresholds(false);
  const CourseEnd end = Course(scenario, people, 1, thresholds).run();
  EXPECT_EQ(end.standing.way, Way::promoted);
  EXPECT_EQ(end.standing.promoted, seconds(300)) << "10 % at once, 50 % after four checks, the fifth promotes";
}

// The share of false rollbacks in a harmless world.
std::uint64_t false_rollbacks(const model::ReleasePolicy& policy, std::uint64_t runs) {
  Scenario scenario = small();
  scenario.weather.failing = 0.05;
  std::uint64_t out = 0;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    out += release(scenario, policy, seed).standing.way == Way::rolled_back ? 1 : 0;
  }
  return out;
}

TEST(ReleasesWorld, a_judge_that_is_too_quick_to_call_bad_is_found_out) {
  constexpr std::uint64_t kRuns = 80;
  model::ReleasePolicy hasty = small_policy();
  hasty.alpha = 0.49;
  hasty.tolerances.harm = 1;
  EXPECT_EQ(judge_share(false_rollbacks(hasty, kRuns), kRuns, 0.01), Finding::broken);
  EXPECT_NE(judge_share(false_rollbacks(small_policy(), kRuns), kRuns, 0.01), Finding::broken);
}

TEST(ReleasesWorld, hardly_anybody_asks_and_the_release_ends_as_cannot_know) {
  Scenario scenario = small();
  scenario.truth = Truth::quiet;
  scenario.fixed = false;
  scenario.seconds = 25.0 * 3600;
  scenario.load.rate = 1.0 / 60;
  const CourseEnd end = release(scenario, policy_of(scenario), 1);
  EXPECT_EQ(end.standing.way, Way::promoted);
  EXPECT_TRUE(end.standing.finished);
  EXPECT_EQ(end.standing.proof, model::ReleaseProof::cannot_know);
  EXPECT_FALSE(end.standing.proven.has_value());
}

// One request a minute. Before, it was promoted and failed fifty users and more.
TEST(ReleasesWorld, hardly_anybody_asks_and_a_canary_that_fails_everybody_is_taken_back_within_few_users) {
  Scenario scenario = small();
  scenario.truth = Truth::quiet;
  scenario.fixed = false;
  scenario.seconds = 25.0 * 3600;
  scenario.load.rate = 1.0 / 60;
  scenario.canary.failing = 1000;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const CourseEnd end = release(scenario, policy_of(scenario), seed);
    EXPECT_EQ(end.standing.way, Way::rolled_back) << seed;
    EXPECT_LE(end.failed_keys, 20U) << seed;
  }
}

TEST(ReleasesWorld, a_broken_bound_makes_all_runs_wrong) {
  const auto ending = [](Way way) {
    std::vector<double> figures;
    for (const Scenario& scenario : scenarios()) {
      const bool harmful = scenario.truth == Truth::harmful;
      CourseEnd end;
      end.standing = {.way = harmful ? Way::rolled_back : way,
                      .since = seconds(20),
                      .promoted = harmful ? std::nullopt : std::optional<base::Duration>(seconds(300)),
                      .proof = model::ReleaseProof::unproven};
      CourseEnd twin;
      twin.standing = {.way = Way::rolled_back, .since = seconds(20)};
      for (const CourseEnd& each : {end, end, end, twin}) {
        Tally tally;
        tally.add(each);
        tally.append_to(figures);
      }
    }
    for (double& figure : figures) figure *= 1000;
    return conclude(figures, 1000).ending;
  };
  EXPECT_EQ(ending(Way::promoted), Ending::passed);
  EXPECT_EQ(ending(Way::rolled_back), Ending::wrong) << "harmless canaries that were rolled back";
}

}  // namespace
}  // namespace marea::sim::releases
