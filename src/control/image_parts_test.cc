#include "control/image_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pipeline/digest.h"
#include "pipeline/oci_image.h"
#include "pipeline/test_images.h"

namespace marea::control {
namespace {

namespace images = pipeline::testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class ImagePartsTest : public testing::Test {
 protected:
  std::string make(const std::string& content) {
    return layout.add_image({{.tar = images::tar({{.name = "f", .content = content}})}})["digest"];
  }
  std::string file_of(const std::string& digest) const { return pipeline::blob_path(layout.dir() + "/blobs", digest); }
  void damage(const std::string& digest) const { std::ofstream(file_of(digest), std::ios::app) << " "; }

  images::TempDir dir;
  images::TestLayout layout{dir.path()};
  std::vector<std::string> told;
  ImageParts parts{layout.dir() + "/blobs",
                   [this](const std::string& digest, const base::Error&) { told.push_back(digest); }};
};

TEST_F(ImagePartsTest, a_manifest_is_read_once) {
  const std::string digest = make("a");
  const auto first = parts.of(digest);
  ASSERT_TRUE(first) << first.error().line();
  EXPECT_EQ(first->size(), 3U) << "manifest, config, layer";
  std::filesystem::remove(file_of(digest));
  EXPECT_EQ(parts.of(digest), first);
  parts.forget(digest);
  EXPECT_EQ(parts.of(digest).error().code, base::ErrorCode::image_not_found);
  EXPECT_TRUE(told.empty()) << "what is not there is no damage";
}

TEST_F(ImagePartsTest, a_damaged_manifest_keeps_what_its_text_names_and_blobs_of_nobody) {
  const std::string good = make("a");
  const std::string bad = make("b");
  const std::vector<std::string> blobs = *parts.of(bad);
  parts.forget(bad);
  damage(bad);
  const KeptBlobs kept = parts.kept_for({good, bad});
  for (const std::string& blob : blobs) EXPECT_THAT(kept.digests, Contains(blob));
  EXPECT_TRUE(kept.strays);
  EXPECT_FALSE(kept.all);
  EXPECT_THAT(told, ElementsAre(bad));
  const KeptBlobs again = parts.kept_for({good, bad});
  EXPECT_TRUE(again.strays);
  EXPECT_THAT(told, ElementsAre(bad)) << "it is told once";
  EXPECT_TRUE(parts.unreadable().contains(bad));
}

TEST_F(ImagePartsTest, one_that_may_be_read_later_keeps_everything) {
  const std::string bad = make("b");
  std::filesystem::remove(file_of(bad));
  std::filesystem::create_directory(file_of(bad));  // no regular file
  EXPECT_TRUE(parts.kept_for({bad}).all);
  EXPECT_FALSE(parts.kept_for({make("a")}).all);
}

TEST_F(ImagePartsTest, what_can_be_read_again_is_no_longer_named) {
  const std::string digest = make("a");
  const std::string text = *pipeline::read_blob(layout.dir() + "/blobs", {.digest = digest, .bytes = -1}, 1 << 20);
  damage(digest);
  EXPECT_FALSE(parts.of(digest));
  EXPECT_TRUE(parts.unreadable().contains(digest));
  std::ofstream(file_of(digest)) << text;
  EXPECT_TRUE(parts.of(digest));
  EXPECT_TRUE(parts.unreadable().empty());
}

}  // namespace
}  // namespace marea::control
