#include "pipeline/buildah.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "base/clock.h"
#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

// A buildah that says how it was called.
TEST(Buildah, nothing_that_it_reads_or_writes_by_itself_is_the_machines) {
  const testing::TempDir dir;
  testing::write_file(dir / "bin/buildah",
                      "#!/bin/sh\nprintf '%s\\n' \"$@\" \"HOME=$HOME\" \"CONF=$CONTAINERS_CONF\"\n");
  ::chmod((dir / "bin/buildah").c_str(), 0755);
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", (dir / "bin").c_str(), 1);
  std::filesystem::create_directories(dir / "scratch");
  const base::SystemClock clock;
  net::Loop loop(clock);
  const JobEvents events;
  auto buildah = Buildah::open(loop, events, dir / "storage", dir / "scratch");
  ASSERT_TRUE(buildah) << buildah.error().line();
  const auto said = buildah->run({"images"}, Buildah::Show::nothing);
  ::setenv("PATH", before.c_str(), 1);
  ASSERT_TRUE(said) << said.error().line();
  const std::vector<std::string>& lines = said->lines;
  const auto after = [&](const std::string& word) {
    const auto found = std::ranges::find(lines, word);
    return found == lines.end() || found + 1 == lines.end() ? std::string("absent") : *(found + 1);
  };
  EXPECT_EQ(after("--registries-conf"), dir / "scratch/registries.conf");
  EXPECT_EQ(after("--short-name-alias-conf"), dir / "scratch/short-name-aliases.conf");
  EXPECT_EQ(after("--runroot"), dir / "scratch/run");
  EXPECT_TRUE(after("--root").starts_with(dir / "storage"));
  EXPECT_THAT(lines, ::testing::Contains("HOME=" + (dir / "scratch/home")));
  EXPECT_THAT(lines, ::testing::Contains("CONF=" + (dir / "scratch/containers.conf")));
}

}  // namespace
}  // namespace marea::pipeline
