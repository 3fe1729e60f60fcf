#include "pipeline/layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <map>

#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::gzip;
using ::testing::HasSubstr;
using ::testing::Key;
using testing::tar;
using ::testing::UnorderedElementsAre;
using testing::zstd;
using TestEntry = testing::TarEntry;

std::string link_target(const std::string& path) {
  std::error_code none;
  return std::filesystem::read_symlink(path, none).string();
}

// Path → kind and content of everything below `top`, links not followed.
std::map<std::string, std::string> listing(const std::string& top) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
    const std::string path = entry.path().string();
    std::string text = "?";
    if (entry.is_symlink()) {
      text = "-> " + link_target(path);
    } else if (entry.is_directory()) {
      text = "/";
    } else if (entry.is_regular_file()) {
      text = testing::read_file(path);
    } else if (entry.is_fifo()) {
      text = "|";
    }
    out[path.substr(top.size() + 1)] = text;
  }
  return out;
}

struct stat info_of(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info;
}

// A sparse file (GNU format 1.0) without any data, which says of itself that it has so many bytes.
TestEntry all_hole(const std::string& real_size) {
  std::string content = "1\n0\n0\n";
  content.resize(512, '\0');
  return {.name = "x",
          .content = content,
          .pax = {{"GNU.sparse.major", "1"},
                  {"GNU.sparse.minor", "0"},
                  {"GNU.sparse.name", "big"},
                  {"GNU.sparse.realsize", real_size}}};
}

// A root to unpack into, with canaries beside it that no layer may touch.
class Unpack : public ::testing::Test {
 protected:
  Unpack() {
    std::filesystem::create_directories(root_);
    testing::write_file(outside_ + "/secret", "canary");
    testing::write_file(outside_ + "/folder/file", "canary");
    std::filesystem::create_directories(blobs_ + "/sha256");
    before_ = listing(outside_);
    before_info_ = info_of(outside_ + "/secret");
  }
  ~Unpack() override {
    EXPECT_EQ(listing(outside_), before_) << "something outside the root changed";
    const struct stat now = info_of(outside_ + "/secret");
    EXPECT_EQ(now.st_mode, before_info_.st_mode);
    EXPECT_EQ(now.st_uid, before_info_.st_uid);
    EXPECT_EQ(now.st_nlink, before_info_.st_nlink);
    EXPECT_EQ(now.st_mtim.tv_sec, before_info_.st_mtim.tv_sec);
    EXPECT_THAT(listing(temp_.path()), ::testing::Contains(Key("root")));
    for (const auto& [path, content] : listing(temp_.path())) {
      EXPECT_TRUE(path.starts_with("root") || path.starts_with("outside") || path.starts_with("blobs")) << path;
    }
  }

  Layer store(const std::string& blob, const std::string& plain, Compression compression) {
    const std::string digest = digest_of(blob);
    testing::write_file(blob_path(blobs_, digest), blob);
    return {.blob = {.media_type = "test", .digest = digest, .bytes = static_cast<std::int64_t>(blob.size())},
            .compression = compression,
            .diff_id = digest_of(plain)};
  }
  base::Result<void> unpack(const Layer& layer) {
    return unpack_layer(blobs_, layer, root_,
                        {.budget = budget_,
                         .notice = [this](const std::string& line) { notices_.push_back(line); },
                         .keep_owners = ::geteuid() == 0});
  }
  base::Result<void> unpack(const std::vector<TestEntry>& entries) {
    const std::string plain = tar(entries);
    return unpack(store(plain, plain, Compression::none));
  }
  std::string in_root(const std::string& name) const { return root_ + "/" + name; }

  testing::TempDir temp_;
  std::string root_ = temp_ / "root";
  std::string outside_ = temp_ / "outside";
  std::string blobs_ = temp_ / "blobs";
  Budget budget_;
  std::vector<std::string> notices_;
  std::map<std::string, std::string> before_;
  struct stat before_info_{};
};

