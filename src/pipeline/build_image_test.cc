#include "pipeline/build_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/clock.h"
#include "pipeline/buildah.h"
#include "pipeline/image_names.h"
#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Real builds with Debian's buildah, of images without programs: what runs inside a build is for the end-to-end tests.
class BuildImage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || ::access("/usr/bin/buildah", X_OK) != 0) GTEST_SKIP() << "needs root and buildah";
    for (const char* part : {"/blobs/sha256", "/images", "/build", "/context"}) {
      std::filesystem::create_directories(top_ + part);
    }
  }
  void TearDown() override {
    ::umount2((top_ + "/build/overlay/overlay").c_str(), MNT_DETACH);  // containers/storage leaves it
    ::umount2((top_ + "/build/overlay").c_str(), MNT_DETACH);
    std::error_code ignored;
    std::filesystem::remove_all(top_, ignored);
  }
  void write(const std::string& name, const std::string& text) const {
    testing::write_file(top_ + "/context/" + name, text);
  }
  base::Result<model::Image> build(const std::string& context, const KnownImages& known = {}) {
    return build_image(loop_,
                       {.context = top_ + "/" + context,
                        .dockerfile = "Dockerfile",
                        .tag = "app",
                        .blobs = top_ + "/blobs",
                        .images = top_ + "/images",
                        .storage = top_ + "/build",
                        .known = known},
                       {.line = [this](const std::string& line) { lines_.push_back(line); }, .go_on = {}});
  }
  base::Result<model::Image> build() { return build("context"); }
  bool no_scratch_left() const {
    for (const auto& entry : std::filesystem::directory_iterator(top_ + "/build")) {
      if (entry.path().filename().string().starts_with(".scratch")) return false;
    }
    return true;
  }

  base::SystemClock clock_;
  net::Loop loop_{clock_};
  // Lower case: the path of an imported layout becomes an image's name.
  std::string top_ = "/tmp/marea-build-image-test-" + std::to_string(::getpid());
  std::vector<std::string> lines_;
};

TEST_F(BuildImage, MakesAnUnpackedImageAndThenOneOnTopOfIt) {
  write("Dockerfile", "FROM scratch\nCOPY one /srv/one\nUSER 1000:2000\nENV A=b\nEXPOSE 9000\nCMD [\"/srv/one\"]\n");
  write("one", "1");
  const base::Result<model::Image> base = build();
  ASSERT_TRUE(base) << base.error().line();
  EXPECT_EQ(testing::read_file(base->rootfs + "/srv/one"), "1");
  EXPECT_EQ(base->config.uid, 1000U);
  EXPECT_EQ(base->config.gid, 2000U);
  EXPECT_THAT(base->config.cmd, ElementsAre("/srv/one"));
  EXPECT_THAT(base->config.exposed_ports, ElementsAre(9000));
  EXPECT_THAT(lines_, Contains(HasSubstr("COPY one /srv/one")));

  write("Dockerfile", "FROM team/base\nCOPY two /srv/two\n");
  write("two", "2");
  const base::Result<model::Image> image = build("context", {{"team/base", base->digest}, {"oci:/x", "none"}});
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(testing::read_file(image->rootfs + "/srv/one") + testing::read_file(image->rootfs + "/srv/two"), "12");
  EXPECT_EQ(image->config.uid, 1000U);
  for (const auto& entry : std::filesystem::directory_iterator(top_ + "/blobs/sha256")) {
    EXPECT_EQ(digest_of(testing::read_file(entry.path())), "sha256:" + entry.path().filename().string());
  }
  EXPECT_TRUE(no_scratch_left());
}

TEST_F(BuildImage, TakesThePackedContextToo) {
  testing::write_file(top_ + "/packed/context.tar",
                      testing::gzip(testing::tar({{.name = "Dockerfile", .content = "FROM scratch\nCOPY f /f\n"},
                                                  {.name = "f", .content = "packed", .uid = 4'000'000}})));
  const base::Result<model::Image> image = build("packed");
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(testing::read_file(image->rootfs + "/f"), "packed");
}

TEST_F(BuildImage, SaysThatTheDockerfileIsMissingAlsoWhenALinkLeadsOutside) {
  base::Result<model::Image> image = build();
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::not_found);
  EXPECT_THAT(image.error().line(), HasSubstr("it has no Dockerfile"));
  testing::write_file(top_ + "/outside", "FROM scratch\n");
  std::filesystem::create_symlink("../outside", top_ + "/context/Dockerfile");
  image = build();
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::not_found);
  EXPECT_THAT(image.error().line(), HasSubstr("no file 'Dockerfile'"));
}

TEST_F(BuildImage, TakesAContainerfileToo) {
  write("Containerfile", "FROM scratch\nCOPY f /f\n");
  write("f", "here");
  write("index.html", "not asked for");
  const base::Result<model::Image> image = build();
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_EQ(testing::read_file(image->rootfs + "/f"), "here");
}

TEST_F(BuildImage, NamesTheImagesItKnowsWhenAFromIsUnknown) {
  for (const char* from : {"nadie", "docker.io/library/debian:bookworm", "localhost/nadie:1"}) {
    write("Dockerfile", std::string("FROM ") + from + "\n");
    const base::Result<model::Image> image = build("context", {{"debian:trixie", "none"}});
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, ErrorCode::image_not_found) << image.error().line();
    EXPECT_THAT(image.error().line(), HasSubstr("it has debian:trixie"));
  }
}

TEST_F(BuildImage, AsksForWhatItKnowsByNameAndHasNoBlobsOf) {
  write("Dockerfile", "FROM team/base\nCOPY Dockerfile /\n");
  std::vector<std::string> needed;
  const base::Result<model::Image> image = build_image(loop_,
                                                       {.context = top_ + "/context",
                                                        .dockerfile = "Dockerfile",
                                                        .tag = "app",
                                                        .blobs = top_ + "/blobs",
                                                        .images = top_ + "/images",
                                                        .storage = top_ + "/build",
                                                        .known = {{"team/base", digest_of("removed")}}},
                                                       {}, {.needed = &needed});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::image_not_found);
  EXPECT_THAT(needed, ElementsAre("team/base"));
}

TEST_F(BuildImage, AFailedStepGivesItsLastLinesAndLeavesNothing) {
  write("Dockerfile", "FROM scratch\nCOPY absent /srv/\n");
  const base::Result<model::Image> image = build();
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::build_failed);
  EXPECT_THAT(image.error().why, HasSubstr("absent"));
  EXPECT_THAT(image.error().why, HasSubstr("STEP 2/2: COPY absent /srv/"));
  EXPECT_TRUE(no_scratch_left());
  EXPECT_TRUE(std::filesystem::is_empty(top_ + "/images"));
}

TEST_F(BuildImage, RefusesADockerfileThatIsNoDockerfile) {
  write("Dockerfile", "this is prose\n");
  const base::Result<model::Image> image = build();
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::build_failed);
}

TEST_F(BuildImage, ClearsAwayWhatAKilledBuildLeft) {
  testing::write_file(top_ + "/build/.scratch-dead/context/x", "x");
  write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
  const base::Result<model::Image> image = build();
  ASSERT_TRUE(image) << image.error().line();
  EXPECT_TRUE(no_scratch_left());
}

TEST(PlainLine, HasNoCharacterThatSteersATerminal) {
  EXPECT_EQ(plain_line("\x1b[31mred\x1b[0m\ttab\r\x7f \xC3\xB1"), "[31mred[0m tab \xC3\xB1");
}

}  // namespace
}  // namespace marea::pipeline
