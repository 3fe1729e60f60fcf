#include <gmock/gmock.h>

#include "engine/local/sandbox_fixture.h"

namespace marea::engine::local {
namespace {

using testing::HasSubstr;

class SandboxAdoptTest : public SandboxFixture {};

TEST_P(SandboxAdoptTest, a_running_app_is_reached_and_stopped_by_the_next_engine) {
  const std::string script =
      "echo tide > /index.html; trap 'exit 5' TERM; httpd -f -h / -p 8080 & while :; do sleep 0.1; done";
  auto run = create(script);
  ASSERT_TRUE(run_until_started(*run));
  abandon(*run);
  auto next = adopt(revision(script), {.app_started = true});
  ASSERT_TRUE(next);
  host_->remove_leftovers({{base::InstanceId("hola-0"), 0}});
  ASSERT_TRUE(wait([&] { return !next->sandbox->listening().empty(); }));
  EXPECT_THAT(exchange(*next, 8080, "GET / HTTP/1.0\r\n\r\n"), HasSubstr("tide"));
  next->sandbox->stop(std::chrono::seconds(10));
  ASSERT_TRUE(run_until_ended(*next));
  EXPECT_EQ(next->end->reason, model::Reason::none);
  EXPECT_EQ(next->end->exit->code, 5);
  EXPECT_GT(next->end->peak_memory_bytes, 0);
}

TEST_P(SandboxAdoptTest, an_app_that_ends_while_nobody_looks_leaves_its_exit_code) {
  auto run = create("exit 7");
  ASSERT_TRUE(wait([&] { return run->prepared || run->end; }));
  run->sandbox->start();  // and the engine dies before it hears anything
  abandon(*run);
  std::unique_ptr<TestRun> next;
  ASSERT_TRUE(wait([&] {
    HeldDescriptors again(1);
    for (const base::Fd& fd : held_shim_.at(0)) again[0].push_back(fd.duplicate());
    next = adopt(revision("exit 7"), {});
    if (!next) held_shim_ = std::move(again);
    return next != nullptr;
  })) << "the shim's words wait in its socket";
  ASSERT_TRUE(run_until_ended(*next));
  EXPECT_TRUE(next->started);
  EXPECT_EQ(next->end->reason, model::Reason::app_exited);
  EXPECT_EQ(next->end->exit->code, 7);
}

TEST_P(SandboxAdoptTest, memory_that_ran_out_meanwhile_is_told) {
  auto run = create("sleep 1; exec tail /dev/zero");
  ASSERT_TRUE(run_until_started(*run));
  abandon(*run);
  auto next = adopt(revision("sleep 1; exec tail /dev/zero"), {.app_started = true});
  ASSERT_TRUE(next);
  ASSERT_TRUE(run_until_ended(*next));
  EXPECT_EQ(next->end->reason, model::Reason::out_of_memory) << next->end->detail;
}

TEST_P(SandboxAdoptTest, a_half_made_one_is_a_leftover) {
  auto run = create("exec sleep 1000");
  ASSERT_TRUE(wait([&] { return run->prepared || run->end; }));
  abandon(*run);
  EXPECT_FALSE(adopt(revision("exec sleep 1000"), {}));
  host_->remove_leftovers({});
  auto next = create("exit 0");
  EXPECT_TRUE(run_until_ended(*next)) << "its slot and its name are free";
}

INSTANTIATE_TEST_SUITE_P(Runtimes, SandboxAdoptTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace marea::engine::local