// ---- what ordinary layers have

TEST_F(Unpack, MakesFilesDirectoriesAndLinksOfGzipZstdAndPlainLayers) {
  const std::vector<TestEntry> entries = {{.name = "etc/", .type = '5', .mode = 0750},
                                          {.name = "etc/motd", .content = "hola", .mode = 0640, .mtime = 1234567890},
                                          {.name = "bin", .type = '2', .link = "usr/bin"},
                                          {.name = "etc/issue", .type = '1', .link = "etc/motd"},
                                          {.name = "run/pipe", .type = '6'}};
  const std::string plain = tar(entries);
  for (const auto& [blob, compression] :
       {std::pair{gzip(plain), Compression::gzip}, {zstd(plain), Compression::zstd}, {plain, Compression::none}}) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    const base::Result<void> done = unpack(store(blob, plain, compression));
    ASSERT_TRUE(done) << done.error().line();
    EXPECT_THAT(listing(root_), UnorderedElementsAre(std::pair{"etc", "/"}, std::pair{"etc/motd", "hola"},
                                                     std::pair{"bin", "-> usr/bin"}, std::pair{"etc/issue", "hola"},
                                                     std::pair{"run", "/"}, std::pair{"run/pipe", "|"}));
    EXPECT_EQ(info_of(in_root("etc")).st_mode & 07777U, 0750U);
    EXPECT_EQ(info_of(in_root("etc/motd")).st_mode & 07777U, 0640U);
    EXPECT_EQ(info_of(in_root("etc/motd")).st_mtime, 1234567890);
    EXPECT_EQ(info_of(in_root("etc")).st_mtime, 1'000'000'000) << "later entries inside must not change it";
    EXPECT_EQ(info_of(in_root("etc/issue")).st_ino, info_of(in_root("etc/motd")).st_ino);
  }
}

TEST_F(Unpack, KeepsOwnersAndSetUserIdBits) {
  if (::geteuid() != 0) GTEST_SKIP() << "owners can only be given by root";
  ASSERT_TRUE(unpack({{.name = "su", .content = "x", .mode = 04755, .uid = 33, .gid = 44},
                      {.name = "link", .type = '2', .link = "su", .uid = 33},
                      {.name = "home", .type = '5', .mode = 02775, .uid = 65535}}));
  EXPECT_EQ(info_of(in_root("su")).st_mode & 07777U, 04755U);
  EXPECT_EQ(info_of(in_root("su")).st_uid, 33U);
  EXPECT_EQ(info_of(in_root("su")).st_gid, 44U);
  EXPECT_EQ(info_of(in_root("link")).st_uid, 33U);
  EXPECT_EQ(info_of(in_root("home")).st_mode & 07777U, 02775U);
}

TEST_F(Unpack, ReadsPaxNamesLongNamesAndOtherAlphabets) {
  const std::string deep = "d/" + std::string(120, 'a') + "/" + std::string(200, 'b');
  ASSERT_TRUE(unpack({{.name = "short", .content = "1", .pax = {{"path", deep}}},
                      {.name = "x", .content = "2", .pax = {{"path", "mañana/日本"}}},
                      {.name = "y", .type = '2', .link = "z", .pax = {{"linkpath", "mañana/" + std::string(150, 'c')}}},
                      {.name = "caf\xe9", .content = "3"}}));
  EXPECT_EQ(testing::read_file(in_root(deep)), "1");
  EXPECT_EQ(testing::read_file(in_root("mañana/日本")), "2");
  EXPECT_EQ(link_target(in_root("y")), "mañana/" + std::string(150, 'c'));
  EXPECT_EQ(testing::read_file(in_root("caf\xe9")), "3");
}

