#include "engine/local/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::engine::local {
namespace {

using testing::ElementsAre;

TEST(Cgroups, both_versions_are_found_in_the_list_of_mounts) {
  const std::vector<CgroupHierarchy> found = parse_cgroup_mounts(
      "22 1 0:20 / /proc rw,relatime - proc proc rw\n"
      "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
      "33 30 0:29 / /sys/fs/cgroup/unified rw shared:1 master:2 - cgroup2 cgroup2 rw,nsdelegate\n");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].mount_point, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_THAT(found[0].controllers, ElementsAre("cpu", "cpuacct"));
  EXPECT_FALSE(found[1].unified);
  EXPECT_TRUE(found[2].unified);
}

TEST(Cgroups, the_first_cpu_is_taken_off_a_list) {
  EXPECT_EQ(without_first_cpu("0-3"), "1-3");
  EXPECT_EQ(without_first_cpu("0-1"), "1");
  EXPECT_EQ(without_first_cpu("2,4-5"), "4-5");
  EXPECT_EQ(without_first_cpu("0-1,8-11,20"), "1,8-11,20");
  EXPECT_EQ(without_first_cpu("7"), "");
  EXPECT_EQ(without_first_cpu(""), "");
}

TEST(Cgroups, counts_are_read_by_their_whole_name) {
  const std::string text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
  EXPECT_EQ(parse_flat_key(text, "oom_kill"), 3);
  EXPECT_EQ(parse_flat_key(text, "oom"), 0);
  EXPECT_EQ(parse_flat_key("", "oom_kill"), 0);
}

}  // namespace
}  // namespace marea::engine::local
