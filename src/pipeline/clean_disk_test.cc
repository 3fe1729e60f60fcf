#include "pipeline/clean_disk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include <filesystem>

#include "base/fd.h"
#include "pipeline/digest.h"
#include "pipeline/scratch_dir.h"
#include "pipeline/test_images.h"
#include "pipeline/unpack_image.h"

namespace marea::pipeline {
namespace {

namespace msg = net::msg;

TEST(CleanDisk, RemovesTheImagesThatAreNamedAndNoOther) {
  const testing::TempDir temp;
  const testing::TestLayout layout(temp / "layout");
  const std::string images = temp / "images";
  std::filesystem::create_directories(images);
  std::filesystem::create_directories(temp / "build");
  std::vector<std::string> digests;
  for (const char* content : {"x", "y"}) {
    digests.push_back(layout.add_image({{.tar = testing::tar({{.name = "f", .content = content}})}})["digest"]);
    ASSERT_TRUE(unpack_image(layout.blobs(), digests.back(), images, {}));
  }
  const auto done =
      clean_disk({.images = images, .digests = {digests[0], digest_of("not there")}, .storage = temp / "build"}, {});
  ASSERT_TRUE(done) << done.error().line();
  EXPECT_FALSE(find_unpacked(images, digests[0]));
  EXPECT_TRUE(find_unpacked(images, digests[1]));
  int left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(images)) ++left;
  EXPECT_EQ(left, 1) << "nothing else is left";
  EXPECT_FALSE(clean_disk({.images = images, .digests = {"../build"}, .storage = temp / "build"}, {}));
}

TEST(CleanDisk, RemovesNothingOnceNobodyWaits) {
  const testing::TempDir temp;
  const testing::TestLayout layout(temp / "layout");
  const std::string images = temp / "images";
  std::filesystem::create_directories(images);
  std::vector<std::string> digests;
  for (const char* content : {"x", "y"}) {
    digests.push_back(layout.add_image({{.tar = testing::tar({{.name = "f", .content = content}})}})["digest"]);
    ASSERT_TRUE(unpack_image(layout.blobs(), digests.back(), images, {}));
  }
  int asked = 0;
  const auto done = clean_disk({.images = images, .digests = digests, .storage = temp / "build", .clear_storage = true},
                               {.line = {}, .go_on = [&] { return ++asked < 2; }});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, base::ErrorCode::unavailable);
  EXPECT_FALSE(find_unpacked(images, digests[0]));
  EXPECT_TRUE(find_unpacked(images, digests[1])) << "its asker was gone by then";
}

TEST(CleanDisk, RemovesWhatADeathHasLeft) {
  const testing::TempDir temp;
  testing::write_file(temp / "images/.scratch-abcdef/image/rootfs/big", "z");
  ASSERT_TRUE(clean_disk({.images = temp / "images", .storage = temp / "build"}, {}));
  EXPECT_FALSE(std::filesystem::exists(temp / "images/.scratch-abcdef"));
}

TEST(CleanDisk, FreesBlobsThatControlHasTakenTheNamesOf) {
  const testing::TempDir temp;
  testing::write_file(temp / "blobs/sha256/x", "kept");
  {
    base::Result<ScratchDir> grave = ScratchDir::make(temp / "blobs", 0777);
    ASSERT_TRUE(grave);
    testing::write_file(grave->path() + "/y", "buried");
    ASSERT_TRUE(clean_disk({.images = {}, .blobs = temp / "blobs", .storage = temp / "build"}, {}));
    EXPECT_TRUE(std::filesystem::exists(grave->path() + "/y")) << "it is still being filled";
    grave->leave();
  }
  ASSERT_TRUE(clean_disk({.images = {}, .blobs = temp / "blobs", .storage = temp / "build"}, {}));
  int left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(temp / "blobs")) ++left;
  EXPECT_EQ(left, 1);
  EXPECT_TRUE(std::filesystem::exists(temp / "blobs/sha256/x"));
}

TEST(CleanDisk, EmptiesTheBuildStorageUnlessABuildRuns) {
  const testing::TempDir temp;
  const std::string storage = temp / "build";
  testing::write_file(storage + "/overlay/x/diff/big", std::string(300'000, 'z'));
  const auto measured = clean_disk({.images = {}, .digests = {}, .storage = storage}, {});
  ASSERT_TRUE(measured);
  EXPECT_GE(measured->build_bytes, 300'000);
  const base::Fd build(::open((storage + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::flock(build.get(), LOCK_SH), 0);
  const auto refused = clean_disk({.images = {}, .digests = {}, .storage = storage, .clear_storage = true}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::conflict);
  ::flock(build.get(), LOCK_UN);
  const auto cleared = clean_disk({.images = {}, .digests = {}, .storage = storage, .clear_storage = true}, {});
  ASSERT_TRUE(cleared) << cleared.error().line();
  EXPECT_LT(cleared->build_bytes, 300'000);
  EXPECT_FALSE(std::filesystem::exists(storage + "/overlay"));
}

TEST(CleanDisk, LeavesTheFolderOfABuildThatIsAboutToBegin) {
  const testing::TempDir temp;
  const std::string storage = temp / "build";
  testing::write_file(storage + "/overlay/x", "x");
  testing::write_file(storage + "/.scratch-dead00/x", "x");
  const base::Result<ScratchDir> build = ScratchDir::make(storage, 0700);
  ASSERT_TRUE(build);
  ASSERT_TRUE(clean_disk({.images = {}, .digests = {}, .storage = storage, .clear_storage = true}, {}));
  EXPECT_TRUE(std::filesystem::exists(build->path()));
  EXPECT_FALSE(std::filesystem::exists(storage + "/overlay"));
  EXPECT_FALSE(std::filesystem::exists(storage + "/.scratch-dead00"));
}

}  // namespace
}  // namespace marea::pipeline
