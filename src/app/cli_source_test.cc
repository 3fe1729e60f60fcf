#include "app/cli_source.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>

#include "base/clock.h"
#include "net/process.h"
#include "pipeline/test_images.h"

namespace marea::app {
namespace {

using pipeline::testing::TempDir;
using pipeline::testing::write_file;

bool run(std::vector<std::string> argv) {
  const base::SystemClock clock;
  net::Loop loop(clock);
  int status = -1;
  bool ended = false;
  const auto process =
      net::Process::start(loop, {.argv = std::move(argv), .env = {}, .descriptors = {}, .directory = {}},
                          {.on_line = {}, .on_exit = [&](int wait_status) {
                             status = wait_status;
                             ended = true;
                           }});
  if (!process) return false;
  for (const base::Instant end = clock.now() + std::chrono::seconds(60); !ended && clock.now() < end;) {
    loop.turn(std::chrono::milliseconds(100));
  }
  return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// A checkout of one commit whose settings name a program that leaves a mark.
class CliSource : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!run({"git", "--version"})) GTEST_SKIP() << "needs git";
    write_file(dir_ / "file", "one\n");
    ASSERT_TRUE(git({"init", "-q", "-b", "trunk"}));
    ASSERT_TRUE(git({"add", "."}));
    ASSERT_TRUE(git({"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first"}));
    write_file(trap(), "#!/bin/sh\ntouch '" + mark() + "'\ncat\n");
    std::filesystem::permissions(trap(), std::filesystem::perms::owner_all);
  }
  bool git(std::vector<std::string> words) const {
    words.insert(words.begin(), {"git", "-C", dir_.path()});
    return run(std::move(words));
  }
  std::string trap() const { return dir_ / ".git/trap"; }
  std::string mark() const { return dir_ / ".git/sprung"; }
  bool sprung() const { return std::filesystem::remove(mark()); }

  TempDir dir_;
};

TEST_F(CliSource, FiltersOfACheckoutDoNotRun) {
  for (const char* name : {"filter.trap.clean", "filter.a=b.process", "filter.c.d.clean"}) {
    ASSERT_TRUE(git({"config", name, trap()}));
  }
  ASSERT_TRUE(git({"config", "filter.trap.required", "true"}));
  write_file(dir_ / ".gitattributes", "file filter=trap\nother filter=a=b\n");
  write_file(dir_ / "file", "two\n");
  git({"status"});
  ASSERT_TRUE(sprung()) << "git itself runs them, or this test tells nothing";
  write_file(dir_ / "file", "six\n");
  const std::optional<GitSource> source = source_of(dir_.path());
  EXPECT_FALSE(sprung());
  ASSERT_TRUE(source);
  EXPECT_EQ(source->branch, "trunk");
  EXPECT_TRUE(source->dirty);
}

TEST_F(CliSource, AMonitorOfACheckoutDoesNotRun) {
  ASSERT_TRUE(git({"config", "core.fsmonitor", trap()}));
  git({"status"});
  ASSERT_TRUE(sprung()) << "git itself runs it, or this test tells nothing";
  EXPECT_TRUE(source_of(dir_.path()));
  EXPECT_FALSE(sprung());
}

// A lazy fetch of a partial clone would ask the remote through ssh, or through whatever it names.
TEST_F(CliSource, MissingObjectsAreNotFetched) {
  write_file(trap(), "#!/bin/sh\ntouch '" + mark() + "'\n");  // ends at once, so that git does not wait for it
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"core.repositoryformatversion", "1"},
                                    {"extensions.partialClone", "origin"},
                                    {"remote.origin.promisor", "true"},
                                    {"remote.origin.url", "ext::" + trap()},
                                    {"protocol.ext.allow", "always"}}) {
    ASSERT_TRUE(git({"config", name, value}));
  }
  ASSERT_TRUE(run({"sh", "-c", "rm -f \"$1\"/.git/index && find \"$1\"/.git/objects -type f ! -size 0 -delete", "sh",
                   dir_.path()}));
  git({"status"});
  ASSERT_TRUE(sprung()) << "git itself fetches, or this test tells nothing";
  EXPECT_FALSE(source_of(dir_.path()));
  EXPECT_FALSE(sprung());
}

TEST_F(CliSource, ABareRepositoryAmongTheFilesIsNoCheckout) {
  const TempDir outside;
  ASSERT_TRUE(run({"git", "clone", "-q", "--bare", dir_.path(), outside / "tree"}));
  ASSERT_TRUE(run({"git", "-C", outside / "tree", "config", "core.bare", "false"}));
  ASSERT_TRUE(run({"git", "-C", outside / "tree", "config", "core.worktree", outside / "tree"}));
  ASSERT_TRUE(run({"git", "-C", outside / "tree", "status"})) << "git itself takes it for one";
  EXPECT_FALSE(source_of(outside / "tree"));
}

}  // namespace
}  // namespace marea::app
