#include "engine/local/oci_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include <algorithm>
#include <set>

#include "engine/local/capabilities.h"
#include "engine/local/seccomp.h"
#include "engine/local/seccomp_program.h"

namespace marea::engine::local {
namespace {

using testing::Contains;
using Json = nlohmann::json;

OciOrder order() {
  return {.hostname = "web-1",
          .rootfs = "/stage/web-1/root",
          .files = "/stage/web-1/files",
          .shim = "/stage/shim",
          .cgroup = "/marea/t/web-1",
          .id_base = 0x70010000,
          .limits = {.memory_bytes = 128LL << 20, .milli_cpu = 500},
          .swap_accounting = true,
          .user_namespace = "/proc/1/fd/9"};
}

TEST(OciConfig, the_user_namespace_maps_all_ids_to_the_sandboxs_own) {
  const Json config = oci_config(order());
  const Json map = Json::parse(R"([{"containerID": 0, "hostID": 1879113728, "size": 65536}])");
  EXPECT_EQ(config["linux"]["uidMappings"], map);
  EXPECT_EQ(config["linux"]["gidMappings"], map);
  EXPECT_THAT(config["linux"]["namespaces"], Contains(Json{{"type", "user"}, {"path", "/proc/1/fd/9"}}));
  for (const char* kind : {"mount", "pid", "ipc", "uts", "network", "cgroup"}) {
    EXPECT_THAT(config["linux"]["namespaces"], Contains(Json{{"type", kind}}));
  }
}

TEST(OciConfig, limits_are_the_revisions) {
  const Json resources = oci_config(order())["linux"]["resources"];
  EXPECT_EQ(resources["memory"], Json::parse(R"({"limit": 134217728, "swap": 134217728})"));
  EXPECT_EQ(resources["cpu"], Json::parse(R"({"period": 10000, "quota": 5000, "shares": 512})"));
  EXPECT_EQ(resources["pids"]["limit"], 1024);
  OciOrder no_swap = order();
  no_swap.swap_accounting = false;
  EXPECT_FALSE(oci_config(no_swap)["linux"]["resources"]["memory"].contains("swap"));
}

TEST(OciConfig, a_quota_is_never_below_what_the_kernel_takes) {
  for (const int milli_cpu : {1, 20, 80, 99, 100, 150, 4000}) {
    OciOrder some = order();
    some.limits.milli_cpu = milli_cpu;
    const Json cpu = oci_config(some)["linux"]["resources"]["cpu"];
    EXPECT_GE(cpu["quota"].get<int>(), 1000) << milli_cpu;
    EXPECT_EQ(cpu["quota"].get<int>() * 1000 / cpu["period"].get<int>(), std::max(10, milli_cpu));
  }
}

TEST(OciConfig, what_is_written_to_memory_is_less_than_the_memory_limit) {
  for (const std::int64_t mebibytes : {16, 64, 512, 32768}) {
    const model::Limits limits{.memory_bytes = mebibytes << 20};
    EXPECT_LT(writable_bytes(limits) + shared_memory_bytes(limits), limits.memory_bytes);
  }
}

TEST(OciConfig, no_process_gains_privileges_or_capabilities_beyond_the_list) {
  const Json process = oci_config(order())["process"];
  EXPECT_EQ(process["noNewPrivileges"], true);
  EXPECT_EQ(process["capabilities"]["bounding"].size(), kAppCapabilities.size() + 1);
  EXPECT_EQ(process["capabilities"]["ambient"], Json::array());
  EXPECT_EQ(process["capabilities"]["inheritable"], Json::array());
  const unsigned long bits = 1UL << CAP_CHOWN | 1UL << CAP_DAC_OVERRIDE | 1UL << CAP_FOWNER | 1UL << CAP_FSETID |
                             1UL << CAP_SETUID | 1UL << CAP_SETGID | 1UL << CAP_KILL | 1UL << CAP_NET_BIND_SERVICE |
                             1UL << CAP_SYS_CHROOT;
  EXPECT_EQ(bits, kAppCapabilityBits);
}

TEST(OciConfig, the_shim_is_the_program_and_lies_outside_the_image) {
  const Json config = oci_config(order());
  EXPECT_EQ(config["process"]["args"], Json::array({kShimInside}));
  const Json entry = {{"destination", kShimInside},
                      {"type", "bind"},
                      {"source", "/stage/shim"},
                      {"options", {"bind", "ro", "nosuid", "nodev"}}};
  EXPECT_THAT(config["mounts"], Contains(entry));
}

TEST(Seccomp, no_call_is_both_allowed_and_refused_or_named_twice) {
  std::set<std::string_view> seen;
  for (const std::string_view name : allowed_system_calls()) EXPECT_TRUE(seen.insert(name).second) << name;
  for (const std::string_view name : refused_system_calls()) EXPECT_TRUE(seen.insert(name).second) << name;
}

TEST(Seccomp, calls_that_reach_out_of_a_sandbox_are_not_allowed) {
  const std::span<const std::string_view> allowed = allowed_system_calls();
  for (const char* name : {"mount", "bpf", "kexec_load", "ptrace", "keyctl", "userfaultfd", "clone3", "clone",
                           "unshare", "setns", "socket", "personality", "io_uring_setup", "perf_event_open",
                           "open_by_handle_at", "init_module", "reboot", "process_vm_writev", "pidfd_getfd"}) {
    EXPECT_EQ(std::ranges::find(allowed, name), allowed.end()) << name;
  }
  for (const char* name : {"read", "execve", "futex", "epoll_wait", "accept4", "rseq", "capset", "setresuid"}) {
    EXPECT_NE(std::ranges::find(allowed, name), allowed.end()) << name;
  }
}

TEST(Seccomp, clone_is_allowed_only_without_new_namespaces) {
  const Json profile = seccomp_profile();
  const Json clone = Json::parse(R"({"names": ["clone"], "action": "SCMP_ACT_ALLOW",
      "args": [{"index": 0, "value": 2114060416, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]})");
  EXPECT_THAT(profile["syscalls"], Contains(clone));
  EXPECT_EQ(profile["defaultErrnoRet"], 38);
}

TEST(Seccomp, a_program_replaces_the_profile_and_leaves_nothing_allowed_to_who_does_not_know_it) {
  const base::Result<std::string> program = compile_seccomp(seccomp_profile());
  ASSERT_TRUE(program) << program.error().line();
  OciOrder with = order();
  with.seccomp_program = *program;
  const Json config = oci_config(with);
  EXPECT_EQ(config["annotations"]["run.oci.seccomp_bpf_data"], *program);
  EXPECT_EQ(config["linux"]["seccomp"], Json::parse(R"({"defaultAction": "SCMP_ACT_ERRNO"})"));
  EXPECT_FALSE(oci_config(order()).contains("annotations"));
}

TEST(Seccomp, names_that_the_library_does_not_know_are_left_out) {
  Json profile = seccomp_profile();
  const base::Result<std::string> before = compile_seccomp(profile);
  profile["syscalls"][0]["names"].push_back("no_such_call");
  EXPECT_EQ(compile_seccomp(profile).value_or("none"), before.value_or("neither"));
}

}  // namespace
}  // namespace marea::engine::local
