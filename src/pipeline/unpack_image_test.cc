#include "pipeline/unpack_image.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "pipeline/image_record.h"
#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::tar;

class UnpackImage : public ::testing::Test {
 protected:
  UnpackImage() { std::filesystem::create_directories(images_); }

  // Two layers; the second one changes the first.
  std::string add_web(const nlohmann::json& settings = {}) const {
    const nlohmann::json manifest = layout_.add_image(
        {{.tar = tar({{.name = "etc/passwd", .content = "web:x:101:102::/srv:/bin/sh\n"},
                      {.name = "old", .content = "old"},
                      {.name = "both", .content = "first"}})},
         {.tar = tar({{.name = ".wh.old"}, {.name = "both", .content = "second"}}), .media_type = testing::kZstdLayer}},
        settings);
    return manifest["digest"];
  }
  base::Result<model::Image> unpack(const std::string& digest) {
    return unpack_image(layout_.blobs(), digest, images_,
                        {.line = [this](const std::string& line) { lines_.push_back(line); }, .go_on = {}});
  }
  std::string folder(const std::string& digest) const { return images_ + "/" + std::string(hex_of(digest)); }
  std::vector<std::string> in_images() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(images_)) out.push_back(entry.path().filename());
    return out;
  }

  testing::TempDir temp_;
  testing::TestLayout layout_{temp_ / "layout"};
  std::string images_ = temp_ / "images";
  std::vector<std::string> lines_;
};

TEST_F(UnpackImage, AppliesTheLayersInOrderAndRecordsWhoRuns) {
  const std::string digest = add_web({{"User", "web"}, {"Cmd", {"/serve"}}, {"ExposedPorts", {{"80/tcp", {}}}}});
  const base::Result<model::Image> image = unpack(digest);
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(image->digest, digest);
  EXPECT_EQ(image->rootfs, folder(digest) + "/rootfs");
  EXPECT_EQ(testing::read_file(image->rootfs + "/both"), "second");
  EXPECT_FALSE(std::filesystem::exists(image->rootfs + "/old"));
  EXPECT_EQ(image->config.uid, 101U);
  EXPECT_EQ(image->config.gid, 102U);
  EXPECT_EQ(image->config.home, "/srv");
  EXPECT_GT(image->bytes, 0);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("layer 1 of 2"), HasSubstr("layer 2 of 2")));
  EXPECT_THAT(in_images(), ElementsAre(std::string(hex_of(digest))));
}

TEST_F(UnpackImage, ASecondTimeReadsNoBlob) {
  const std::string digest = add_web({{"User", "web"}, {"Env", {"A=b"}}, {"WorkingDir", "/w"}});
  const base::Result<model::Image> first = unpack(digest);
  ASSERT_TRUE(first);
  std::filesystem::remove_all(layout_.blobs());
  const base::Result<model::Image> second = unpack(digest);
  ASSERT_TRUE(second) << second.error().line();
  EXPECT_EQ(*second, *first);
}

TEST_F(UnpackImage, AnIndexLeadsToThisMachinesImageUnderTheDigestThatWasAsked) {
  const nlohmann::json other = testing::with_platform(layout_.add_image({{.tar = tar({})}}, {}, "pdp11"), "pdp11");
  const nlohmann::json ours = testing::with_platform(
      layout_.add_image({{.tar = tar({{.name = "here", .content = "x"}})}}), host_architecture());
  const nlohmann::json index = {{"schemaVersion", 2}, {"manifests", {other, ours}}};
  const std::string digest = layout_.add_blob(index.dump(), testing::kIndexType)["digest"];
  const base::Result<model::Image> image = unpack(digest);
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(image->digest, digest);
  EXPECT_TRUE(std::filesystem::exists(folder(digest) + "/rootfs/here"));
}

TEST_F(UnpackImage, LeavesNothingWhenALayerIsNotWhatItsDigestSays) {
  const nlohmann::json manifest = layout_.add_image(
      {{.tar = tar({{.name = "a", .content = "x"}})}, {.tar = tar({{.name = "b"}}), .diff_id = digest_of("other")}});
  const base::Result<model::Image> image = unpack(manifest["digest"]);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::digest_mismatch);
  EXPECT_THAT(in_images(), IsEmpty());
}

TEST_F(UnpackImage, LeavesNothingWhenTheUserIsUnknown) {
  const base::Result<model::Image> image = unpack(add_web({{"User", "nadie"}}));
  ASSERT_FALSE(image);
  EXPECT_THAT(image.error().line(), HasSubstr("no user 'nadie'"));
  EXPECT_THAT(in_images(), IsEmpty());
}

TEST_F(UnpackImage, NamesTheBlobThatIsMissing) {
  const std::string digest = digest_of("nothing");
  const base::Result<model::Image> image = unpack(digest);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::image_not_found);
  EXPECT_THAT(image.error().line(), HasSubstr(std::string(hex_of(digest))));
}

