#include "trust/access.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>

namespace marea::trust {
namespace {

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    std::string pattern = testing::TempDir() + "access-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~AccessTest() override { std::filesystem::remove_all(folder_); }
  base::Result<Access> open(std::int64_t now = kNow) {
    return open_access(folder_ + "/api", {"localhost", "127.0.0.1", "::1"}, now);
  }
  static constexpr std::int64_t kNow = 1'800'000'000;
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

// Whether the server's certificate, vouched for by the authority, is valid at that moment.
bool is_trusted(const Access& access, std::int64_t at) {
  const auto read = [](const std::string& pem) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                        BIO_free);
    return std::unique_ptr<X509, decltype(&X509_free)>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr),
                                                       X509_free);
  };
  const auto authority = read(access.ca);
  const auto server = read(access.certificate);
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> check(X509_STORE_CTX_new(),
                                                                              X509_STORE_CTX_free);
  X509_STORE_add_cert(store.get(), authority.get());
  X509_STORE_CTX_init(check.get(), store.get(), server.get(), nullptr);
  X509_STORE_CTX_set_time(check.get(), 0, at);
  return X509_verify_cert(check.get()) == 1;
}

TEST_F(AccessTest, an_authority_that_was_made_under_a_wrong_clock_vouches_under_the_right_one) {
  constexpr std::int64_t kYear = 365 * 86'400;
  for (const std::int64_t wrong : {std::int64_t{60}, kNow + 20 * kYear}) {
    std::filesystem::remove_all(folder_ + "/api");
    ASSERT_TRUE(open(wrong));
    const auto access = open(kNow);
    ASSERT_TRUE(access);
    EXPECT_TRUE(is_trusted(*access, kNow)) << wrong;
    EXPECT_FALSE(is_trusted(*access, kNow + 2 * kYear)) << "the server's lives a year";
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
