#include <gtest/gtest.h>

#include "engine/local/fleet_world_test.h"

namespace marea::engine::local {
namespace {

// Two engines, one after the other, on one machine.
class FleetAdoptTest : public testing::Test {
 protected:
  // The next engine begins with what the first wrote down, and with the plan.
  void restart(bool with_plan = true, int max = 3, int wanted = 0) {
    std::vector<InstanceRecord> records;
    for (const auto& [id, instance] : first_.fleet.instances()) {
      if (!instance.opened) continue;
      records.push_back(first_.fleet.record(id));
    }
    next_.clock.advance(first_.clock.now() - next_.clock.now());
    next_.fleet.router_lost(next_.now());
    std::ranges::sort(records, {}, &InstanceRecord::slot);
    for (const InstanceRecord& record : records) EXPECT_TRUE(next_.fleet.adopt(record, next_.now()));
    for (const InstanceRecord& record : records) next_.name_of(record.id);
    if (with_plan) next_.plan("r", max, wanted);
  }
  FleetWorld first_;
  FleetWorld next_;
};

TEST_F(FleetAdoptTest, a_running_instance_goes_on_and_router_and_control_hear_of_it) {
  first_.plan("r", 3, 1);
  first_.run("a");
  restart(true, 3, 1);
  EXPECT_EQ(next_.said(), "") << "it is the one that is wanted";
  next_.fleet.router_linked(next_.now());
  EXPECT_EQ(next_.said(), "open a ready");
  next_.fleet.control_linked();
  EXPECT_EQ(next_.said(), "a running DeployCheck");
}

TEST_F(FleetAdoptTest, a_starting_instance_has_its_time_to_become_ready) {
  first_.plan("r", 3, 1);
  first_.remember();
  first_.prepared('a');
  restart();
  next_.fleet.router_linked(next_.now());
  EXPECT_EQ(next_.said(), "open a");
  next_.ready('a');
  EXPECT_EQ(next_.said(), "a running DeployCheck");
}

TEST_F(FleetAdoptTest, a_draining_instance_drains_on_with_its_epoch) {
  first_.plan("r", 3, 1);
  first_.run("a");
  first_.remove('a');
  restart();
  const std::uint64_t epoch = next_.fleet.instances().at(first_.id('a')).epoch;
  EXPECT_EQ(epoch, 1U);
  next_.fleet.router_linked(next_.now());
  EXPECT_EQ(next_.said(), "drain a");
  next_.quiet('a');
  EXPECT_EQ(next_.said(), "stop a 10s");
}

TEST_F(FleetAdoptTest, the_epochs_of_the_next_engine_are_new) {
  first_.plan("r", 3, 2);
  first_.run("ab");
  first_.remove('a');
  restart(true, 3, 1);
  next_.fleet.router_linked(next_.now());
  next_.remove('b');
  EXPECT_EQ(next_.fleet.instances().at(first_.id('b')).epoch, 2U) << "after those of the first";
}

TEST_F(FleetAdoptTest, a_stopping_instance_keeps_what_is_left_of_its_grace) {
  first_.plan("r", 3, 1);
  first_.run("a");
  first_.remove('a');
  first_.quiet('a');
  first_.pass(seconds(4));
  restart();
  EXPECT_EQ(next_.said(), "stop a 6s");
}

TEST_F(FleetAdoptTest, without_a_plan_everything_stays_and_nothing_comes) {
  first_.plan("r", 3, 2);
  first_.run("ab");
  restart(false);
  next_.exited('a', 1);
  next_.fleet.router_linked(next_.now());
  EXPECT_EQ(next_.said(), "a failed AppExited, closed a, open b ready");
}

TEST_F(FleetAdoptTest, what_the_plan_does_not_name_any_more_drains) {
  first_.plan("r", 3, 1);
  first_.run("a");
  restart(false);
  next_.plan({});
  EXPECT_EQ(next_.said(), "a draining RevisionRetired, drain a");
  next_.pass(seconds(2));
  next_.fleet.router_linked(next_.now());
  EXPECT_EQ(next_.said(), "drain a") << "router comes in time: nobody is cut off";
}

TEST_F(FleetAdoptTest, an_end_that_nobody_was_told_of_is_told_as_if_it_had_been_seen) {
  first_.plan("r", 3, 0);
  first_.demand("r", 1);
  first_.remember();
  first_.prepared('a');
  restart();
  next_.exited('a', 3);
  EXPECT_EQ(next_.said(), "a failed AppExited, r fails 1 for 1s AppExited, closed a");
}

TEST_F(FleetAdoptTest, a_record_that_cannot_be_true_is_refused) {
  first_.plan("r", 3, 1);
  first_.run("a");
  InstanceRecord record = first_.fleet.record(first_.id('a'));
  EXPECT_TRUE(next_.fleet.adopt(record, next_.now()));
  EXPECT_FALSE(next_.fleet.adopt(record, next_.now())) << "twice";
  record.id = base::InstanceId("r-other");
  EXPECT_FALSE(next_.fleet.adopt(record, next_.now())) << "its slot is taken";
  record.slot = 20;
  EXPECT_FALSE(next_.fleet.adopt(record, next_.now())) << "there is no such slot";
  record.slot = 3;
  record.phase = Phase::preparing;
  EXPECT_FALSE(next_.fleet.adopt(record, next_.now())) << "half-made";
}

TEST(FleetGrants, router_may_ask_for_instances_as_long_as_the_plan_says_while_control_is_away) {
  FleetWorld world;
  world.fleet.apply({.number = 1, .grants_for = seconds(60), .revisions = {{.revision = make_revision("r"), .max = 2}}},
                    world.now());
  world.fleet.control_linked();
  world.pass(seconds(100));
  world.demand("r", 1);
  EXPECT_EQ(world.said(), "a starting RequestWaiting, create a") << "control is there";
  world.run("a");
  world.fleet.control_lost(world.now());
  world.pass(seconds(59));
  world.demand("r", 2);
  EXPECT_EQ(world.said(), "b starting RequestWaiting, create b");
  world.run("b");
  world.pass(seconds(1));
  world.exited('b', 1);
  world.said();
  world.demand("r", 2);
  EXPECT_EQ(world.said(), "r gets 1 GrantExpired");
  world.fleet.control_linked();
  world.said();
  world.demand("r", 2);
  EXPECT_EQ(world.said(), "c starting RequestWaiting, create c");
}

}  // namespace
}  // namespace marea::engine::local
