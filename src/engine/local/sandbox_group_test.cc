#include <gmock/gmock.h>

#include <csignal>

#include "engine/local/sandbox_fixture.h"

namespace marea::engine::local {
namespace {

using testing::HasSubstr;

constexpr const char* kSleep = "trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done";

class SandboxGroupTest : public SandboxFixture {
 protected:
  model::Revision with_sidecar(const std::string& app, const std::string& sidecar) const {
    model::Revision out = revision(app);
    out.spec.container.name = "app";
    add_sidecar(out, "proxy", sidecar);
    return out;
  }
  // Of the sidecar `proxy`: HTTP on port 9000.
  static void probe(model::Revision& revision, base::Duration period, int failures) {
    revision.spec.sidecars[0].startup = {.kind = model::ProbeKind::http,
                                         .port = 9000,
                                         .path = "/",
                                         .timeout = std::chrono::seconds(1),
                                         .period = period,
                                         .failure_threshold = failures,
                                         .declared = true};
  }
  bool wait_sidecar(const std::string& text) {
    return wait([&] {
      seen_ += read_sidecar("proxy");
      return seen_.find(text) != std::string::npos;
    });
  }
  std::string seen_;
};

TEST_P(SandboxGroupTest, containers_share_localhost_and_nothing_else) {
  auto run =
      create(with_sidecar("touch /mine; until wget -q -O - http://127.0.0.1:9000/a; do sleep 0.05; done; ls /proc | "
                          "grep -c '^[0-9]*$'; env | grep PORT",
                          "mkdir /www; echo sidecar > /www/a; ls /mine; env | grep PORT; env | grep K_SERVICE;"
                          "exec httpd -f -h /www -p 9000"));
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_EQ(run->end->reason, model::Reason::app_exited) << run->end->detail;
  EXPECT_EQ(run->end->container, "") << "it was the app itself that ended";
  const std::string said = read_output(*run);
  EXPECT_THAT(said, HasSubstr("sidecar\n"));
  EXPECT_THAT(said, HasSubstr("PORT=8080"));
  EXPECT_EQ(read_sidecar("proxy"), "K_SERVICE=hola\n") << "no file and no port of the app's";
}

TEST_P(SandboxGroupTest, what_it_uses_now_is_what_all_containers_use) {
  constexpr const char* kEat = "head -c 8000000 /dev/zero > /dev/shm/x && echo full; sleep 1000";
  auto run = create(with_sidecar(kEat, kEat));
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_output(*run, "full"));
  ASSERT_TRUE(wait_sidecar("full"));
  EXPECT_GT(run->sandbox->memory_bytes(), 16'000'000);
  run->sandbox->stop(base::Duration{0});
  ASSERT_TRUE(run_until_ended(*run));
}

TEST_P(SandboxGroupTest, what_it_has_used_is_what_all_containers_have_used) {
  constexpr const char* kBurn =
      "head -c 8000000 /dev/zero > /dev/shm/x; i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; echo done; sleep 1000";
  auto one = create(kBurn);
  ASSERT_TRUE(run_until_started(*one));
  ASSERT_TRUE(wait_output(*one, "done"));
  const SandboxUse alone = one->sandbox->use();
  one->sandbox->stop(base::Duration{0});
  ASSERT_TRUE(run_until_ended(*one));
  auto run = create(with_sidecar("sleep 1000", kBurn));
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_sidecar("done"));
  const SandboxUse use = run->sandbox->use();
  EXPECT_GT(use.cpu, alone.cpu / 4) << "the sidecar's work; the app sleeps";
  EXPECT_GT(use.peak_memory_bytes, 8'000'000);
  run->sandbox->stop(base::Duration{0});
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_GE(run->end->cpu, use.cpu);
  EXPECT_GE(run->end->peak_memory_bytes, use.peak_memory_bytes);
}

TEST_P(SandboxGroupTest, one_that_waits_starts_when_the_other_is_ready) {
  model::Revision revision =
      with_sidecar("wget -q -O - http://127.0.0.1:9000/; echo ok; sleep 1000",
                   "mkdir /www; sleep 0.3; echo there > /www/index.html; exec httpd -f -h /www -p 9000");
  probe(revision, std::chrono::seconds(1), 20);
  revision.spec.container.starts_after = {"proxy"};
  auto run = create(revision);
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_output(*run, "there\nok"));
  run->sandbox->stop(base::Duration{0});
  ASSERT_TRUE(run_until_ended(*run));
}

