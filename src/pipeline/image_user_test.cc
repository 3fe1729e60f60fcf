#include "pipeline/image_user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "broken line\n"
    "www-data:x:33:34:www-data:/var/www:/usr/sbin/nologin\n"
    "app:x:1000:1000::relative:/bin/sh\n"
    "2000:x:7:7::/seven:/bin/sh\n"
    "huge:x:70000:70000::/:/bin/sh";
constexpr const char* kGroup =
    "root:x:0:\nadm:x:4:www-data,app\nwww-data:x:33:\nown:x:34:www-data\n"
    "audio:x:29:app,www-data\naudio2:x:29:www-data\nhuge:x:99999:www-data\nstaff:x:50:";

struct Resolved {
  base::Result<void> done;
  model::ImageConfig config;
};

Resolved resolve(const std::string& user) {
  Resolved out;
  out.config.user = user;
  out.done = resolve_user(kPasswd, kGroup, out.config);
  return out;
}

TEST(ResolveUser, NobodyNamedMeansRootWithItsHome) {
  for (const char* user : {"", "0", "root", ":"}) {
    const Resolved r = resolve(user);
    ASSERT_TRUE(r.done) << r.done.error().line();
    EXPECT_EQ(r.config.uid, 0U);
    EXPECT_EQ(r.config.gid, 0U);
    EXPECT_EQ(r.config.home, "/root");
    EXPECT_THAT(r.config.groups, IsEmpty());
  }
}

TEST(ResolveUser, ANameGivesItsNumbersItsGroupsOnceAndItsHome) {
  const Resolved r = resolve("www-data");
  ASSERT_TRUE(r.done) << r.done.error().line();
  EXPECT_EQ(r.config.uid, 33U);
  EXPECT_EQ(r.config.gid, 34U);
  EXPECT_THAT(r.config.groups, ElementsAre(4U, 29U));
  EXPECT_EQ(r.config.home, "/var/www");
}

TEST(ResolveUser, ANamedGroupTakesThePlaceOfAllOthers) {
  const Resolved r = resolve("www-data:staff");
  ASSERT_TRUE(r.done);
  EXPECT_EQ(r.config.uid, 33U);
  EXPECT_EQ(r.config.gid, 50U);
  EXPECT_THAT(r.config.groups, IsEmpty());
}

TEST(ResolveUser, NumbersNeedNoEntry) {
  const Resolved alone = resolve("1234");
  ASSERT_TRUE(alone.done);
  EXPECT_EQ(alone.config.uid, 1234U);
  EXPECT_EQ(alone.config.gid, 0U);
  EXPECT_EQ(alone.config.home, "/");
  const Resolved both = resolve("1234:4321");
  EXPECT_EQ(both.config.gid, 4321U);
}

TEST(ResolveUser, ANumberWithAnEntryIsThatAccount) {
  const Resolved r = resolve("33");
  EXPECT_EQ(r.config.gid, 34U);
  EXPECT_THAT(r.config.groups, ElementsAre(4U, 29U));
}

TEST(ResolveUser, ANameThatLooksLikeANumberIsAName) {
  EXPECT_EQ(resolve("2000").config.uid, 7U);
}

TEST(ResolveUser, AHomeThatIsNoPathIsTheRoot) {
  EXPECT_EQ(resolve("app").config.home, "/");
}

TEST(ResolveUser, RefusesUnknownNamesAndSaysWhere) {
  const Resolved user = resolve("nadie");
  ASSERT_FALSE(user.done);
  EXPECT_EQ(user.done.error().code, ErrorCode::image_invalid);
  EXPECT_THAT(user.done.error().line(), HasSubstr("/etc/passwd has no user 'nadie'"));
  const Resolved group = resolve("app:nadie");
  ASSERT_FALSE(group.done);
  EXPECT_THAT(group.done.error().line(), HasSubstr("/etc/group has no group 'nadie'"));
  EXPECT_FALSE(resolve("-1").done);
  EXPECT_FALSE(resolve("app:1:2").done);
}

TEST(ResolveUser, RefusesIdsThatNoInstanceHas) {
  for (const char* user : {"65536", "huge", "0:65536", "99999999999999999999", "18446744073709551615"}) {
    EXPECT_FALSE(resolve(user).done) << user;
  }
  EXPECT_TRUE(resolve("65535:65535").done);
}

TEST(ResolveUserIn, LinksInTheImageNeverLeadToTheHostsAccounts) {
  const testing::TempDir temp;
  testing::write_file(temp / "passwd", "secret:x:5:5::/:/bin/sh\n");
  std::filesystem::create_directories(temp / "root/etc");
  std::filesystem::create_symlink("../../passwd", temp / "root/etc/passwd");
  std::filesystem::create_symlink(temp / "passwd", temp / "root/etc/group");
  model::ImageConfig config;
  config.user = "secret";
  EXPECT_FALSE(resolve_user_in(temp / "root", config));
  config.user = "12";
  EXPECT_TRUE(resolve_user_in(temp / "root", config));
}

TEST(ResolveUserIn, ReadsTheFilesAlsoThroughTheImagesOwnLinks) {
  const testing::TempDir temp;
  testing::write_file(temp / "root/usr/etc/passwd", kPasswd);
  std::filesystem::create_symlink("/usr/etc", temp / "root/etc");
  model::ImageConfig config;
  config.user = "www-data";
  ASSERT_TRUE(resolve_user_in(temp / "root", config));
  EXPECT_EQ(config.uid, 33U);
}

TEST(ResolveUserIn, APipeOrAHugeFileInTheirPlaceDoesNoHarm) {
  const testing::TempDir temp;
  std::filesystem::create_directories(temp / "root/etc");
  ASSERT_EQ(::mkfifo((temp / "root/etc/passwd").c_str(), 0600), 0);
  model::ImageConfig config;
  EXPECT_TRUE(resolve_user_in(temp / "root", config));
  std::filesystem::remove(temp / "root/etc/passwd");
  testing::write_file(temp / "root/etc/passwd", "x");
  std::filesystem::resize_file(temp / "root/etc/passwd", kMostAccountFileBytes + 1);
  const base::Result<void> done = resolve_user_in(temp / "root", config);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace marea::pipeline
