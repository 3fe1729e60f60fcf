#include "router/key_cookie.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "router/forwarding.h"

namespace marea::router {
namespace {

std::string key_of(const std::string& fields) {
  static net::http::RequestHead head;
  static std::string text;
  text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  EXPECT_TRUE(net::http::parse_request(text, head).value_or(false));
  return std::string(key_in(head).value_or("none"));
}

TEST(KeyCookie, what_is_set_is_found_when_it_comes_back) {
  const ClientKeyText key = key_text_of(0x0123456789ABCDEFU, 0xFEDCBA9876543210U);
  EXPECT_EQ(key.view(), "0123456789abcdeffedcba9876543210");
  std::array<char, 256> room;
  net::http::HeadWriter out(room);
  write_key(out, key);
  EXPECT_EQ(out.view(),
            "Set-Cookie: marea_key=0123456789abcdeffedcba9876543210; Max-Age=2592000; Path=/; HttpOnly; "
            "SameSite=Lax\r\n");
  EXPECT_EQ(key_of("Cookie: a=b; marea_key=" + std::string(key.view()) + "; c\r\n"), key.view());
}

TEST(KeyCookie, what_we_did_not_make_is_none_and_does_not_hide_one_that_we_did) {
  const std::string good = "0123456789abcdeffedcba9876543210";
  const std::vector<std::string> foreign = {"marea_key",
                                            "marea_key=",
                                            "marea_key=" + good + "0",
                                            "marea_key=" + good.substr(1),
                                            "marea_key=\"" + good + "\"",
                                            "xmarea_key=" + good,
                                            "marea_key=0123456789ABCDEFfedcba9876543210"};
  for (const std::string& bad : foreign) {
    EXPECT_EQ(key_of("Cookie: " + bad + "\r\n"), "none") << bad;
    EXPECT_EQ(key_of("Cookie: " + bad + "; marea_key=" + good + "\r\n"), good) << bad;
  }
}

TEST(KeyCookie, new_keys_are_keys_and_none_comes_twice_nor_from_another_source) {
  KeyMint mint;
  KeyMint other;
  std::set<std::string> keys;
  constexpr std::uint64_t kTick = 89'600'000'000;  // in 2026
  for (int n = 0; n < 1000; ++n) {
    keys.emplace(mint.next(kTick).view());
    keys.emplace(other.next(kTick).view());
  }
  EXPECT_EQ(keys.size(), 2000U);
  for (const std::string& key : keys) {
    ASSERT_EQ(key_of("Cookie: marea_key=" + key + "\r\n"), key);
    ASSERT_EQ(minted_at(key), kTick);
  }
}

TEST(OwnCookies, are_not_for_answers_that_shared_caches_store) {
  const auto shared = [](const std::string& control) {
    static net::http::ResponseHead head;
    std::size_t scanned = 0;
    const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + control + "\r\n";
    EXPECT_TRUE(net::http::parse_response(text, false, head, scanned).value_or(false));
    return for_shared_caches(head);
  };
  EXPECT_TRUE(shared("Cache-Control: public\r\n"));
  EXPECT_TRUE(shared("cache-control: max-age=60, Public\r\n"));
  EXPECT_TRUE(shared("Cache-Control: max-age=60,s-maxage=600\r\n"));
  EXPECT_TRUE(shared("Cache-Control: max-age=60\r\nCache-Control: , public ,\r\n"));
  EXPECT_FALSE(shared(""));
  EXPECT_FALSE(shared("Cache-Control: private, max-age=60\r\n"));
  EXPECT_FALSE(shared("Cache-Control: no-public, x-s-maxage=1\r\nX: public\r\n"));
}

TEST(OwnCookies, those_that_a_service_has_are_taken_away_and_no_others) {
  const auto forwarded = [](const std::string& value, OwnCookies own) {
    static net::http::RequestHead head;
    const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nCookie: " + value + "\r\n\r\n";
    EXPECT_TRUE(net::http::parse_request(text, head).value_or(false));
    std::array<char, 4096> room;
    net::http::HeadWriter out(room);
    std::string scratch;
    forward_cookies(out, head.fields()[1], own, scratch);
    return std::string(out.view());
  };
  EXPECT_EQ(forwarded("a=1; marea_key=2; marea_affinity=3; b=4", {.key = true}),
            "Cookie: a=1; marea_affinity=3; b=4\r\n");
  EXPECT_EQ(forwarded("a=1; marea_key=2; marea_affinity=3; b=4", {.affinity = true, .key = true}),
            "Cookie: a=1; b=4\r\n");
  EXPECT_EQ(forwarded("marea_key=2", {.key = true}), "");
  EXPECT_EQ(forwarded("marea_key=2", {.affinity = true}), "Cookie: marea_key=2\r\n");
}

}  // namespace
}  // namespace marea::router