TEST_P(SandboxGroupTest, one_that_waits_for_the_app_starts_when_that_is_ready) {
  model::Revision revision = with_sidecar(kSleep, kSleep);
  revision.spec.sidecars[0].starts_after = {"app"};
  auto run = create(revision);
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_output(*run, "up"));
  EXPECT_EQ(read_sidecar("proxy"), "");
  run->sandbox->app_ready();
  EXPECT_TRUE(wait_sidecar("up"));
}

TEST_P(SandboxGroupTest, a_dependency_that_never_gets_ready_is_named_and_so_is_who_waits) {
  model::Revision revision = with_sidecar("echo started", "sleep 1000");
  probe(revision, std::chrono::milliseconds(200), 1);
  revision.spec.container.starts_after = {"proxy"};
  auto run = create(revision);
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_FALSE(run->prepared);
  EXPECT_EQ(run->end->reason, model::Reason::startup_probe_failed);
  EXPECT_EQ(run->end->container, "proxy");
  EXPECT_THAT(run->end->detail, HasSubstr("container \"proxy\": its startup probe (HTTP / on port 9000) did not"));
  EXPECT_THAT(run->end->detail, HasSubstr("\"app\" waits for it"));
  EXPECT_EQ(read_output(*run), "");
}

TEST_P(SandboxGroupTest, a_sidecar_that_ends_is_told_and_the_app_ends_by_sigterm) {
  auto run =
      create(with_sidecar("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done", "sleep 2; exit 3"));
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_output(*run, "up")) << "it has set its trap";
  ASSERT_TRUE(wait([&] { return run->failing.has_value(); }));
  EXPECT_EQ(run->failing->container, "proxy");
  EXPECT_THAT(run->failing->detail, HasSubstr("container \"proxy\": the app ended: exit code 3"));
  EXPECT_FALSE(run->end) << "the app still has its requests";
  run->sandbox->stop(std::chrono::seconds(30));
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_EQ(run->end->exit->code, 3);
  EXPECT_EQ(run->end->container, "proxy");
  EXPECT_THAT(read_output(*run), HasSubstr("bye"));
}

TEST_P(SandboxGroupTest, a_sidecar_that_fails_before_the_start_leaves_the_others_time_to_end) {
  model::Revision revision = with_sidecar("trap 'echo bye; exit 0' TERM; echo up > /v/up; while :; do sleep 0.02; done",
                                          "while ! grep -q up /v/up; do sleep 0.05; done; exit 3");
  revision.spec.volumes = {{.name = "v"}};
  for (model::Container* each : {&revision.spec.container, &revision.spec.sidecars[0]}) {
    each->mounts = {{.volume = "v", .path = "/v"}};
  }
  probe(revision, std::chrono::seconds(100), 1);
  auto run = create(revision);
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_FALSE(run->prepared) << "it was never said to start";
  EXPECT_EQ(run->end->container, "proxy");
  EXPECT_EQ(run->end->exit->code, 3);
  EXPECT_THAT(read_output(*run), HasSubstr("bye"));
  EXPECT_THAT(left_behind(), testing::IsEmpty());
}

TEST_P(SandboxGroupTest, memory_of_a_sidecar_is_its_own) {
  model::Revision revision = with_sidecar(kSleep, "sleep 2; exec tail /dev/zero");
  revision.spec.sidecars[0].limits.memory_bytes = 20LL << 20;
  auto run = create(revision);
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait([&] { return run->failing.has_value(); }));
  EXPECT_EQ(run->failing->reason, model::Reason::out_of_memory) << run->failing->detail;
  EXPECT_THAT(run->failing->detail,
              HasSubstr("container \"proxy\": a process was killed because the memory limit of 20"));
}

TEST_P(SandboxGroupTest, the_end_of_the_app_ends_all) {
  auto run = create(with_sidecar("sleep 0.2; exit 7", "trap '' TERM; while :; do sleep 1000; done"));
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(run->end->reason, model::Reason::app_exited);
  EXPECT_EQ(run->end->exit->code, 7);
  EXPECT_FALSE(run->failing);
}

