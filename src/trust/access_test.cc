#include "trust/access.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace marea::trust {
namespace {

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    std::string pattern = testing::TempDir() + "access-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~AccessTest() override { std::filesystem::remove_all(folder_); }
  base::Result<Access> open() {
    return open_access(folder_ + "/api", {"localhost", "127.0.0.1", "::1"}, 1'700'000'000);
  }
  std::string folder_;
};

TEST_F(AccessTest, the_authority_and_the_token_stay_the_same_and_are_their_owners_alone) {
  const auto first = open();
  ASSERT_TRUE(first) << first.error().line();
  EXPECT_EQ(first->token.size(), 64U);
  const auto second = open();
  ASSERT_TRUE(second);
  EXPECT_EQ(first->ca, second->ca);
  EXPECT_EQ(first->token, second->token);
  EXPECT_NE(first->key, second->key) << "the server's is made at each start";
  for (const char* name : {"/api/ca.key", "/api/ca.crt", "/api/token"}) {
    struct stat about{};
    ASSERT_EQ(::stat((folder_ + name).c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U) << name;
  }
}

TEST_F(AccessTest, two_platforms_have_different_tokens_and_authorities) {
  const auto one = open();
  std::filesystem::remove_all(folder_ + "/api");
  const auto other = open();
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->token, other->token);
  EXPECT_NE(one->ca, other->ca);
}

TEST_F(AccessTest, damaged_files_are_named_with_a_remedy) {
  ASSERT_TRUE(open());
  std::ofstream(folder_ + "/api/token") << "short\n";
  const auto token = open();
  ASSERT_FALSE(token);
  EXPECT_NE(token.error().what.find("/api/token"), std::string::npos);
  std::filesystem::remove(folder_ + "/api/token");
  std::ofstream(folder_ + "/api/ca.key") << "no key\n";
  const auto key = open();
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().remedy.find("Remove it"), std::string::npos);
}

TEST_F(AccessTest, a_file_that_cannot_be_read_is_an_error_and_not_made_anew) {
  for (const char* name : {"/api/ca.crt", "/api/token"}) {
    std::filesystem::remove_all(folder_ + "/api");
    ASSERT_TRUE(open());
    std::filesystem::remove(folder_ + name);
    std::filesystem::create_symlink(folder_ + name, folder_ + name);  // ELOOP, for root too
    const auto access = open();
    ASSERT_FALSE(access) << name;
    EXPECT_NE(access.error().what.find(name), std::string::npos);
  }
}

TEST(SecretTest, only_the_whole_secret_is_the_same) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abd", "abc"));
  EXPECT_FALSE(same_secret("ab", "abc"));
  EXPECT_FALSE(same_secret("", "abc"));
}

}  // namespace
}  // namespace marea::trust
