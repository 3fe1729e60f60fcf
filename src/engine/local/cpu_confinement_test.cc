#include "engine/local/cpu_confinement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::engine::local {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const base::InstanceId kHog("hog-1");
const base::InstanceId kOther("other-1");

struct Machine {
  // Each of `shares` is what an instance used since the last look, in milliseconds of 100.
  std::vector<Confined> pass(const std::vector<std::pair<base::InstanceId, int>>& shares) {
    now += 100ms;
    std::vector<CpuUse> uses;
    for (const auto& [id, share] : shares) {
      uses.push_back({.id = id, .cpu = used[id] += std::chrono::milliseconds(share), .milli_cpu = limit});
    }
    return confinement.look(uses, cpus, now);
  }

  CpuConfinement confinement;
  std::map<base::InstanceId, base::Duration> used;
  base::Instant now{1000s};
  std::int64_t limit = 1000;
  int cpus = 2;
};

TEST(CpuConfinement, who_answers_may_use_every_cpu) {
  Machine machine;
  for (int i = 0; i < 20; ++i) EXPECT_THAT(machine.pass({{kHog, 24}}), IsEmpty());
  EXPECT_FALSE(machine.confinement.watching());
}

TEST(CpuConfinement, who_computes_keeps_off_the_first_until_it_was_calm_for_a_while) {
  Machine machine;
  EXPECT_THAT(machine.pass({{kHog, 90}}), IsEmpty()) << "nothing is known of how long that took";
  EXPECT_THAT(machine.pass({{kHog, 90}}), IsEmpty()) << "it may be a start";
  EXPECT_TRUE(machine.confinement.watching());
  EXPECT_THAT(machine.pass({{kHog, 90}}), ElementsAre(Confined{kHog, true}));
  EXPECT_EQ(machine.confinement.confined(), 1);
  for (int i = 0; i < 29; ++i) EXPECT_THAT(machine.pass({{kHog, 0}}), IsEmpty());
  EXPECT_THAT(machine.pass({{kHog, 0}}), ElementsAre(Confined{kHog, false}));
  EXPECT_FALSE(machine.confinement.watching());
}

TEST(CpuConfinement, one_look_with_work_in_the_calm_prolongs_it) {
  Machine machine;
  for (int i = 0; i < 3; ++i) machine.pass({{kHog, 90}});
  for (int i = 0; i < 20; ++i) machine.pass({{kHog, 0}});
  machine.pass({{kHog, 50}});
  for (int i = 0; i < 29; ++i) EXPECT_THAT(machine.pass({{kHog, 0}}), IsEmpty());
  EXPECT_THAT(machine.pass({{kHog, 0}}), ElementsAre(Confined{kHog, false}));
}

TEST(CpuConfinement, a_start_is_none) {
  Machine machine;
  machine.pass({{kHog, 0}});
  EXPECT_THAT(machine.pass({{kHog, 90}}), IsEmpty());
  EXPECT_THAT(machine.pass({{kHog, 10}}), IsEmpty());
  EXPECT_THAT(machine.pass({{kHog, 90}}), IsEmpty());
}

TEST(CpuConfinement, where_their_limits_do_not_fit_into_the_others_nobody_is_confined) {
  Machine machine;
  for (int i = 0; i < 3; ++i) machine.pass({{kHog, 90}, {kOther, 5}});
  machine.pass({{kHog, 90}, {kOther, 50}});
  EXPECT_THAT(machine.pass({{kHog, 90}, {kOther, 50}}), ElementsAre(Confined{kHog, false}));
  machine.confinement.forget(kOther);
  EXPECT_THAT(machine.pass({{kHog, 90}}), ElementsAre(Confined{kHog, true})) << "the other ended";
}

TEST(CpuConfinement, needs_a_second_cpu_and_goes_by_limits) {
  Machine alone;
  alone.cpus = 1;
  Machine wide;
  wide.limit = 2000;
  Machine large;
  large.limit = 2000;
  large.cpus = 3;
  for (int i = 0; i < 2; ++i) {
    for (Machine* machine : {&alone, &wide, &large}) machine->pass({{kHog, 90}});
  }
  EXPECT_THAT(alone.pass({{kHog, 90}}), IsEmpty());
  EXPECT_THAT(wide.pass({{kHog, 90}}), IsEmpty());
  EXPECT_THAT(large.pass({{kHog, 90}}), ElementsAre(Confined{kHog, true}));
}

TEST(CpuConfinement, looks_too_close_together_say_nothing) {
  Machine machine;
  for (int i = 0; i < 2; ++i) machine.pass({{kHog, 90}});
  EXPECT_THAT(machine.confinement.look({{.id = kHog, .cpu = 10s, .milli_cpu = 1000}}, 2, machine.now + 1ms), IsEmpty());
  EXPECT_THAT(machine.pass({{kHog, 0}}), IsEmpty());
}

}  // namespace
}  // namespace marea::engine::local
