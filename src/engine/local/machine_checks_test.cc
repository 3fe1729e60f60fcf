#include "engine/local/machine_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace marea::engine::local {
namespace {

using testing::Contains;
using testing::IsEmpty;

TEST(MachineChecks, missing_capabilities_are_named) {
  EXPECT_THAT(missing_capabilities("Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n"), IsEmpty());
  EXPECT_THAT(missing_capabilities("CapEff:\t000001ffffdfffff\n"), testing::ElementsAre("CAP_SYS_ADMIN"));
  EXPECT_THAT(missing_capabilities("nothing"), Contains("CAP_NET_ADMIN"));
}

TEST(MachineChecks, each_failure_has_a_cause_and_a_remedy) {
  const base::SystemClock clock;
  const std::string folder = std::filesystem::temp_directory_path();
  for (const std::string runtime : {"", "no-such-runtime"}) {
    for (const MachineCheck& check : check_machine(clock, folder, runtime)) {
      EXPECT_FALSE(check.what.empty()) << check.name;
      EXPECT_EQ(check.why.empty(), check.ok) << check.name;
      EXPECT_EQ(check.remedy.empty(), check.ok) << check.name;
      if (check.name == "runtime") {
        EXPECT_EQ(check.ok, runtime.empty());
      }
    }
  }
}

}  // namespace
}  // namespace marea::engine::local
