#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

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

INSTANTIATE_TEST_SUITE_P(Runtimes, SandboxTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace marea::engine::local