TEST_P(SandboxGroupTest, sigterm_goes_to_all_and_sigkill_to_who_is_left) {
  auto run = create(with_sidecar(kSleep, "trap 'echo heard' TERM; echo up; while :; do sleep 0.02; done"));
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_output(*run, "up"));
  ASSERT_TRUE(wait_sidecar("up"));
  run->sandbox->stop(std::chrono::seconds(30));
  ASSERT_TRUE(wait_sidecar("heard"));
  ASSERT_TRUE(wait([&] { return !run->parting.containers.empty() && run->parting.containers[0]; }))
      << "the app ends by itself";
  run->sandbox->stop(std::chrono::milliseconds(20));  // a later call shortens the grace
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_EQ(run->end->reason, model::Reason::none);
  EXPECT_EQ(run->end->exit->code, 0);
  EXPECT_EQ(run->end->exit->signal, 0);
  EXPECT_GT(run->end->cpu.count(), 0);
}

TEST_P(SandboxGroupTest, what_sidecars_listen_on_is_not_the_apps) {
  auto run = create(with_sidecar("sleep 1000", "exec httpd -f -h / -p 9000"));
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait([&] { return exchange(*run, 9000, "GET / HTTP/1.0\r\n\r\n").starts_with("HTTP"); }));
  EXPECT_TRUE(run->sandbox->listening().empty());
}

TEST_P(SandboxGroupTest, one_whose_program_is_missing_ends_the_instance_and_leaves_nothing) {
  model::Revision revision = with_sidecar("sleep 1000", "");
  revision.spec.sidecars[0].command = {"/no/such"};
  revision.spec.sidecars[0].startup.declared = true;
  revision.spec.sidecars[0].startup.port = 9000;
  auto run = create(revision);
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_THAT(run->end->detail, HasSubstr("container \"proxy\": cannot run '/no/such'"));
  EXPECT_EQ(run->end->exit->code, 127);
  EXPECT_THAT(left_behind(), testing::IsEmpty());
}

TEST_P(SandboxGroupTest, a_sandbox_that_cannot_be_made_takes_the_others_with_it) {
  model::Revision revision = with_sidecar("sleep 1000", "true");
  revision.sidecar_images[0].rootfs = data_ + "/images/absent";
  auto run = create(revision);
  ASSERT_TRUE(wait([&] { return run->end.has_value(); }));
  EXPECT_EQ(run->end->reason, model::Reason::sandbox_failed);
  EXPECT_THAT(run->end->detail, HasSubstr("container \"proxy\": "));
  EXPECT_THAT(left_behind(), testing::IsEmpty());
}

TEST_P(SandboxGroupTest, the_next_engine_takes_over_all_containers) {
  model::Revision revision = with_sidecar("echo up; httpd -f -h / -p 8080", "mkdir /w; exec httpd -f -h /w -p 9000");
  add_sidecar(revision, "late", kSleep);
  revision.spec.sidecars[1].starts_after = {"app"};
  auto run = create(revision);
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_output(*run, "up"));
  abandon(*run);
  auto next = adopt(revision, {.app_started = true});
  ASSERT_TRUE(next);
  host_->remove_leftovers({{base::InstanceId("hola-0"), 0}});
  ASSERT_TRUE(wait([&] { return exchange(*next, 9000, "GET / HTTP/1.0\r\n\r\n").starts_with("HTTP"); }));
  ASSERT_TRUE(wait([&] { return exchange(*next, 8080, "GET / HTTP/1.0\r\n\r\n").starts_with("HTTP"); }));
  next->sandbox->app_ready();
  ASSERT_TRUE(wait([&] {
    seen_ += read_sidecar("late");
    return seen_ == "up\n";
  })) << "it had not been started by the engine before";
  next->sandbox->stop(std::chrono::milliseconds(200));
  ASSERT_TRUE(run_until_ended(*next));
  EXPECT_EQ(next->end->reason, model::Reason::none) << next->end->detail;
  EXPECT_THAT(left_behind(), testing::IsEmpty());
}

TEST_P(SandboxGroupTest, a_sidecar_that_ends_while_nobody_looks_is_told_by_the_next_engine) {
  const model::Revision revision = with_sidecar(kSleep, "sleep 0.3; exit 4");
  auto run = create(revision);
  ASSERT_TRUE(run_until_started(*run));
  abandon(*run);
  auto next = adopt(revision, {.app_started = true});
  ASSERT_TRUE(next);
  ASSERT_TRUE(wait([&] { return next->failing.has_value(); }));
  EXPECT_THAT(next->failing->detail, HasSubstr("container \"proxy\": the app ended: exit code 4"));
  next->sandbox->stop(std::chrono::seconds(10));
  ASSERT_TRUE(run_until_ended(*next));
}

