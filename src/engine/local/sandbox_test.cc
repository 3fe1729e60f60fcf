#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "engine/local/sandbox_fixture.h"

namespace marea::engine::local {
namespace {

using testing::HasSubstr;

class SandboxTest : public SandboxFixture {};

TEST_P(SandboxTest, an_app_runs_and_its_exit_code_is_known) {
  auto run = create("echo hello; echo trouble >&2; exit 7");
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_TRUE(run->started);
  EXPECT_EQ(run->end->reason, model::Reason::app_exited) << run->end->detail;
  ASSERT_TRUE(run->end->exit);
  EXPECT_EQ(run->end->exit->code, 7);
  EXPECT_GT(run->end->peak_memory_bytes, 0);
  EXPECT_EQ(read_output(*run, 0), "hello\n");
  EXPECT_EQ(read_output(*run, 1), "trouble\n");
}

TEST_P(SandboxTest, the_machines_null_device_stays_roots) {
  auto run = create("true");
  ASSERT_TRUE(run_until_ended(*run));
  struct stat null{};
  ASSERT_EQ(::stat("/dev/null", &null), 0);
  EXPECT_EQ(null.st_uid, 0U);
}

TEST_P(SandboxTest, sockets_reach_a_server_on_localhost_from_an_address_that_is_not) {
  auto run = create(
      "mkdir -p /www/cgi-bin; printf '#!/bin/sh\\necho; echo peer $REMOTE_ADDR' > /www/cgi-bin/peer;"
      "chmod 755 /www/cgi-bin/peer; exec httpd -f -h /www -p 127.0.0.1:8080");
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait([&] { return !run->sandbox->listening().empty(); }));
  EXPECT_EQ(run->sandbox->listening().at(0), (model::ListeningSocket{.address = "127.0.0.1", .port = 8080}));
  EXPECT_THAT(exchange(*run, 8080, "GET /cgi-bin/peer HTTP/1.0\r\n\r\n"), HasSubstr("peer 169.254.8.1"));
  run->sandbox->stop(std::chrono::seconds(0));
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(run->end->reason, model::Reason::none);
}

TEST_P(SandboxTest, a_signal_that_ends_the_app_is_known) {
  auto run = create("kill -SEGV $$$$");  // as in Kubernetes, $$ is one $
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(run->end->reason, model::Reason::app_killed);
  EXPECT_EQ(run->end->exit->signal, SIGSEGV);
}

TEST_P(SandboxTest, an_app_beyond_its_memory_is_told_apart_from_a_killed_one) {
  auto run = create("exec tail /dev/zero");
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(run->end->reason, model::Reason::out_of_memory) << run->end->detail;
  ASSERT_TRUE(run->end->exit);
  EXPECT_TRUE(run->end->exit->out_of_memory);
  EXPECT_GT(run->end->peak_memory_bytes, 32LL << 20);
}

TEST_P(SandboxTest, a_full_disk_is_an_error_of_the_app_and_not_its_end) {
  auto run = create("dd if=/dev/zero of=/big bs=1M count=64 2>/dev/null; echo $?; rm /big; echo still here");
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(run->end->reason, model::Reason::app_exited) << run->end->detail;
  EXPECT_EQ(read_output(*run), "1\nstill here\n");
  EXPECT_LT(run->end->peak_memory_bytes, 64LL << 20);
}

// 64 MiB, of which the layer may have a half, /dev/shm a quarter and a volume three quarters.
class SandboxFilesTest : public SandboxTest {
 protected:
  model::Revision writing(const std::string& script) const {
    model::Revision out = revision(script);
    out.spec.volumes = {{.name = "v", .size_bytes = 48LL << 20}};
    out.spec.container.mounts = {{.volume = "v", .path = "/v"}};
    return out;
  }
};

TEST_P(SandboxFilesTest, what_is_in_the_layer_shared_memory_and_volumes_is_memory_of_the_instance) {
  const auto held_by = [&](const std::string& place) {
    auto run = create(writing("head -c 12000000 /dev/zero > " + place + "/x && echo full; sleep 1000"));
    const bool full = run_until_started(*run) && wait_output(*run, "full");
    const std::int64_t held = full ? run->sandbox->memory_bytes() : 0;
    run->sandbox->stop(base::Duration{0});
    EXPECT_TRUE(run_until_ended(*run));
    return held;
  };
  for (const char* place : {"/tmp", "/dev/shm", "/v"}) EXPECT_GT(held_by(place), 12'000'000) << place;
}

TEST_P(SandboxFilesTest, who_fills_them_all_is_killed_for_its_memory_limit) {
  auto run = create(writing(
      "for place in /tmp /dev/shm /v; do cat /dev/zero > $place/x; [ $? -gt 128 ] && exit 9; done; echo survived"));
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(run->end->reason, model::Reason::out_of_memory) << run->end->detail << read_output(*run);
  EXPECT_TRUE(run->end->exit->out_of_memory);
}

TEST_P(SandboxTest, a_stop_lets_the_app_end_by_itself) {
  auto run = create("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_output(*run, "ready"));
  run->sandbox->stop(std::chrono::seconds(30));
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_EQ(run->end->reason, model::Reason::none);
  EXPECT_EQ(run->end->exit->code, 5);
  EXPECT_EQ(read_output(*run), "bye\n");
}

TEST_P(SandboxTest, an_app_that_does_not_listen_to_sigterm_is_killed_with_all_it_started) {
  auto run = create("trap '' TERM; sleep 1000 & echo ready; while :; do sleep 1000; done");
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_output(*run, "ready"));
  run->sandbox->stop(std::chrono::seconds(30));
  run->sandbox->stop(std::chrono::milliseconds(20));  // a later call shortens the grace
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_EQ(run->end->reason, model::Reason::none);
  EXPECT_EQ(run->end->exit->signal, SIGKILL);
}

TEST_P(SandboxTest, a_prepared_sandbox_can_be_stopped_before_its_start) {
  auto run = create("true");
  ASSERT_TRUE(wait([&] { return run->prepared; }));
  run->sandbox->stop(std::chrono::seconds(10));
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_EQ(run->end->reason, model::Reason::none);
  EXPECT_FALSE(run->end->exit);
  auto early = create("true");
  early->sandbox->stop(std::chrono::seconds(10));  // while the runtime still works
  ASSERT_TRUE(wait([&] { return early->end.has_value(); }));
  EXPECT_FALSE(early->prepared);
}

TEST_P(SandboxTest, root_has_the_listed_capabilities_and_can_gain_no_more) {
  auto run = create("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; cat /proc/self/uid_map");
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(read_output(*run),
            "CapInh:\t0000000000000000\nCapPrm:\t00000000000404fb\nCapEff:\t00000000000404fb\n"
            "CapBnd:\t00000000000404fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
            "         0 1879048192      65536\n");
}

TEST_P(SandboxTest, another_user_and_a_hardened_root_have_no_capabilities) {
  const std::string script = "id -u; id -g; id -G; grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status; echo x > /dev/stdout";
  const std::string none = "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nx\n";
  model::Revision user = revision(script);
  user.image.config.uid = 1000;
  user.image.config.gid = 1001;
  user.image.config.groups = {1001, 50};
  auto run = create(user);
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(read_output(*run), "1000\n1001\n1001 50\n" + none);
  model::Revision hardened = revision(script);
  hardened.spec.capabilities = model::CapabilitySet::none;
  run = create(hardened);
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(read_output(*run), "0\n0\n0\n" + none);
}

TEST_P(SandboxTest, a_program_that_cannot_run_is_explained) {
  model::Revision missing = revision("");
  missing.spec.container.command = {"srever"};
  auto run = create(missing);
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_FALSE(run->started);
  EXPECT_EQ(run->end->reason, model::Reason::app_exited);
  EXPECT_EQ(run->end->exit->code, 127);
  EXPECT_EQ(run->end->detail, "cannot run 'srever': there is no such program in PATH=/bin");
  missing.spec.container.command = {"/etc"};
  run = create(missing);
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(run->end->exit->code, 126);
  EXPECT_EQ(run->end->detail, "cannot run '/etc': Permission denied");
}

TEST_P(SandboxTest, the_environment_and_files_of_the_platform_are_there_and_a_missing_folder_is_made) {
  model::Revision wanted =
      revision("pwd; echo $PORT $K_SERVICE $HOME; cat /etc/hostname; grep hola /etc/hosts; ls -d /dev/shm");
  wanted.spec.container.working_dir = "/srv/deep";
  auto run = create(wanted);
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(read_output(*run), "/srv/deep\n8080 hola /\nhola-0\n127.0.0.1\thola-0\n/dev/shm\n");
}

TEST_P(SandboxTest, an_image_is_not_changed_by_what_runs_on_it) {
  auto run = create("echo x > /new; rm /bin/ls; stat -c %u /bin/busybox; chmod 700 /etc; echo done");
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(read_output(*run), "0\ndone\n");
  EXPECT_FALSE(std::filesystem::exists(data_ + "/images/busybox/new"));
  EXPECT_TRUE(std::filesystem::is_symlink(data_ + "/images/busybox/bin/ls"));
}

TEST_P(SandboxTest, a_broken_order_is_refused_before_anything_is_made) {
  const auto refused = [&](const std::string& id, int slot, const model::Revision& wanted) {
    return !host_->create({.id = base::InstanceId(id), .slot = slot, .revision = wanted}, {});
  };
  EXPECT_TRUE(refused("../x", 0, revision("true")));
  EXPECT_TRUE(refused("", 0, revision("true")));
  EXPECT_TRUE(refused("a", -1, revision("true")));
  EXPECT_TRUE(refused("a", net::kMostInstanceSlots, revision("true")));
  model::Revision wrong = revision("true");
  wrong.image.rootfs = "images/busybox";
  EXPECT_TRUE(refused("a", 0, wrong));
  wrong = revision("true");
  wrong.image.config.uid = 70000;
  EXPECT_TRUE(refused("a", 0, wrong));
  wrong = revision("true");
  wrong.image.rootfs = data_ + "/images/none";
  EXPECT_TRUE(refused("a", 0, wrong));
  EXPECT_FALSE(std::filesystem::exists(data_ + "/run/a"));
}

INSTANTIATE_TEST_SUITE_P(Runtimes, SandboxFilesTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });
INSTANTIATE_TEST_SUITE_P(Runtimes, SandboxTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace marea::engine::local
