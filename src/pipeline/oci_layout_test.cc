#include "pipeline/oci_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "pipeline/oci_image.h"
#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::tar;
using testing::TempDir;
using testing::TestLayout;
using testing::with_platform;
using testing::with_tag;

std::string other_architecture() {
  return host_architecture() == "arm64" ? "amd64" : "arm64";
}

nlohmann::json small_image(const TestLayout& layout, const std::string& content,
                           const std::string& architecture = host_architecture()) {
  return layout.add_image({{.tar = tar({{.name = "file", .content = content}})}}, {}, architecture);
}

TEST(OciReference, SplitsDirectoryTagAndDigest) {
  const std::string digest = digest_of("x");
  EXPECT_EQ(parse_oci_reference("oci:web"), (OciReference{"web", "", ""}));
  EXPECT_EQ(parse_oci_reference("oci:./web:v1.2"), (OciReference{"./web", "v1.2", ""}));
  EXPECT_EQ(parse_oci_reference("oci:/a/b:c/d"), (OciReference{"/a/b:c/d", "", ""}));
  EXPECT_EQ(parse_oci_reference("oci:/a/b:c:"), (OciReference{"/a/b:c", "", ""}));
  EXPECT_EQ(parse_oci_reference("oci:/a:t@" + digest), (OciReference{"/a", "t", digest}));
}

TEST(OciReference, PrintsWhatItReadsBack) {
  for (const std::string text : {"oci:web", "oci:web:tag", "oci:/a/b:c:", "oci:/a:b/c"}) {
    const base::Result<OciReference> parsed = parse_oci_reference(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(to_string(*parsed), text);
  }
}

TEST(OciReference, RefusesWhatNamesNoDirectoryOrABadDigest) {
  for (const std::string text : {"oci:", "oci::tag", "docker.example/x", "oci:a@sha256:12"}) {
    EXPECT_EQ(parse_oci_reference(text).error().code, ErrorCode::invalid_argument) << text;
  }
}

TEST(OpenLayout, ListsLayersConfigAndManifestOfTheOnlyImage) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  const nlohmann::json manifest = small_image(layout, "hello");
  layout.write_index({manifest});
  const base::Result<LayoutImage> image = open_layout(layout.dir(), "");
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(image->digest, manifest["digest"]);
  ASSERT_EQ(image->blobs.size(), 3U);
  EXPECT_EQ(image->blobs[0].media_type, testing::kGzipLayer);
  EXPECT_EQ(image->blobs[2].digest, image->digest);
  for (const LayoutBlob& blob : image->blobs) {
    EXPECT_EQ(digest_of(testing::read_file(blob.path)), blob.digest);
    EXPECT_EQ(std::filesystem::file_size(blob.path), static_cast<std::uintmax_t>(blob.bytes));
  }
}

TEST(OpenLayout, ReadsTheSettingsOfTheConfig) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  layout.write_index({layout.add_image({},
                                       {{"Entrypoint", nlohmann::json::array({"/app"})},
                                        {"Cmd", nullptr},
                                        {"Env", nlohmann::json::array({"A=1"})},
                                        {"User", "web"},
                                        {"WorkingDir", "/srv"},
                                        {"ExposedPorts", {{"8080/tcp", {}}, {"80", {}}, {"53/udp", {}}}}},
                                       host_architecture())});
  const base::Result<LayoutImage> image = open_layout(layout.dir(), "");
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_THAT(image->config.entrypoint, ElementsAre("/app"));
  EXPECT_TRUE(image->config.cmd.empty());
  EXPECT_THAT(image->config.env, ElementsAre("A=1"));
  EXPECT_EQ(image->config.user, "web");
  EXPECT_EQ(image->config.working_dir, "/srv");
  EXPECT_THAT(image->config.exposed_ports, ElementsAre(80, 8080));
}

TEST(OpenLayout, ChoosesByTagAndListsTheTagsWhenThereIsNoSuch) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  const nlohmann::json one = small_image(layout, "one");
  const nlohmann::json two = small_image(layout, "two");
  layout.write_index({with_tag(one, "v1"), with_tag(two, "v2")});
  EXPECT_EQ(open_layout(layout.dir(), "v2")->digest, two["digest"]);
  const base::Error missing = open_layout(layout.dir(), "v3").error();
  EXPECT_EQ(missing.code, ErrorCode::image_not_found);
  EXPECT_THAT(missing.line(), HasSubstr("no image has the tag 'v3'; tags there: v1, v2"));
  EXPECT_THAT(open_layout(layout.dir(), "").error().line(), HasSubstr("2 images fit"));
}

TEST(OpenLayout, FollowsNestedIndexesToThisPlatform) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  const nlohmann::json right = small_image(layout, "right");
  const nlohmann::json wrong = small_image(layout, "wrong", other_architecture());
  const nlohmann::json attestation = {{"mediaType", testing::kManifestType},
                                      {"digest", digest_of("none")},
                                      {"size", 4},
                                      {"platform", {{"os", "unknown"}, {"architecture", "unknown"}}}};
  const nlohmann::json inner = {
      {"schemaVersion", 2},
      {"mediaType", testing::kIndexType},
      {"manifests",
       {attestation, with_platform(wrong, other_architecture()), with_platform(right, host_architecture())}}};
  layout.write_index({with_tag(layout.add_blob(inner.dump(), testing::kIndexType), "v1")});
  const base::Result<LayoutImage> image = open_layout(layout.dir(), "v1");
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(image->digest, right["digest"]);
}

