#include "engine/local/machine_load.h"

#include <gtest/gtest.h>

namespace marea::engine::local {
namespace {

TEST(MachineLoad, CpuTimesAreThoseOfTheWholeMachineAndItsCpusAreCounted) {
  const CpuTimes times = parse_cpu_times(
      "cpu  100 20 30 400 50 6 7 8 90 10\n"
      "cpu0 50 10 15 200 25 3 3 4 45 5\n"
      "cpu1 50 10 15 200 25 3 4 4 45 5\n"
      "intr 12345 0\n");
  EXPECT_EQ(times.cpus, 2);
  EXPECT_EQ(times.total, 100U + 20 + 30 + 400 + 50 + 6 + 7 + 8);
  EXPECT_EQ(times.idle, 400U + 50);
}

TEST(MachineLoad, APressureFileGivesTheStalledTimeAndAnotherTextNothing) {
  EXPECT_EQ(parse_stalled_us("some avg10=60.80 avg60=52.03 avg300=33.88 total=455132957\nfull avg10=0.00 total=1\n"),
            455132957U);
  EXPECT_FALSE(parse_stalled_us(""));
  EXPECT_FALSE(parse_stalled_us("full avg10=0.00 total=1\n"));
  EXPECT_FALSE(parse_stalled_us("some avg10=0.00\n"));
}

TEST(MachineLoad, AvailableMemoryIsInBytesOrUnknown) {
  EXPECT_EQ(parse_available_bytes("MemTotal:       24662160 kB\nMemFree: 1 kB\nMemAvailable:   20000000 kB\n"),
            20000000LL * 1024);
  EXPECT_EQ(parse_available_bytes("MemTotal:       24662160 kB\n"), -1);
}

TEST(MachineLoad, AReadingOfThisMachineIsPlausible) {
  MachineGauge gauge;
  const MachineLoad load = gauge.read(base::SystemClock().now(), std::chrono::milliseconds(1));
  EXPECT_GE(load.cpus, 1);
  EXPECT_GT(load.memory_available, 0);
  EXPECT_GE(load.busy_permille, 0);
  EXPECT_LE(load.busy_permille, 1000);
  EXPECT_LE(load.waiting_permille, 1000);
  EXPECT_GE(load.instances_permille, 0);
  EXPECT_LE(load.instances_permille, 1000);
}

}  // namespace
}  // namespace marea::engine::local