TEST_F(Unpack, KeepsHolesOfSparseFiles) {
  // GNU sparse format 1.0: the map, padded to a block, then the pieces.
  std::string content = "1\n1048576\n4\n";
  content.resize(512, '\0');
  content += "data";
  ASSERT_TRUE(unpack({{.name = "GNUSparseFile.0/big",
                       .content = content,
                       .pax = {{"GNU.sparse.major", "1"},
                               {"GNU.sparse.minor", "0"},
                               {"GNU.sparse.name", "big"},
                               {"GNU.sparse.realsize", "2097152"}}}}));
  const std::string big = testing::read_file(in_root("big"));
  ASSERT_EQ(big.size(), 2097152U);
  EXPECT_EQ(big.substr(1048576, 4), "data");
  EXPECT_EQ(big.find_first_not_of('\0'), 1048576U);
  EXPECT_LT(info_of(in_root("big")).st_blocks * 512, 1 << 20);
}

TEST_F(Unpack, KeepsUserAttributesAndDropsThoseWithPower) {
  ASSERT_TRUE(unpack({{.name = "f",
                       .content = "x",
                       .pax = {{"SCHILY.xattr.user.color", "blue"},
                               {"SCHILY.xattr.security.capability", std::string("\1\0\0\2\0\4\0\0", 8)},
                               {"SCHILY.xattr.trusted.overlay.opaque", "y"},
                               {"SCHILY.xattr.user.overlay.redirect", "/etc"}}}}));
  char names[256] = {};
  const ssize_t length = ::llistxattr(in_root("f").c_str(), names, sizeof names);
  if (length < 0 && errno == ENOTSUP) GTEST_SKIP() << "no extended attributes here";
  EXPECT_EQ(std::string(names, static_cast<std::size_t>(length)), std::string("user.color\0", 11));
}

TEST_F(Unpack, ReplacesADirectoryByAFileAndBack) {
  ASSERT_TRUE(unpack({{.name = "a/b/c", .content = "1"}, {.name = "f", .content = "2"}}));
  ASSERT_TRUE(
      unpack({{.name = "a", .content = "now a file"}, {.name = "f/", .type = '5'}, {.name = "f/g", .content = "3"}}));
  EXPECT_THAT(listing(root_),
              UnorderedElementsAre(std::pair{"a", "now a file"}, std::pair{"f", "/"}, std::pair{"f/g", "3"}));
}

TEST_F(Unpack, AnExistingFileIsReplacedAndNotWrittenInto) {
  ASSERT_TRUE(unpack({{.name = "a", .content = "old"}, {.name = "b", .type = '1', .link = "a"}}));
  ASSERT_TRUE(unpack({{.name = "a", .content = "new"}}));
  EXPECT_THAT(listing(root_), UnorderedElementsAre(std::pair{"a", "new"}, std::pair{"b", "old"}));
}

TEST_F(Unpack, WritesThroughLinksOfTheImageItself) {
  ASSERT_TRUE(unpack({{.name = "usr/bin/", .type = '5'}, {.name = "bin", .type = '2', .link = "/usr/bin"}}));
  ASSERT_TRUE(unpack({{.name = "bin/tool", .content = "x"}}));
  EXPECT_EQ(testing::read_file(in_root("usr/bin/tool")), "x");
  EXPECT_EQ(link_target(in_root("bin")), "/usr/bin");
}

TEST_F(Unpack, AbsoluteNamesMeanTheRootOfTheImage) {
  ASSERT_TRUE(
      unpack({{.name = "/etc/x", .content = "1"}, {.name = "./y", .content = "2"}, {.name = "./", .type = '5'}}));
  EXPECT_EQ(testing::read_file(in_root("etc/x")), "1");
  EXPECT_EQ(testing::read_file(in_root("y")), "2");
}

TEST_F(Unpack, SkipsDevicesWithANotice) {
  ASSERT_TRUE(unpack({{.name = "dev/null", .type = '3'}, {.name = "dev/after", .content = "x"}}));
  EXPECT_FALSE(std::filesystem::exists(in_root("dev/null")));
  EXPECT_THAT(notices_, ElementsAre(HasSubstr("skipped 'dev/null'")));
}

// ---- whiteouts

