#include "webhook/signing_key.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace marea::webhook {
namespace {

// Computed with Python: base64(hmac.new(b64decode("MfKQ…"), b'msg_p5j….1614265330.{"test": 2432232314}', sha256)).
TEST(SigningKey, signs_id_time_and_body_as_standard_webhooks_does) {
  const auto key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(key->text(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
}

TEST(SigningKey, each_of_id_time_and_body_changes_the_signature) {
  const auto key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const std::string one = key->sign("a", 1, "{}");
  EXPECT_NE(key->sign("b", 1, "{}"), one);
  EXPECT_NE(key->sign("a", 2, "{}"), one);
  EXPECT_NE(key->sign("a", 1, "{ }"), one);
  EXPECT_NE(SigningKey::make()->sign("a", 1, "{}"), one);
}

TEST(SigningKey, what_is_no_key_is_none) {
  for (const char* text : {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
                           "whsec_MfKQ9r8GKYqrTwjUPD8I", "whsec_MfKQ9r8G!YqrTwjUPD8ILPZIo2LaLaSw", "whsec_="}) {
    EXPECT_FALSE(SigningKey::parse(text)) << text;
  }
  EXPECT_FALSE(SigningKey::parse("whsec_" + std::string(88, 'A'))) << "66 bytes";
  EXPECT_TRUE(SigningKey::parse("whsec_" + std::string(86, 'A') + "==")) << "64 bytes";
}

class KeyFile : public testing::Test {
 protected:
  KeyFile() : folder_(testing::TempDir() + "key-XXXXXX") { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~KeyFile() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/webhook-key"; }

 private:
  std::string folder_;
};

TEST_F(KeyFile, is_made_once_and_for_its_owner_alone) {
  const auto made = open_signing_key(path());
  ASSERT_TRUE(made) << made.error().line();
  EXPECT_EQ(made->text().size(), 6U + 44U) << "32 bytes in base64";
  struct stat found{};
  ASSERT_EQ(::stat(path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  const auto again = open_signing_key(path());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->text(), made->text());
  std::filesystem::remove(path());
  EXPECT_NE(open_signing_key(path())->text(), made->text());
}

TEST_F(KeyFile, that_holds_none_stays_as_it_is_and_is_told) {
  std::ofstream(path()) << "whsec_short\n";
  const auto opened = open_signing_key(path());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().line().find(path()), std::string::npos);
  EXPECT_FALSE(opened.error().remedy.empty());
  std::ifstream file(path());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "whsec_short\n");
}

}  // namespace
}  // namespace marea::webhook
