// The wall clock is for people: whatever it does, control decides the same.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/control_world_test.h"

namespace marea::control {
namespace {

using model::InstanceState;
using model::Reason;
using std::chrono::hours;
using std::chrono::minutes;

// A day of a service: a deploy, one that fails, a failure that is shown for a while, a switch, a delete, a restart.
// Before each step the wall clock jumps by the next of `jumps`.
std::string story(const std::vector<base::Duration>& jumps) {
  ControlWorld world;
  std::string told;
  std::size_t steps = 0;
  const auto then = [&] {
    if (world.control().services().contains(base::ServiceName("hola"))) {
      told += world.plan() + " | " + world.shares("hola") + " | " + world.conditions("hola") + " | " +
              std::to_string(world.control().instances().all().size()) + "\n";
    } else {
      told += "gone\n";
    }
    world.jump(jumps.at(steps++ % jumps.size()));
  };
  world.connect();
  world.have_image("a", 'a');
  world.have_image("b", 'b');
  world.deploy("hola", "a", "i1");
  then();
  EXPECT_TRUE(world.apply("hola", "b"));
  then();
  for (const char* id : {"i2", "i3"}) {  // two failures of the machine: the second is the verdict
    world.report(id, world.newest("hola"), InstanceState::failed, Reason::sandbox_failed);
    world.advance(kOutputSettles);
    then();
  }
  world.advance(kEndedShown / 2);
  then();
  world.advance(kEndedShown);  // both are forgotten
  then();
  EXPECT_TRUE(world.apply("hola", "b"));
  world.report("i4", world.newest("hola"), InstanceState::running);
  then();
  world.apply_routes();
  then();
  world.report("i1", "hola-none", InstanceState::stopped);
  world.kill();
  world.start();
  then();
  world.connect();
  world.apply_routes();
  then();
  world.execute(DeleteService{.name = base::ServiceName("hola")});
  then();
  world.advance(kDeleteWait);
  then();
  return told;
}

TEST(ClockJump, a_day_goes_as_it_would_without_jumps) {
  const std::string usual = story({base::Duration{0}});
  EXPECT_NE(usual.find("gone"), std::string::npos) << usual;
  EXPECT_EQ(story({hours(6)}), usual);
  EXPECT_EQ(story({-hours(6)}), usual);
  EXPECT_EQ(story({hours(30), -hours(59), minutes(1), hours(29)}), usual);
}

}  // namespace
}  // namespace marea::control
