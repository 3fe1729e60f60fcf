#include "pipeline/archive_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "pipeline/digest.h"
#include "pipeline/oci_layout.h"
#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;

TEST(ArchiveReference, is_a_scheme_a_file_and_perhaps_which_image) {
  const auto docker = parse_archive_reference("docker-archive:/a/b.tar:web:1");
  ASSERT_TRUE(docker);
  EXPECT_EQ(docker->file, "/a/b.tar");
  EXPECT_EQ(docker->image, "web:1");
  EXPECT_EQ(to_string(*docker), "docker-archive:/a/b.tar:web:1");
  const auto oci = parse_archive_reference("oci-archive:b.tar");
  ASSERT_TRUE(oci);
  EXPECT_EQ(oci->kind, ArchiveKind::oci);
  EXPECT_EQ(oci->image, "");
  for (const char* text : {"docker-archive:", "oci-archive::x", "oci:/x", "b.tar", ""}) {
    EXPECT_FALSE(parse_archive_reference(text)) << text;
  }
}

class Archive : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(top_ + "/scratch");
    const std::string layer = testing::tar({{.name = "f", .content = "hello"}});
    config_ = R"({"architecture":")" + host_architecture() + R"(","os":"linux","config":{"Cmd":["/f"]},)" +
              R"("rootfs":{"type":"layers","diff_ids":[")" + digest_of(layer) + R"("]}})";
    layer_ = layer;
  }
  void TearDown() override { std::filesystem::remove_all(top_); }
  base::Result<LayoutImage> open(const std::string& bytes, const std::string& image = "") {
    testing::write_file(top_ + "/a.tar", bytes);
    const auto layout =
        unpack_archive({.kind = ArchiveKind::docker, .file = top_ + "/a.tar", .image = image}, top_ + "/scratch");
    if (!layout) return base::fail(layout.error());
    return open_layout(*layout);
  }
  std::string archive(const std::string& manifest) const {
    return testing::tar({{.name = "manifest.json", .content = manifest},
                         {.name = "c.json", .content = config_},
                         {.name = "l/layer.tar", .content = layer_}});
  }
  static std::string entry(const std::string& name) {
    return R"({"Config":"c.json","RepoTags":[")" + name + R"("],"Layers":["l/layer.tar"]})";
  }

  std::string top_ = ::testing::TempDir() + "archive-" + std::to_string(::getpid());
  std::string config_;
  std::string layer_;
};

TEST_F(Archive, of_docker_becomes_a_layout) {
  const auto image = open(archive("[" + entry("web:1") + "]"));
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(image->config.cmd, std::vector<std::string>{"/f"});
  EXPECT_EQ(image->blobs.front().digest, digest_of(layer_));
}

TEST_F(Archive, of_several_images_needs_a_name) {
  const std::string both = archive("[" + entry("web:1") + "," + entry("docker.io/library/app:latest") + "]");
  EXPECT_THAT(open(both).error().why, HasSubstr("web:1, docker.io/library/app:latest"));
  std::filesystem::remove_all(top_ + "/scratch");
  std::filesystem::create_directories(top_ + "/scratch");
  EXPECT_TRUE(open(both, "app"));
}

TEST_F(Archive, that_is_cut_off_or_none_or_lies_is_refused) {
  const std::string whole = archive("[" + entry("web:1") + "]");
  const auto code = [&](const std::string& bytes) {
    std::filesystem::remove_all(top_ + "/scratch");
    std::filesystem::create_directories(top_ + "/scratch");
    const auto image = open(bytes);
    return image ? ErrorCode::internal : image.error().code;
  };
  EXPECT_EQ(code(whole.substr(0, 700)), ErrorCode::image_invalid);
  EXPECT_EQ(code("no tar at all"), ErrorCode::image_invalid);
  EXPECT_EQ(code(archive("{}")), ErrorCode::image_invalid);
  EXPECT_EQ(code(archive("[{}]")), ErrorCode::image_invalid);
  EXPECT_EQ(code(archive(R"([{"Config":"../../etc/passwd","RepoTags":["a"],"Layers":["l/layer.tar"]}])")),
            ErrorCode::image_invalid);
  EXPECT_EQ(code(archive(R"([{"Config":"c.json","RepoTags":["a"],"Layers":["gone"]}])")), ErrorCode::image_invalid);
  layer_ += std::string(512, 'x');
  EXPECT_EQ(code(archive("[" + entry("web:1") + "]")), ErrorCode::digest_mismatch);
}

TEST_F(Archive, that_is_not_there_is_told) {
  const auto none =
      unpack_archive({.kind = ArchiveKind::docker, .file = "/nowhere.tar", .image = {}}, top_ + "/scratch");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::image_not_found);
}

}  // namespace
}  // namespace marea::pipeline