TEST_F(Unpack, WhiteoutsRemoveFilesAndTreesOfLowerLayers) {
  ASSERT_TRUE(
      unpack({{.name = "a/b/c", .content = "1"}, {.name = "a/d", .content = "2"}, {.name = "e", .content = "3"}}));
  ASSERT_TRUE(unpack({{.name = "a/.wh.b"}, {.name = ".wh.e"}, {.name = "x/.wh.absent"}, {.name = ".wh.nothing"}}));
  EXPECT_THAT(listing(root_), UnorderedElementsAre(std::pair{"a", "/"}, std::pair{"a/d", "2"}));
}

TEST_F(Unpack, AnOpaqueDirectoryHidesOnlyWhatLowerLayersPutThere) {
  for (const bool first : {true, false}) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    ASSERT_TRUE(unpack(
        {{.name = "d/old", .content = "1"}, {.name = "d/sub/old", .content = "2"}, {.name = "e", .content = "3"}}));
    std::vector<TestEntry> upper = {
        {.name = "d/", .type = '5'}, {.name = "d/new", .content = "4"}, {.name = "d/sub/new", .content = "5"}};
    upper.insert(first ? upper.begin() : upper.end(), TestEntry{.name = "d/.wh..wh..opq"});
    ASSERT_TRUE(unpack(upper));
    EXPECT_THAT(listing(root_),
                UnorderedElementsAre(std::pair{"d", "/"}, std::pair{"d/new", "4"}, std::pair{"d/sub", "/"},
                                     std::pair{"d/sub/new", "5"}, std::pair{"e", "3"}));
  }
}

TEST_F(Unpack, AWhiteoutSparesWhatItsOwnLayerBrought) {
  ASSERT_TRUE(unpack({{.name = "d/old", .content = "1"}}));
  ASSERT_TRUE(
      unpack({{.name = "d/new", .content = "2"}, {.name = ".wh.d"}, {.name = "f", .content = "3"}, {.name = ".wh.f"}}));
  EXPECT_THAT(listing(root_), UnorderedElementsAre(std::pair{"d", "/"}, std::pair{"d/new", "2"}, std::pair{"f", "3"}));
}

TEST_F(Unpack, AWhiteoutOfALinkRemovesTheLinkAlone) {
  ASSERT_TRUE(unpack({{.name = "d/keep", .content = "1"}, {.name = "l", .type = '2', .link = "d"}}));
  ASSERT_TRUE(unpack({{.name = ".wh.l"}}));
  EXPECT_THAT(listing(root_), UnorderedElementsAre(std::pair{"d", "/"}, std::pair{"d/keep", "1"}));
}

TEST_F(Unpack, RefusesWhiteoutsOfNothingAndOfParents) {
  for (const char* name : {".wh.", ".wh..", "a/.wh...", ".wh.dir/file"}) {
    EXPECT_EQ(unpack({{.name = name}}).error().code, ErrorCode::image_invalid) << name;
  }
}

TEST_F(Unpack, IgnoresOtherRecordsOfAufs) {
  ASSERT_TRUE(unpack({{.name = ".wh..wh.plnk/1.2", .content = "x"}, {.name = ".wh..wh.aufs"}}));
  EXPECT_TRUE(listing(root_).empty());
}

// ---- attacks: the fixture's destructor proves that nothing outside changed

TEST_F(Unpack, RefusesNamesThatClimbOut) {
  for (const std::string name :
       {"../outside/secret", "a/../../outside/secret", "..", "a/b/../../..", "/../outside/new"}) {
    const base::Result<void> done = unpack({{.name = name, .content = "evil"}});
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(done.error().code, ErrorCode::image_invalid);
    EXPECT_THAT(done.error().line(), AllOf(HasSubstr("entry '" + name + "'"), HasSubstr("\"..\"")));
  }
}

