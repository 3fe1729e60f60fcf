#include "engine/local/sandbox_end.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <csignal>

namespace marea::engine::local {
namespace {

using model::Reason;
using testing::HasSubstr;

constexpr int exited(int code) {
  return code << 8;
}

TEST(SandboxEnd, an_app_that_exits_is_told_with_its_code_even_zero) {
  for (const int code : {0, 3}) {
    const SandboxEnd end = judge_end({.wait_status = exited(code), .app_started = true});
    EXPECT_EQ(end.reason, Reason::app_exited);
    EXPECT_EQ(end.exit->code, code);
  }
}

TEST(SandboxEnd, a_signal_is_not_an_exit) {
  const SandboxEnd end = judge_end({.wait_status = SIGSEGV, .app_started = true});
  EXPECT_EQ(end.reason, Reason::app_killed);
  EXPECT_EQ(end.exit->signal, SIGSEGV);
  EXPECT_THAT(end.detail, HasSubstr("SIGSEGV"));
}

TEST(SandboxEnd, a_kill_for_memory_is_known_whoever_was_killed) {
  const EndFacts app{.wait_status = SIGKILL, .app_started = true, .memory_limit = 64LL << 20, .out_of_memory_kills = 1};
  EXPECT_EQ(judge_end(app).reason, Reason::out_of_memory);
  EXPECT_TRUE(judge_end(app).exit->out_of_memory);
  EXPECT_THAT(judge_end(app).detail, HasSubstr("64 MiB"));
  // A shell reports its child's end by its own code.
  EXPECT_EQ(judge_end({.wait_status = exited(137), .app_started = true, .out_of_memory_kills = 1}).reason,
            Reason::out_of_memory);
  // Even the shim may be the victim; then nobody reports.
  EXPECT_EQ(judge_end({.app_started = true, .out_of_memory_kills = 2}).reason, Reason::out_of_memory);
  // An app that lost a worker and ended well is no failure for memory.
  EXPECT_EQ(judge_end({.wait_status = exited(0), .app_started = true, .out_of_memory_kills = 1}).reason,
            Reason::app_exited);
}

TEST(SandboxEnd, an_end_on_request_has_no_reason_but_its_status) {
  const SandboxEnd end = judge_end({.asked_to_stop = true, .wait_status = exited(1), .app_started = true});
  EXPECT_EQ(end.reason, Reason::none);
  EXPECT_EQ(end.exit->code, 1);
}

TEST(SandboxEnd, a_program_that_cannot_run_is_the_apps_fault_and_a_refusing_runtime_is_not) {
  const SandboxEnd app = judge_end({.failure = "cannot run 'x'", .not_started = 127});
  EXPECT_EQ(app.reason, Reason::app_exited);
  EXPECT_EQ(app.exit->code, 127);
  EXPECT_EQ(app.detail, "cannot run 'x'");
  const SandboxEnd runtime = judge_end({.failure = "crun refused"});
  EXPECT_EQ(runtime.reason, Reason::sandbox_failed);
  EXPECT_FALSE(runtime.exit);
  EXPECT_EQ(runtime.detail, "crun refused");
}

}  // namespace
}  // namespace marea::engine::local
