#include "app/cli_build_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/test_images.h"

namespace marea::app {
namespace {

using pipeline::testing::TempDir;
using pipeline::testing::write_file;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

BuildPlan planned(const TempDir& dir, const BuildWishes& wishes = {}) {
  base::Result<BuildPlan> plan = plan_build(dir.path(), wishes);
  EXPECT_TRUE(plan) << plan.error().line();
  return plan ? *std::move(plan) : BuildPlan{};
}

TEST(CliBuildPlan, TheFileThatAShellMadeForThePrintedDockerfileIsNone) {
  const TempDir dir;
  write_file(dir / "main.py", "");
  write_file(dir / "Dockerfile", "");
  const BuildPlan plan = planned(dir);
  EXPECT_TRUE(plan.pack);
  EXPECT_THAT(plan.text, HasSubstr("python"));
  EXPECT_EQ(planned(dir, {.dockerfile = "Dockerfile", .pack = {}}).text, "") << "asked for by name";
}

TEST(CliBuildPlan, ADockerfileThatWasMadeAndKeptLeavesTheSameAtHome) {
  const TempDir dir;
  write_file(dir / "main.py", "");
  write_file(dir / ".gitignore", "private\n");
  write_file(dir / "dist/x", "");
  const std::string made = planned(dir).text;
  write_file(dir / "Dockerfile", made + "RUN true\n");
  const BuildPlan kept = planned(dir);
  EXPECT_FALSE(kept.pack);
  EXPECT_EQ(kept.dockerfile.path, "Dockerfile");
  for (const char* path : {"private", ".env", "sub/.env", "dist/x"}) EXPECT_TRUE(kept.rules.ignores(path)) << path;
  EXPECT_FALSE(kept.rules.ignores("main.py"));
  EXPECT_THAT(kept.left, ElementsAre("dist"));
  write_file(dir / "Dockerfile", made.substr(made.find('\n') + 1));
  const BuildPlan own = planned(dir);
  for (const char* path : {"private", ".env", "dist/x"}) EXPECT_FALSE(own.rules.ignores(path)) << path;
}

TEST(CliBuildPlan, FoldersThatOnlyLookLikeBuiltOnesAreTold) {
  const TempDir dir;
  write_file(dir / "main.py", "");
  for (const char* file : {"build/a", "dist/a", "venv/a", "src/build/a", ".git/config", "node_modules/a"}) {
    write_file(dir / file, "");
  }
  write_file(dir / ".gitignore", "venv\n");
  write_file(dir / ".dockerignore", "!dist\n");
  const BuildPlan plan = planned(dir);
  EXPECT_THAT(plan.left, ElementsAre("build"));
  EXPECT_THAT(describe_plan(plan, Words(Language::en)),
              Contains(HasSubstr("left at home, as built here: build (!build in .dockerignore")));
  write_file(dir / "Procfile", "web: python build/a\n");
  EXPECT_THAT(planned(dir).left, ElementsAre());
}

}  // namespace
}  // namespace marea::app