TEST_P(SandboxGroupTest, what_ended_under_one_engine_is_told_by_the_next) {
  const model::Revision revision = with_sidecar(kSleep, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 4");
  auto run = create(revision);
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait([&] { return run->failing.has_value(); }));
  ASSERT_EQ(run->parting.containers.size(), 2U);
  EXPECT_FALSE(run->parting.containers[0]);
  ASSERT_TRUE(run->parting.containers[1]);
  const SandboxEnd known = *run->parting.containers[1];
  EXPECT_GT(known.cpu.count(), 0);
  run->sandbox->stop(std::chrono::seconds(30));
  const SandboxPast past{.app_started = true, .asked_to_stop = true, .parting = run->parting};
  abandon(*run);
  auto next = adopt(revision, past);
  ASSERT_TRUE(next);
  next->sandbox->stop(std::chrono::seconds(10));
  ASSERT_TRUE(run_until_ended(*next));
  EXPECT_EQ(next->end->reason, model::Reason::app_exited);
  EXPECT_EQ(next->end->container, "proxy");
  EXPECT_EQ(next->end->exit->code, 4);
  EXPECT_GE(next->end->cpu, known.cpu) << "its group is gone, what it used is not";
  EXPECT_EQ(next->dyings, 1);
  EXPECT_THAT(left_behind(), testing::IsEmpty());
}

TEST_P(SandboxGroupTest, the_end_is_told_once_before_the_last_is_removed) {
  auto run = create(with_sidecar(kSleep, kSleep));
  ASSERT_TRUE(run_until_started(*run));
  run->sandbox->stop(base::Duration{0});
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(run->dyings, 1);
}

TEST_P(SandboxGroupTest, a_sidecar_has_its_network_until_it_ends) {
  model::Revision revision =
      with_sidecar("trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done",
                   "trap 'sleep 0.5; grep -c eth0 /proc/net/dev; exit 0' TERM; echo up; while :; do sleep 0.02; done");
  revision.spec.egress = model::Egress::internet;
  auto run = create(revision);
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_output(*run, "up"));
  ASSERT_TRUE(wait_sidecar("up"));
  run->sandbox->stop(std::chrono::seconds(20));
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(read_sidecar("proxy"), "1\n");
}

TEST_P(SandboxGroupTest, a_probe_of_a_sidecar_has_the_cpu_that_it_needs) {
  // An answer takes tenths of a second of CPU. A second probe is made only when the first one passed.
  model::Revision revision =
      with_sidecar("sleep 1000",
                   "mkdir -p /www/cgi-bin; cd /www/cgi-bin; touch /done; echo '#!/bin/sh' > slow; "
                   "echo 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo x >> /done; "
                   "printf \"Content-Type: text/plain\\r\\n\\r\\n\"' >> slow; "
                   "chmod 755 slow; httpd -h /www -p 9000; echo up; "
                   "while [ $(grep -c x /done) -lt 2 ]; do sleep 0.5; done; echo probed; sleep 1000");
  revision.spec.sidecars[0].liveness = model::Probe{.kind = model::ProbeKind::http,
                                                    .port = 9000,
                                                    .path = "/cgi-bin/slow",
                                                    .timeout = std::chrono::seconds(6),
                                                    .period = std::chrono::seconds(2),
                                                    .failure_threshold = 1,
                                                    .declared = true};
  auto run = create(revision);
  ASSERT_TRUE(run_until_started(*run));
  ASSERT_TRUE(wait_sidecar("up"));
  run->sandbox->give_cpu(CpuGrant::throttled);
  ASSERT_TRUE(wait([&] {
    seen_ += read_sidecar("proxy");
    return run->failing || seen_.find("probed") != std::string::npos;
  }));
  EXPECT_FALSE(run->failing) << run->failing->detail;
}

TEST_P(SandboxGroupTest, a_half_made_group_is_a_leftover) {
  model::Revision revision = with_sidecar("sleep 1000", "sleep 1000");
  probe(revision, std::chrono::seconds(100), 1);
  auto run = create(revision);
  ASSERT_TRUE(wait([&] { return held_shim_.size() == 2; }));
  abandon(*run);
  host_->remove_leftovers({});
  EXPECT_TRUE(wait([&] { return left_behind().empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Runtimes, SandboxGroupTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace marea::engine::local