TEST_F(UnpackImage, RefusesDigestsThatAreNone) {
  for (const char* digest : {"", "sha256:../../etc", "sha512:00", "latest"}) {
    const base::Result<model::Image> image = unpack(digest);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, ErrorCode::invalid_argument) << digest;
  }
}

TEST_F(UnpackImage, ReplacesAFolderThatIsNotWhole) {
  const std::string digest = add_web();
  testing::write_file(folder(digest) + "/rootfs/half", "x");
  testing::write_file(folder(digest) + "/image.json", "{");
  const base::Result<model::Image> image = unpack(digest);
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_FALSE(std::filesystem::exists(image->rootfs + "/half"));
}

TEST_F(UnpackImage, RemovesWhatAKilledJobLeftAndSparesWhatAnotherOneFills) {
  testing::write_file(images_ + "/.scratch-dead/rootfs/x", "x");
  testing::write_file(images_ + "/.scratch-busy/rootfs/x", "x");
  const base::Fd busy(::open((images_ + "/.scratch-busy").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(busy.get(), LOCK_EX | LOCK_NB), 0);
  ASSERT_TRUE(unpack(add_web()));
  EXPECT_FALSE(std::filesystem::exists(images_ + "/.scratch-dead"));
  EXPECT_TRUE(std::filesystem::exists(images_ + "/.scratch-busy"));
}

TEST_F(UnpackImage, EndsWithNothingLeftWhenItIsCancelled) {
  const base::Result<model::Image> image =
      unpack_image(layout_.blobs(), add_web(), images_, {.line = {}, .go_on = [] { return false; }});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::unavailable);
  EXPECT_THAT(in_images(), IsEmpty());
}

TEST(ImageRecord, ComesBackAsItWasWritten) {
  model::Image image{.digest = digest_of("x"), .rootfs = {}, .bytes = 123456789012, .config = {}};
  image.config = {.entrypoint = {"/bin/sh", "-c"},
                  .cmd = {"echo \"\xC3\xB1\""},
                  .env = {"PATH=/bin", "EMPTY="},
                  .working_dir = "/w",
                  .user = "web:web",
                  .uid = 65535,
                  .gid = 7,
                  .groups = {4, 29},
                  .home = "/srv/web",
                  .exposed_ports = {80, 65535},
                  .stop_signal = "SIGQUIT"};
  const base::Result<model::Image> read = parse_image_record(print_image_record(image), "test");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(*read, image);
}

// A file as marea wrote it: it must be read for ever, or else every image is unpacked anew after an upgrade. A member
// that is newer than it has its default; one that is not known is passed over.
TEST(ImageRecord, ReadsTheFirstForm) {
  const std::string file = R"({
  "bytes": 123456789012,
  "config": {
    "cmd": [
      "echo ñ"
    ],
    "entrypoint": [
      "/bin/sh",
      "-c"
    ],
    "env": [
      "PATH=/bin",
      "EMPTY="
    ],
    "exposedPorts": [
      80,
      65535
    ],
    "gid": 7,
    "groups": [
      4,
      29
    ],
    "home": "/srv/web",
    "later": 1,
    "stopSignal": "SIGQUIT",
    "uid": 65535,
    "user": "web:web",
    "workingDir": "/w"
  },
  "digest": "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
  "later": {}
}
)";
  const base::Result<model::Image> read = parse_image_record(file, "test");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(read->digest, "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
  EXPECT_EQ(read->bytes, 123456789012);
  const model::ImageConfig config{.entrypoint = {"/bin/sh", "-c"},
                                  .cmd = {"echo \xC3\xB1"},
                                  .env = {"PATH=/bin", "EMPTY="},
                                  .working_dir = "/w",
                                  .user = "web:web",
                                  .uid = 65535,
                                  .gid = 7,
                                  .groups = {4, 29},
                                  .home = "/srv/web",
                                  .exposed_ports = {80, 65535},
                                  .stop_signal = "SIGQUIT"};
  EXPECT_EQ(read->config, config);
}

TEST(ImageRecord, RefusesWhatIsDamaged) {
  const std::string good = print_image_record({.digest = digest_of("x"), .rootfs = {}, .bytes = 1, .config = {}});
  for (const char* bad : {"", "[]", "{}", "nonsense", R"({"digest":"x"})"}) EXPECT_FALSE(parse_image_record(bad, "t"));
  for (std::size_t cut = 0; cut + 2 < good.size(); ++cut) EXPECT_FALSE(parse_image_record(good.substr(0, cut), "t"));
}

TEST_F(UnpackImage, TakesNoMoreOfTheDiskThanItMay) {
  const std::string digest = layout_.add_image(
      {{.tar = tar({{.name = "a", .content = "1"}, {.name = "b", .content = std::string(5000, 'x')}})}})["digest"];
  const auto none = unpack_image(layout_.blobs(), digest, images_, {}, 3 * kDiskBlock - 1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::disk_budget);
  EXPECT_TRUE(std::filesystem::is_empty(images_));
  EXPECT_TRUE(unpack_image(layout_.blobs(), digest, images_, {}, 3 * kDiskBlock));
}

}  // namespace
}  // namespace marea::pipeline
