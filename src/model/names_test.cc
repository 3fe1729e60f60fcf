#include "model/names.h"

#include <gtest/gtest.h>

namespace marea::model {
namespace {

TEST(Names, labels_are_lower_case_letters_digits_and_inner_hyphens) {
  for (const char* good : {"a", "0", "shop", "shop-2", "a--b", "00001"}) EXPECT_FALSE(label_fault(good)) << good;
  for (const char* bad : {"", "-a", "a-", "Shop", "a.b", "a_b", "a b", "ñ", "a\n"})
    EXPECT_TRUE(label_fault(bad)) << bad;
}

TEST(Names, a_label_has_at_most_63_characters) {
  EXPECT_FALSE(label_fault(std::string(63, 'a')));
  EXPECT_EQ(label_fault(std::string(64, 'a')), "must have at most 63 characters, has 64");
}

TEST(Names, a_bad_label_comes_with_a_good_one) {
  EXPECT_EQ(label_fault("My_Shop!"),
            "must consist of a-z, 0-9 and '-' and begin and end with a letter or digit; for example \"my-shop\"");
  EXPECT_EQ(suggest_label("--Été 2--"), "t-2");
  EXPECT_EQ(suggest_label("!!"), "");
  EXPECT_FALSE(label_fault(suggest_label(std::string(62, 'a') + "--b")));
}

TEST(Names, hosts_are_labels_joined_by_dots_in_any_case) {
  for (const char* good : {"localhost", "Shop.Example.COM", "127.0.0.1", "xn--espaa-rta.example"}) {
    EXPECT_FALSE(host_fault(good)) << good;
  }
  for (const char* bad : {"", ".", "a..b", "a.", ".a", "a_b.c", "-a.b", "a b"}) EXPECT_TRUE(host_fault(bad)) << bad;
  EXPECT_TRUE(host_fault(std::string(254, 'a')));
}

TEST(Names, a_bad_host_is_told_what_is_too_much) {
  EXPECT_EQ(host_fault("shop.example:8080"), "must be a host name alone, without a port");
  EXPECT_EQ(host_fault("http://shop.example"), "must be a host name alone, without a scheme such as http://");
  EXPECT_EQ(host_fault("shop.example/x"), "must be a host name alone, without a path");
  EXPECT_EQ(host_fault("*.example"), "must name one host; wildcards are not supported");
}

TEST(Names, metadata_keys_have_an_optional_host_as_prefix) {
  for (const char* good : {"team", "example.com/team", "a/B_c.d-e", "autoscaling.knative.dev/minScale"}) {
    EXPECT_FALSE(metadata_key_fault(good)) << good;
  }
  for (const char* bad : {"", "/a", "a/", "a/b/c", "UP.com/a", "a b", "-a", "a-", "ñ"}) {
    EXPECT_TRUE(metadata_key_fault(bad)) << bad;
  }
}

TEST(Names, label_values_may_be_empty_but_not_long) {
  EXPECT_FALSE(label_value_fault(""));
  EXPECT_FALSE(label_value_fault("V1.2_b"));
  EXPECT_TRUE(label_value_fault(std::string(64, 'v')));
  EXPECT_TRUE(label_value_fault("two words"));
}

TEST(Names, what_the_platform_sets_is_reserved) {
  for (const char* good : {"A", "_a", "spring.profile", "KEY", "PORTS", "k_service"}) {
    EXPECT_FALSE(env_name_fault(good)) << good;
  }
  for (const char* bad : {"", "1A", "A=B", "A B", "PORT", "K_SERVICE", "K_ANY", "X_GOOGLE_A"}) {
    EXPECT_TRUE(env_name_fault(bad)) << bad;
  }
}

}  // namespace
}  // namespace marea::model
