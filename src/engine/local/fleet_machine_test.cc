// What the machine bears: starts at once, CPUs that are taken, memory that others use.
#include "engine/local/fleet_world_test.h"

namespace marea::engine::local {
namespace {

using namespace std::chrono_literals;

constexpr FleetLimits kTwoAtOnce{.memory_bytes = 10'000LL << 20, .slots = 20, .starts = 2};

TEST(FleetMachine, more_sandboxes_than_the_bound_are_never_in_the_making_and_the_rest_follows) {
  FleetWorld world(kTwoAtOnce);
  world.plan("r", 5);
  world.demand("r", 5);
  EXPECT_EQ(world.said(), "a starting RequestWaiting, create a, b starting RequestWaiting, create b");
  world.prepared('b');
  EXPECT_EQ(world.said(), "start b, open b, c starting RequestWaiting, create c");
  world.prepared('a');
  EXPECT_EQ(world.said(), "start a, open a, d starting RequestWaiting, create d");
}

TEST(FleetMachine, a_sandbox_that_could_not_be_made_gives_its_place_to_the_next) {
  FleetWorld world(kTwoAtOnce);
  world.plan({{.revision = make_revision("q"), .max = 5}, {.revision = make_revision("r"), .max = 5}});
  world.demand("q", 2);
  world.demand("r", 1);
  world.said();
  world.ended('a', {.reason = model::Reason::sandbox_failed});
  EXPECT_NE(world.said().find("c starting RequestWaiting, create c"), std::string::npos);
  EXPECT_EQ(world.fleet.instances().at(world.id('c')).revision->name.str(), "r");
}

model::Revision with_sidecar(const std::string& name, std::int64_t memory_mib) {
  model::Revision out = make_revision(name);
  out.spec.sidecars.resize(1);
  out.spec.sidecars[0].name = "proxy";
  out.spec.sidecars[0].limits.memory_bytes = memory_mib << 20;
  return out;
}

TEST(FleetMachine, the_memory_of_sidecars_is_reserved_too) {
  FleetWorld world({.memory_bytes = 1000LL << 20, .slots = 20});
  world.plan({{.revision = with_sidecar("r", 300), .max = 5}});
  world.demand("r", 3);
  EXPECT_EQ(world.fleet.instances().size(), 2U) << "400 MiB each";
}

TEST(FleetMachine, who_waits_for_a_slow_sidecar_holds_back_no_other_start) {
  FleetWorld world(kTwoAtOnce);
  model::Revision slow = with_sidecar("r", 1);
  slow.spec.sidecars[0].startup = {.period = 100s, .failure_threshold = 2, .declared = true};
  world.plan({{.revision = slow, .max = 5}, {.revision = make_revision("q"), .max = 5}});
  world.demand("r", 2);
  world.said();
  world.demand("q", 1);
  EXPECT_EQ(world.said(), "");
  world.pass(kYoung);
  world.demand("q", 1);
  EXPECT_NE(world.said().find("c starting RequestWaiting, create c"), std::string::npos);
  world.pass(kPrepareTime);
  EXPECT_EQ(world.fleet.instances().size(), 3U) << "its probe has 200 s";
  world.pass(200s);
  const FleetInstance& late = world.fleet.instances().at(world.id('a'));
  EXPECT_EQ(late.phase, Phase::stopping);
  EXPECT_EQ(late.detail, "the sandbox was not prepared within 230 s");
}

TEST(FleetMachine, while_starts_take_all_cpus_a_serving_revision_waits_and_one_at_zero_does_not) {
  FleetWorld world({.memory_bytes = 10'000LL << 20, .slots = 20});
  world.plan({{.revision = make_revision("q"), .max = 5}, {.revision = make_revision("r"), .max = 5}});
  world.demand("r", 2);
  world.busy(1000);
  world.said();
  world.demand("r", 4);
  EXPECT_EQ(world.said(), "") << "two are young on two CPUs";
  world.demand("q", 1);
  EXPECT_EQ(world.said(), "c starting RequestWaiting, create c");
  world.busy(400);
  EXPECT_EQ(world.said(), "d starting RequestWaiting, create d, e starting RequestWaiting, create e");
}

TEST(FleetMachine, starts_that_take_the_cpus_from_no_request_are_three_on_each) {
  FleetWorld world({.memory_bytes = 10'000LL << 20, .slots = 20});
  world.plan("r", 9);
  world.demand("r", 6);
  world.busy(1000, -1, 200);
  world.said();
  world.demand("r", 7);
  EXPECT_EQ(world.said(), "");
  world.prepared('a');
  world.said();
  world.ready('a');
  EXPECT_NE(world.said().find("g starting RequestWaiting, create g"), std::string::npos);
}

TEST(FleetMachine, a_revision_whose_own_requests_take_the_cpus_has_no_use_for_more_instances_than_a_few) {
  FleetWorld world({.memory_bytes = 10'000LL << 20, .slots = 20});
  world.plan("r", 9);
  world.demand("r", 4);
  world.busy(1000);
  world.demand("r", 6);
  const base::RevisionName r("r");
  EXPECT_THAT(world.fleet.those_held_back(), testing::ElementsAre(r));
  world.fleet.used(r, 0s, world.now());
  world.pass(100ms);
  world.fleet.used(r, 150ms, world.now());  // three quarters of two CPUs
  world.run("abcd");
  world.said();
  world.busy(1000);
  EXPECT_EQ(world.said(), "") << "none is young, and yet";
  world.pass(100ms);
  world.fleet.used(r, 190ms, world.now());
  world.busy(1000);
  EXPECT_NE(world.said().find("create e"), std::string::npos) << "now others take them";
}

TEST(FleetMachine, busy_cpus_without_starts_hold_nobody_back) {
  FleetWorld world({.memory_bytes = 10'000LL << 20, .slots = 20});
  world.plan("r", 5);
  world.demand("r", 2);
  world.run("ab");
  world.busy(1000);
  world.demand("r", 3);
  EXPECT_EQ(world.said(), "c starting RequestWaiting, create c");
}

TEST(FleetMachine, starts_that_last_long_hold_nobody_back) {
  FleetWorld world({.memory_bytes = 10'000LL << 20, .slots = 20});
  world.plan("r", 5);
  world.demand("r", 2);
  world.said();
  world.prepared('a');
  world.prepared('b');
  world.busy(1000);
  world.pass(kYoung);
  world.said();
  world.demand("r", 3);
  EXPECT_EQ(world.said(), "c starting RequestWaiting, create c");
}

TEST(FleetMachine, memory_that_others_use_is_no_room) {
  FleetWorld world({.memory_bytes = 10'000LL << 20, .slots = 20, .memory_floor = 50LL << 20});
  world.plan("r", 5);
  world.busy(0, 149LL << 20);
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "r gets 0 MachineFull");
  world.busy(0, 150LL << 20);
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "a starting RequestWaiting, create a");
}

TEST(FleetMachine, who_waits_for_other_starts_is_counted_once_for_each_time) {
  FleetWorld world(kTwoAtOnce);
  world.plan({{.revision = make_revision("q"), .max = 5}, {.revision = make_revision("r"), .max = 5}});
  world.demand("r", 2);
  EXPECT_EQ(world.fleet.hits().starts, 0U);
  world.demand("r", 4);
  world.demand("r", 4);
  EXPECT_EQ(world.fleet.hits().starts, 1U);
  world.demand("q", 1);
  EXPECT_EQ(world.fleet.hits().starts, 2U);
  world.said();
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    world.prepared(letter);
    world.said();
  }
  world.demand("q", 3);
  EXPECT_EQ(world.fleet.hits().starts, 3U) << "it had what it wanted meanwhile";
  EXPECT_EQ(world.fleet.hits().memory, 0U);
}

TEST(FleetMachine, a_wish_without_room_is_counted_and_so_is_its_repetition) {
  FleetWorld world({.memory_bytes = 200LL << 20, .slots = 20});  // two of 100 MiB
  world.plan("r", 5);
  world.demand("r", 2);
  EXPECT_EQ(world.fleet.hits().memory, 0U);
  world.demand("r", 3);
  EXPECT_EQ(world.fleet.hits().memory, 1U);
  world.demand("r", 3);
  EXPECT_EQ(world.fleet.hits().memory, 2U);
}

TEST(FleetMachine, no_slot_is_no_lack_of_memory) {
  FleetWorld world({.memory_bytes = 10'000LL << 20, .slots = 1});
  world.plan("r", 5);
  world.demand("r", 2);
  world.demand("r", 2);
  EXPECT_EQ(world.said(), "a starting RequestWaiting, create a, r gets 1 MachineFull, r gets 1 MachineFull");
  EXPECT_EQ(world.fleet.hits().memory, 0U);
}

}  // namespace
}  // namespace marea::engine::local