TEST_F(Unpack, AnAbsoluteLinkLeadsInsideTheImage) {
  ASSERT_TRUE(unpack({{.name = outside_, .type = '5'},
                      {.name = "escape", .type = '2', .link = outside_},
                      {.name = "escape/secret", .content = "evil"}}));
  EXPECT_EQ(testing::read_file(root_ + outside_ + "/secret"), "evil");
}

TEST_F(Unpack, AClimbingLinkStopsAtTheRoot) {
  ASSERT_TRUE(unpack({{.name = "escape", .type = '2', .link = "../../../../../../../.."},
                      {.name = "escape/landed", .content = "evil"}}));
  EXPECT_EQ(testing::read_file(in_root("landed")), "evil");
}

TEST_F(Unpack, ALinkInPlaceOfTheFileIsReplacedAndNotFollowed) {
  ASSERT_TRUE(unpack({{.name = "l", .type = '2', .link = outside_ + "/secret"},
                      {.name = "l", .content = "evil", .mode = 0777},
                      {.name = "m", .type = '2', .link = "../outside/folder"},
                      {.name = "m", .type = '5', .mode = 0700},
                      {.name = "m/file", .content = "evil"}}));
  EXPECT_THAT(listing(root_),
              UnorderedElementsAre(std::pair{"l", "evil"}, std::pair{"m", "/"}, std::pair{"m/file", "evil"}));
}

TEST_F(Unpack, LinksThroughLinksThroughLinksStayInside) {
  ASSERT_TRUE(unpack({{.name = "x/", .type = '5'},
                      {.name = "a", .type = '2', .link = "x/.."},
                      {.name = "a/b", .type = '2', .link = "a/../.."},
                      {.name = "a/b/c", .type = '2', .link = "b/../../outside"},
                      {.name = "outside/", .type = '5'},
                      {.name = "c/new", .content = "evil"}}));
  EXPECT_EQ(testing::read_file(in_root("outside/new")), "evil");
}

TEST_F(Unpack, RefusesAnEndlessLinkAsAParent) {
  EXPECT_EQ(unpack({{.name = "a", .type = '2', .link = "b"}, {.name = "b", .type = '2', .link = "a"}, {.name = "a/x"}})
                .error()
                .code,
            ErrorCode::image_invalid);
}

TEST_F(Unpack, RefusesADanglingLinkAsAParent) {
  EXPECT_EQ(unpack({{.name = "a", .type = '2', .link = outside_ + "/new"}, {.name = "a/x"}}).error().code,
            ErrorCode::image_invalid);
}

TEST_F(Unpack, RefusesHardLinksToOutside) {
  for (const std::string& target :
       std::vector<std::string>{"../outside/secret", outside_ + "/secret", "/etc/passwd", "/"}) {
    const base::Result<void> done =
        unpack({{.name = "h", .type = '1', .link = target}, {.name = "h", .content = "evil"}});
    ASSERT_FALSE(done) << target;
    EXPECT_EQ(done.error().code, ErrorCode::image_invalid) << target;
  }
}

TEST_F(Unpack, AHardLinkToNothingIsLeftOutWithANotice) {
  ASSERT_TRUE(unpack({{.name = "h", .type = '1', .link = ""}}));
  EXPECT_TRUE(listing(root_).empty());
  EXPECT_THAT(notices_, ElementsAre(HasSubstr("'h'")));
}

TEST_F(Unpack, AHardLinkToALinkIsNoWayOut) {
  ASSERT_TRUE(unpack({{.name = "s", .type = '2', .link = outside_ + "/secret"},
                      {.name = "h", .type = '1', .link = "s"},
                      {.name = "h", .content = "evil"}}));
  EXPECT_EQ(testing::read_file(in_root("h")), "evil");
  EXPECT_EQ(link_target(in_root("s")), outside_ + "/secret");
}

TEST_F(Unpack, AHardLinkThroughALinkedDirectoryIsNoWayOut) {
  const base::Result<void> done =
      unpack({{.name = "d", .type = '2', .link = "../outside"}, {.name = "h", .type = '1', .link = "d/secret"}});
  EXPECT_EQ(done.error().code, ErrorCode::image_invalid);
}