TEST(OpenLayout, RefusesAnImageForAnotherPlatform) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  layout.write_index({small_image(layout, "wrong", other_architecture())});
  EXPECT_THAT(open_layout(layout.dir(), "").error().line(), HasSubstr("it is for linux/" + other_architecture()));
}

TEST(OpenLayout, RefusesIndexesWithoutEnd) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  nlohmann::json descriptor = small_image(layout, "deep");
  for (int i = 0; i < kMostIndexDepth + 1; ++i) {
    descriptor = layout.add_blob(
        nlohmann::json({{"schemaVersion", 2}, {"manifests", nlohmann::json::array({descriptor})}}).dump(),
        testing::kIndexType);
  }
  layout.write_index({descriptor});
  EXPECT_EQ(open_layout(layout.dir(), "").error().code, ErrorCode::image_invalid);
}

TEST(OpenLayout, NamesTheFileAndBothDigestsWhenABlobIsNotWhatItsNameSays) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  const nlohmann::json manifest = small_image(layout, "hello");
  layout.write_index({manifest});
  const std::string path = layout.blob_file(manifest["digest"]);
  std::string bytes = testing::read_file(path);
  bytes[10] = static_cast<char>(bytes[10] + 1);
  testing::write_file(path, bytes);
  const base::Error error = open_layout(layout.dir(), "").error();
  EXPECT_EQ(error.code, ErrorCode::digest_mismatch);
  EXPECT_THAT(error.line(), HasSubstr(path));
  EXPECT_THAT(error.line(), HasSubstr("expected " + manifest["digest"].get<std::string>()));
  EXPECT_THAT(error.line(), HasSubstr("found " + digest_of(bytes)));
}

TEST(OpenLayout, NoticesAMissingAndATruncatedLayer) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  layout.write_index({small_image(layout, "hello")});
  const LayoutBlob layer = open_layout(layout.dir(), "")->blobs.front();
  std::filesystem::resize_file(layer.path, static_cast<std::uintmax_t>(layer.bytes) - 1);
  EXPECT_EQ(open_layout(layout.dir(), "").error().code, ErrorCode::digest_mismatch);
  std::filesystem::remove(layer.path);
  EXPECT_EQ(open_layout(layout.dir(), "").error().code, ErrorCode::image_not_found);
}

TEST(OpenLayout, ComparesAPinnedDigest) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  const nlohmann::json manifest = small_image(layout, "hello");
  layout.write_index({manifest});
  EXPECT_TRUE(open_layout(OciReference{layout.dir(), "", manifest["digest"]}));
  EXPECT_EQ(open_layout(OciReference{layout.dir(), "", digest_of("other")}).error().code, ErrorCode::digest_mismatch);
}

TEST(OpenLayout, SaysWhatIsMissingInADirectoryThatIsNoLayout) {
  const TempDir temp;
  const base::Error error = open_layout(temp / "nothing", "").error();
  EXPECT_EQ(error.code, ErrorCode::image_not_found);
  EXPECT_THAT(error.line(), HasSubstr("/nothing/oci-layout"));
  EXPECT_THAT(error.line(), HasSubstr("No such file"));
}

TEST(OpenLayout, DoesNotWaitForAFifoInPlaceOfAFile) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  ASSERT_EQ(::mkfifo((layout.dir() + "/index.json").c_str(), 0600), 0);
  EXPECT_THAT(open_layout(layout.dir(), "").error().line(), HasSubstr("not a regular file"));
}

TEST(OpenLayout, RefusesMalformedDocuments) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  for (const char* index :
       {"", "[]", "{}", R"({"manifests":[{}]})", R"({"manifests":[{"digest":"sha256:zz","size":1}]})",
        R"({"manifests":[{"digest":"../../etc/passwd","size":1}]})", "{\"manifests\":[", "\xff"}) {
    testing::write_file(layout.dir() + "/index.json", index);
    EXPECT_EQ(open_layout(layout.dir(), "").error().code, ErrorCode::image_invalid) << index;
  }
}

TEST(ReadImage, RefusesAnUnknownLayerTypeAndAWrongCountOfDiffIds) {
  const TempDir temp;
  const TestLayout layout(temp / "web");
  layout.write_index({layout.add_image({{.tar = tar({}), .media_type = "application/x-zip"}})});
  EXPECT_THAT(open_layout(layout.dir(), "").error().line(), HasSubstr("unknown media type 'application/x-zip'"));

  const nlohmann::json config = layout.add_blob(R"({"os":"linux","rootfs":{"diff_ids":[]}})", testing::kConfigType);
  const nlohmann::json layer = layout.add_blob("x", testing::kPlainLayer);
  layout.write_index({layout.add_blob(
      nlohmann::json({{"schemaVersion", 2}, {"config", config}, {"layers", nlohmann::json::array({layer})}}).dump(),
      testing::kManifestType)});
  EXPECT_THAT(open_layout(layout.dir(), "").error().line(), HasSubstr("lists 0 diff_ids, the manifest 1 layers"));
}

}  // namespace
}  // namespace marea::pipeline
