#include "pipeline/pull_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/random.h"
#include "pipeline/fake_skopeo_test.h"
#include "pipeline/layer.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// A registry whose images are made in a layout beside marea's own blobs.
class PullImageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(dir / "blobs/sha256");
    std::filesystem::create_directories(dir / "images");
  }
  nlohmann::json push(const std::string& content, const std::string& architecture = host_architecture()) {
    const nlohmann::json entry =
        remote.add_image({{.tar = testing::tar({{.name = "f", .content = content}})}}, {}, architecture);
    offer(entry["digest"]);
    return entry;
  }
  // The registry has the manifest, by its digest, and the blobs that it names.
  void offer(const std::string& digest) {
    const std::string text = testing::read_file(remote.blob_file(digest));
    fake.has_manifest("docker://r.example/app@" + digest, text);
    const auto blobs = blobs_of(remote.blobs(), digest);
    if (!blobs) return;
    for (const std::string& blob : *blobs) fake.has_blob(blob, testing::read_file(remote.blob_file(blob)));
  }
  void tag(const std::string& digest) {
    fake.has_manifest("docker://r.example/app:1", testing::read_file(remote.blob_file(digest)));
  }
  base::Result<net::msg::ImageResolved> resolve(const std::string& reference = "r.example/app:1") {
    return resolve_image(loop,
                         {.reference = reference,
                          .blobs = dir / "blobs",
                          .registries = dir / "registry",
                          .silence = std::chrono::minutes(5)},
                         {}, {});
  }
  base::Result<model::Image> pull(const std::string& digest, std::int64_t most = 1 << 30, std::int64_t room = 0) {
    return pull_image(loop,
                      {.reference = "r.example/app:1",
                       .digest = digest,
                       .blobs = dir / "blobs",
                       .images = dir / "images",
                       .registries = dir / "registry",
                       .silence = std::chrono::minutes(5),
                       .time = std::chrono::minutes(5),
                       .most_bytes = most,
                       .room = room},
                      {}, {.line = [this](const std::string& line) { said += line + "\n"; }, .go_on = {}});
  }
  bool has(const std::string& digest) const { return std::filesystem::exists(blob_path(dir / "blobs", digest)); }
  // Folders that a job has left.
  int left_over() const {
    int out = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir / "blobs")) {
      out += entry.path().filename() == "sha256" ? 0 : 1;
    }
    return out;
  }

  testing::TempDir dir;
  testing::TestLayout remote{dir / "remote"};
  testing::FakeSkopeo fake;
  base::SystemClock clock;
  net::Loop loop{clock};
  std::string said;
};

TEST_F(PullImageTest, a_tag_leads_to_a_digest_and_its_manifest_is_brought_alone) {
  const nlohmann::json entry = push("hello");
  tag(entry["digest"]);
  const auto resolved = resolve();
  ASSERT_TRUE(resolved) << resolved.error().line();
  EXPECT_EQ(resolved->digest, entry["digest"]);
  const auto image = read_manifests(remote.blobs(), entry["digest"]);
  const std::int64_t layer = image->layers.front().blob.bytes;
  EXPECT_EQ(resolved->missing_bytes, layer + image->config_blob.bytes);
  EXPECT_EQ(resolved->unpacked_bytes, 3 * layer) << "a guess, for what is compressed";
  EXPECT_TRUE(has(entry["digest"]));
  EXPECT_FALSE(has(image->config_blob.digest));
  EXPECT_EQ(left_over(), 0);
}

TEST_F(PullImageTest, of_an_index_the_entry_of_this_machine_is_taken_and_the_digest_is_the_indexs) {
  const nlohmann::json ours = push("ours");
  const nlohmann::json other = push("other", "s390x");
  const nlohmann::json index = {
      {"schemaVersion", 2},
      {"mediaType", "application/vnd.oci.image.index.v1+json"},
      {"manifests", {testing::with_platform(other, "s390x"), testing::with_platform(ours, host_architecture())}}};
  const std::string digest = remote.add_blob(index.dump(), "application/vnd.oci.image.index.v1+json")["digest"];
  offer(digest);
  tag(digest);
  const auto resolved = resolve();
  ASSERT_TRUE(resolved) << resolved.error().line();
  EXPECT_EQ(resolved->digest, digest);
  EXPECT_TRUE(has(digest) && has(ours["digest"]));
  EXPECT_FALSE(has(other["digest"]));
  const auto image = pull(digest);
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(testing::read_file(image->rootfs + "/f"), "ours");
}

TEST_F(PullImageTest, an_index_without_this_machine_and_indexes_in_a_circle_are_refused) {
  const nlohmann::json other = push("other", "s390x");
  const nlohmann::json index = {{"schemaVersion", 2}, {"manifests", {testing::with_platform(other, "s390x")}}};
  tag(remote.add_blob(index.dump(), "application/vnd.oci.image.index.v1+json")["digest"]);
  EXPECT_EQ(resolve().error().code, ErrorCode::image_architecture);
  nlohmann::json inner = testing::with_platform(push("ours"), host_architecture());
  for (int i = 0; i <= kMostIndexDepth; ++i) {
    const nlohmann::json around = {{"schemaVersion", 2}, {"manifests", {inner}}};
    inner = remote.add_blob(around.dump(), "application/vnd.oci.image.index.v1+json");
    fake.has_manifest("docker://r.example/app@" + inner["digest"].get<std::string>(), around.dump());
  }
  tag(inner["digest"]);
  const auto deep = resolve();
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, ErrorCode::image_invalid);
  EXPECT_THAT(deep.error().why, HasSubstr("nested deeper"));
}

