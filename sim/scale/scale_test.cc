#include "sim/scale/scale.h"

#include <gtest/gtest.h>

#include "sim/scale/kpa.h"
#include "sim/scale/load.h"
#include "sim/scale/marea.h"
#include "sim/scale/tally.h"

namespace marea::sim::scale {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr base::Instant kHorizon{minutes(30)};

LoadedService asked(std::vector<Request> requests, int concurrency = 10) {
  return {.concurrency = concurrency, .max = 100, .start = seconds(1), .memory_gb = 1, .requests = std::move(requests)};
}

// `rate` a second, evenly, each taking a second.
std::vector<Request> steady(int rate, base::Duration from, base::Duration until) {
  std::vector<Request> out;
  for (base::Duration at = from; at < until; at += base::Duration(seconds(1)) / rate) out.push_back({at, seconds(1)});
  return out;
}

// A scaler that remembers the most instances that it ever wanted.
template <class Inner>
class Watched final : public Scaler {
 public:
  explicit Watched(Inner inner) : inner_(std::move(inner)) {}
  Advice look(const Plant& plant, base::Instant now) override {
    Advice advice = inner_.look(plant, now);
    most = std::max(most, advice.wanted);
    if (now >= since) least_later = std::min(least_later, advice.wanted);
    if (now >= since) most_later = std::max(most_later, advice.wanted);
    return advice;
  }
  bool scatters() const override { return inner_.scatters(); }
  base::Duration attention() const override { return inner_.attention(); }

  int most = 0;
  base::Instant since = base::Instant::max();
  int least_later = 1000;
  int most_later = 0;

 private:
  Inner inner_;
};

TEST(Kpa, one_request_gets_one_pod_at_once_that_stays_for_the_stable_window) {
  const LoadedService service = asked({{seconds(10), milliseconds(500)}});
  Kpa kpa(service, 0.5);
  const Account account = Plant(service, kHorizon, 1).run(kpa);
  EXPECT_TRUE(account.finished);
  EXPECT_EQ(account.starts, 1);
  EXPECT_EQ(account.cold, 1);
  EXPECT_GE(account.gb_seconds, 60);
  EXPECT_LE(account.gb_seconds, 66);
}

TEST(Kpa, steady_load_is_held_at_seventy_percent) {
  const LoadedService service = asked(steady(34, {}, minutes(10)));
  Watched<Kpa> kpa(Kpa(service, 0.5));
  kpa.since = base::Instant(minutes(4));
  Plant plant(service, base::Instant(minutes(9)), 1);
  plant.run(kpa);
  EXPECT_EQ(kpa.least_later, 5);
  EXPECT_EQ(kpa.most_later, 5) << "34 at once over a target of 7";
}

TEST(Kpa, a_step_beyond_twice_the_pods_is_a_panic_from_which_nothing_shrinks_for_a_minute) {
  std::vector<Request> requests = steady(5, {}, minutes(2));
  const std::vector<Request> step = steady(70, minutes(2), minutes(2) + seconds(10));
  requests.insert(requests.end(), step.begin(), step.end());
  const std::vector<Request> after = steady(5, minutes(2) + seconds(10), minutes(3));
  requests.insert(requests.end(), after.begin(), after.end());
  const LoadedService service = asked(std::move(requests));
  Watched<Kpa> kpa(Kpa(service, 0.5));
  kpa.since = base::Instant(minutes(2) + seconds(20));
  Plant(service, base::Instant(minutes(3)), 1).run(kpa);
  EXPECT_GE(kpa.most, 10);
  EXPECT_EQ(kpa.least_later, kpa.most);
}

TEST(Marea, evenly_asked_it_starts_once_and_ends_when_nobody_asks) {
  const LoadedService service = asked(steady(5, {}, minutes(5)));
  Marea marea(service);
  const Account account = Plant(service, kHorizon, 1).run(marea);
  EXPECT_TRUE(account.finished);
  EXPECT_TRUE(account.within_max);
  EXPECT_FALSE(account.forgotten);
  EXPECT_EQ(account.starts, 1);
}

TEST(ScaleWorld, a_seed_reproduces_a_run_and_every_load_is_in_it) {
  const Verdict first = run(7, nullptr);
  EXPECT_EQ(first.ending, Ending::passed) << first.what;
  EXPECT_EQ(first.figures, run(7, nullptr).figures);
  EXPECT_NE(first.figures, run(8, nullptr).figures);
  const Verdict few = conclude(first.figures, 1);
  EXPECT_EQ(few.ending, Ending::passed);
  for (const std::string_view load : kLoads) EXPECT_NE(few.what.find(load), std::string::npos) << load;
}

TEST(ScaleWorld, a_scaler_that_is_no_better_on_either_is_wrong) {
  Account fast{.slowdowns = {1, 1}};
  fast.idle_gb_seconds = 5;
  Account slow{.slowdowns = {9, 9}};
  slow.idle_gb_seconds = 9;
  Account dear = fast;
  dear.idle_gb_seconds = 10;
  const auto ending = [](const Account& ours, const Account& theirs) {
    std::vector<double> figures;
    for (std::size_t load = 0; load < kLoads.size(); ++load) {
      for (const Account& account : {ours, theirs}) {
        Tally tally;
        tally.add(account);
        tally.append_to(figures);
      }
    }
    return conclude(figures, kEnoughRuns).ending;
  };
  EXPECT_EQ(ending(fast, slow), Ending::passed);
  EXPECT_EQ(ending(slow, fast), Ending::wrong);
  EXPECT_EQ(ending(dear, slow), Ending::wrong) << "faster with more memory";
  EXPECT_EQ(ending(fast, fast), Ending::wrong) << "as good is not better";
}

// A platform that keeps everything for ever, or nothing at all, must be found out.
class Hoarder final : public Scaler {
 public:
  Advice look(const Plant& plant, base::Instant /*now*/) override {
    return {.wanted = plant.in_system() + 200, .retire = {}, .next_look = base::Instant::max()};
  }
};

TEST(ScaleWorld, the_plant_sees_who_exceeds_the_maximum_and_who_forgets) {
  const LoadedService service = asked({{seconds(1), milliseconds(100)}});
  Hoarder hoarder;
  const Account account = Plant(service, kHorizon, 1).run(hoarder);
  EXPECT_FALSE(account.within_max);
  EXPECT_TRUE(account.forgotten);
}

}  // namespace
}  // namespace marea::sim::scale