TEST_F(Unpack, RefusesAHardLinkToADirectoryAndKeepsOneToItself) {
  EXPECT_EQ(unpack({{.name = "d", .type = '5'}, {.name = "h", .type = '1', .link = "d"}}).error().code,
            ErrorCode::image_invalid);
  ASSERT_TRUE(unpack({{.name = "f", .content = "x"}, {.name = "f", .type = '1', .link = "f"}}));
  EXPECT_EQ(testing::read_file(in_root("f")), "x");
}

TEST_F(Unpack, WhiteoutsReachNothingOutside) {
  ASSERT_TRUE(unpack({{.name = "d", .type = '2', .link = "../outside"}}));
  ASSERT_TRUE(unpack({{.name = "d/.wh.secret"}, {.name = "d/.wh..wh..opq"}}));
}

TEST_F(Unpack, OpaqueOnALinkEmptiesOnlyTheImagesOwnDirectory) {
  ASSERT_TRUE(unpack({{.name = "outside/secret", .content = "own"}, {.name = "d", .type = '2', .link = outside_}}));
  ASSERT_TRUE(unpack({{.name = "d/.wh..wh..opq"}, {.name = "../outside/.wh.x"}}).error().code ==
              ErrorCode::image_invalid);
  EXPECT_EQ(testing::read_file(in_root("outside/secret")), "own");
}

TEST_F(Unpack, TheRootItselfCannotBeReplaced) {
  for (const char type : {'0', '1', '2', '6'}) {
    [[maybe_unused]] const auto done =  // refused, or, for its trailing slash, taken for a directory
        unpack({{.name = "a", .content = "x"}, {.name = "./", .type = type, .link = "a"}});
    EXPECT_TRUE(std::filesystem::is_directory(root_)) << type;
  }
  EXPECT_TRUE(std::filesystem::is_directory(root_));
  EXPECT_EQ(unpack({{.name = ".", .type = '2', .link = outside_}}).error().code, ErrorCode::image_invalid);
}

TEST_F(Unpack, RefusesNamesBeyondTheSystemsLimits) {
  EXPECT_EQ(unpack({{.name = "x", .pax = {{"path", std::string(256, 'n')}}}}).error().code, ErrorCode::image_invalid);
  std::string path;
  while (path.size() < kMostPathBytes) path += "dddddddddddddddddddddddddddddddd/";
  EXPECT_EQ(unpack({{.name = "x", .pax = {{"path", path}}}}).error().code, ErrorCode::image_invalid);
}

TEST_F(Unpack, RefusesTreesDeeperThanTheLimitAlsoThroughLinks) {
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "d/";
  EXPECT_TRUE(unpack({{.name = "x", .type = '5', .pax = {{"path", deep}}}}));
  const base::Result<void> done = unpack({{.name = "jump", .type = '2', .link = "x", .pax = {{"linkpath", deep}}},
                                          {.name = "x", .pax = {{"path", "jump/" + deep + "f"}}}});
  EXPECT_EQ(done.error().code, ErrorCode::image_invalid);
  EXPECT_THAT(done.error().line(), HasSubstr("deeper than 256"));
}

TEST_F(Unpack, RefusesOwnersThatNoInstanceHas) {
  if (::geteuid() != 0) GTEST_SKIP() << "owners can only be given by root";
  const base::Result<void> done = unpack({{.name = "f", .content = "x", .uid = 65536}});
  EXPECT_EQ(done.error().code, ErrorCode::image_invalid);
  EXPECT_THAT(done.error().line(), HasSubstr("65536:0 is outside 0…65535"));
}

TEST_F(Unpack, EscapesControlCharactersOfNamesInErrors) {
  EXPECT_THAT(unpack({{.name = "../\x1b[31m\n", .content = "x"}}).error().line(), HasSubstr("'../\\u001b[31m\\u000a'"));
}

// ---- bombs