TEST_F(PullImageTest, another_manifest_than_the_digest_says_is_a_mismatch_and_is_not_kept) {
  const std::string digest = push("hello")["digest"];
  const std::string other = push("other")["digest"];
  fake.has_manifest("docker://r.example/app@" + digest, testing::read_file(remote.blob_file(other)));
  const auto resolved = resolve("r.example/app@" + digest);
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().code, ErrorCode::digest_mismatch);
  EXPECT_FALSE(has(digest) || has(other));
}

TEST_F(PullImageTest, what_is_no_manifest_is_told_with_the_images_name) {
  fake.has_manifest("docker://r.example/app:1", "<html>");
  const auto resolved = resolve();
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().code, ErrorCode::image_invalid);
  EXPECT_THAT(resolved.error().what, HasSubstr("r.example/app:1"));
  EXPECT_THAT(resolved.error().more, HasSubstr("docs/images.md"));
}

TEST_F(PullImageTest, it_brings_what_is_missing_unpacks_it_and_leaves_nothing_else) {
  const std::string digest = push("hello")["digest"];
  tag(digest);
  ASSERT_TRUE(resolve());
  const std::vector<std::string> parts = *blobs_of(remote.blobs(), digest);
  std::filesystem::copy(remote.blob_file(parts.back()), blob_path(dir / "blobs", parts.back()));
  const auto image = pull(digest);
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(image->digest, digest);
  EXPECT_EQ(testing::read_file(image->rootfs + "/f"), "hello");
  EXPECT_EQ(std::ranges::count(fake.methods(), "GetBlob"), 1) << "the layer was here";
  EXPECT_EQ(left_over(), 0);
  const int starts = fake.starts();
  EXPECT_TRUE(pull(digest));
  EXPECT_EQ(fake.starts(), starts) << "what is unpacked needs no registry";
}

TEST_F(PullImageTest, a_blob_that_is_damaged_on_disk_is_brought_again) {
  const std::string digest = push("hello")["digest"];
  tag(digest);
  ASSERT_TRUE(resolve());
  const auto parts = blobs_of(remote.blobs(), digest);
  for (const std::string& blob : *parts) {
    if (blob == digest) continue;
    std::string bytes = testing::read_file(remote.blob_file(blob));
    bytes.back() ^= 1;
    testing::write_file(blob_path(dir / "blobs", blob), bytes);
  }
  ASSERT_TRUE(pull(digest));
  EXPECT_THAT(said, HasSubstr("is damaged on disk and is pulled again"));
}

TEST_F(PullImageTest, more_bytes_than_are_allowed_are_refused_before_any_come) {
  const std::string digest = push("hello")["digest"];
  tag(digest);
  ASSERT_TRUE(resolve());
  const auto image = pull(digest, 10);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::image_too_large);
  EXPECT_THAT(image.error().why, HasSubstr("--limit pull-bytes"));
  EXPECT_THAT(fake.methods(), ::testing::IsEmpty());
}

TEST_F(PullImageTest, blobs_beyond_the_room_of_the_job_are_not_begun_and_the_rest_bounds_the_unpacking) {
  const std::string digest = push("hello")["digest"];
  tag(digest);
  const auto resolved = resolve();
  ASSERT_TRUE(resolved);
  const auto none = pull(digest, 1 << 30, resolved->missing_bytes - 1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::disk_budget);
  EXPECT_TRUE(fake.methods().empty());
  const auto no_tree = pull(digest, 1 << 30, resolved->missing_bytes + kDiskBlock - 1);
  ASSERT_FALSE(no_tree);
  EXPECT_EQ(no_tree.error().code, ErrorCode::disk_budget);
  EXPECT_TRUE(pull(digest, 1 << 30, kDiskBlock)) << "its blobs are here now";
}

TEST_F(PullImageTest, a_config_that_cannot_run_here_ends_it_before_its_layers_come) {
  std::string noise;  // so that the layer is the larger one
  base::SeededRandom random(1);
  while (noise.size() < 4096) noise += std::to_string(random.next());
  const std::string digest = push(noise, "s390x")["digest"];
  tag(digest);
  ASSERT_TRUE(resolve());
  const auto image = pull(digest);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::image_architecture) << image.error().line();
  const auto parts = read_manifests(remote.blobs(), digest);
  ASSERT_GT(parts->layers.front().blob.bytes, parts->config_blob.bytes) << "the smaller one comes first";
  EXPECT_TRUE(has(parts->config_blob.digest));
  EXPECT_FALSE(has(parts->layers.front().blob.digest));
}

TEST_F(PullImageTest, what_is_no_name_of_a_registry_asks_nobody) {
  EXPECT_EQ(resolve("../x").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(fake.starts(), 0);
}

}  // namespace
}  // namespace marea::pipeline
