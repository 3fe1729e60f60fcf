#include "router/user_token.h"

#include <gtest/gtest.h>

#include <string>

namespace marea::router {
namespace {

TEST(UserTokenTest, names_the_user_to_whom_made_it_alone) {
  UserTokens tokens({1, 2});
  UserTokens same({1, 2});
  UserTokens other({1, 3});
  const auto text = tokens.text_of(7, 0xFEDCBA9876543210U);
  ASSERT_TRUE(text);
  const auto read = same.read(text->view());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->experiment, 7U);
  EXPECT_EQ(read->key, 0xFEDCBA9876543210U);
  EXPECT_FALSE(other.read(text->view())) << "a memory that is no more";
}

TEST(UserTokenTest, what_is_made_up_names_nobody) {
  UserTokens tokens({1, 2});
  const std::string text(tokens.text_of(7, 9)->view());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(tokens.read(changed)) << changed;
  }
  EXPECT_FALSE(tokens.read(""));
  EXPECT_FALSE(tokens.read(text + "0"));
  EXPECT_FALSE(tokens.read(std::string(32, 'A')));
}

}  // namespace
}  // namespace marea::router