TEST_F(Unpack, RefusesMoreFilesThanTheBudget) {
  budget_.inodes = 3;
  const base::Result<void> done = unpack({{.name = "a/b/c/d", .content = "x"}});
  EXPECT_EQ(done.error().code, ErrorCode::image_too_large);
}

TEST_F(Unpack, RefusesAFileBeyondItsLimitAndAnImageBeyondItsOwn) {
  budget_.file_bytes = 10;
  EXPECT_EQ(unpack({{.name = "a", .content = std::string(11, 'x')}}).error().code, ErrorCode::image_too_large);
  budget_ = {.bytes = 15, .file_bytes = 10};
  EXPECT_TRUE(unpack({{.name = "a", .content = std::string(10, 'x')}}));
  EXPECT_EQ(unpack({{.name = "b", .content = std::string(10, 'x')}}).error().code, ErrorCode::image_too_large)
      << "the budget is shared by all layers";
}

TEST_F(Unpack, CountsHolesAsBytes) {
  const base::Result<void> done = unpack({all_hole("9999999999999")});
  EXPECT_EQ(done.error().code, ErrorCode::image_too_large);
}

TEST_F(Unpack, RefusesANegativeSizeInsteadOfAddingItToTheBudget) {
  const base::Result<void> done = unpack({all_hole("-9223372036854775807")});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::image_invalid);
  EXPECT_THAT(done.error().why, HasSubstr("negative size"));
}

TEST_F(Unpack, RefusesAStreamThatGrowsTooLargeEvenBehindTheArchive) {
  const std::string plain = tar({}) + std::string(4 << 20, '\0');
  budget_.stream_bytes = 1 << 20;
  EXPECT_EQ(unpack(store(gzip(plain), plain, Compression::gzip)).error().code, ErrorCode::image_too_large);
}

TEST_F(Unpack, RefusesADecompressionBombByItsRatio) {
  budget_.ratio_free_bytes = 1 << 20;
  const std::string zeros((4U << 20), '\0');
  const std::string blob = zstd(testing::tar_header({.name = "zeros"}, zeros.size())) + zstd(zeros);
  const std::string plain = "never complete";
  const base::Result<void> done = unpack(store(blob, plain, Compression::zstd));
  EXPECT_EQ(done.error().code, ErrorCode::image_too_large);
  EXPECT_THAT(done.error().line(), HasSubstr("bomb"));
}

// ---- digests and damage

TEST_F(Unpack, AWrongDiffIdFailsWithBothDigests) {
  const std::string plain = tar({{.name = "a", .content = "x"}});
  const Layer layer = store(gzip(plain), "something else", Compression::gzip);
  const base::Error error = unpack(layer).error();
  EXPECT_EQ(error.code, ErrorCode::digest_mismatch);
  EXPECT_THAT(error.line(), AllOf(HasSubstr(layer.diff_id), HasSubstr(digest_of(plain))));
}

TEST_F(Unpack, AnAlteredBlobIsADigestMismatchWhateverItBreaks) {
  const std::string plain = tar({{.name = "a", .content = std::string(5000, 'x')}});
  const std::string good = gzip(plain);
  for (std::size_t at = 0; at < good.size(); at += 3) {
    const Layer layer = store(good, plain, Compression::gzip);
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    testing::write_file(blob_path(blobs_, layer.blob.digest), bad);
    const base::Error error = unpack(layer).error();
    if (at < 2) continue;  // then its first bytes are no gzip: E_IMAGE_INVALID says so
    EXPECT_EQ(error.code, ErrorCode::digest_mismatch) << at << " " << error.line();
    EXPECT_THAT(error.line(), AllOf(HasSubstr(layer.blob.digest), HasSubstr(digest_of(bad))));
  }
}

TEST_F(Unpack, ATruncatedBlobIsNoticedBeforeAnythingIsWritten) {
  const std::string plain = tar({{.name = "a", .content = "x"}});
  const std::string blob = gzip(plain);
  const Layer layer = store(blob, plain, Compression::gzip);
  testing::write_file(blob_path(blobs_, layer.blob.digest), blob.substr(0, blob.size() - 1));
  EXPECT_EQ(unpack(layer).error().code, ErrorCode::digest_mismatch);
  EXPECT_TRUE(listing(root_).empty());
}

TEST_F(Unpack, RefusesStreamsThatEndTooEarlyOrHaveGarbageBehind) {
  const std::string plain = tar({{.name = "a", .content = "x"}});
  const std::string short_gzip = gzip(plain).substr(0, gzip(plain).size() - 9);
  EXPECT_THAT(unpack(store(short_gzip, plain, Compression::gzip)).error().line(), HasSubstr("ends too early"));
  const std::string short_zstd = zstd(plain).substr(0, zstd(plain).size() - 2);
  EXPECT_THAT(unpack(store(short_zstd, plain, Compression::zstd)).error().line(), HasSubstr("ends too early"));
  EXPECT_THAT(unpack(store(gzip(plain) + "garbage", plain, Compression::gzip)).error().line(), HasSubstr("damaged"));
  EXPECT_THAT(unpack(store(zstd(plain) + "garbage", plain, Compression::zstd)).error().line(), HasSubstr("damaged"));
}

TEST_F(Unpack, RefusesATarThatEndsInsideAFile) {
  const std::string plain = tar({{.name = "a", .content = std::string(4096, 'x')}}).substr(0, 1500);
  EXPECT_THAT(unpack(store(plain, plain, Compression::none)).error().line(), HasSubstr("entry 'a'"));
}

TEST_F(Unpack, ReadsSeveralMembersAndFramesInARow) {
  const std::string plain = tar({{.name = "a", .content = std::string(5000, 'x')}});
  const std::string one = plain.substr(0, 700);
  const std::string two = plain.substr(700);
  EXPECT_TRUE(unpack(store(gzip(one) + gzip(two), plain, Compression::gzip)));
  const std::string skippable("\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
  EXPECT_TRUE(unpack(store(zstd(one) + zstd(two) + skippable, plain, Compression::zstd)));
}

TEST_F(Unpack, RefusesBytesThatAreNotWhatTheMediaTypeSays) {
  const std::string plain = tar({{.name = "a", .content = "x"}});
  EXPECT_THAT(unpack(store(gzip(plain), plain, Compression::zstd)).error().line(),
              HasSubstr("says zstd, its bytes are gzip"));
  EXPECT_EQ(unpack(store(plain, plain, Compression::gzip)).error().code, ErrorCode::image_invalid);
  EXPECT_EQ(unpack(store("", "", Compression::gzip)).error().code, ErrorCode::image_invalid);
}

TEST_F(Unpack, EndsWhenItIsToldTo) {
  const std::string plain = tar({{.name = "a", .content = "x"}});
  const Layer layer = store(plain, plain, Compression::none);
  const base::Result<void> done =
      unpack_layer(blobs_, layer, root_, {.budget = budget_, .go_on = [] { return false; }});
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
}

// ---- build contexts

TEST_F(Unpack, ABuildContextBelongsToTheCallerAndHasNoWhiteouts) {
  const std::string file = temp_ / "blobs/context.tar.gz";
  testing::write_file(file, gzip(tar({{.name = "Dockerfile", .content = "FROM x", .uid = 1000000},
                                      {.name = ".wh.notes", .content = "kept"}})));
  const base::Result<void> done =
      unpack_tar_file(file, root_, {.budget = budget_, .keep_owners = false, .whiteouts = false});
  ASSERT_TRUE(done) << done.error().line();
  EXPECT_THAT(listing(root_), UnorderedElementsAre(std::pair{"Dockerfile", "FROM x"}, std::pair{".wh.notes", "kept"}));
  EXPECT_EQ(info_of(in_root("Dockerfile")).st_uid, ::geteuid());
}

}  // namespace
}  // namespace marea::pipeline
