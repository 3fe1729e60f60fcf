#include "webhook/gate_reply.h"

#include <gtest/gtest.h>

namespace marea::webhook {
namespace {

// "passed: D", "refused: D", "later", "trouble: W".
std::string words(const Reply& reply) {
  const GateReply said = read_gate_reply(reply);
  if (const auto* verdict = std::get_if<Verdict>(&said)) {
    return (verdict->passed ? "passed: " : "refused: ") + verdict->detail;
  }
  if (const auto* trouble = std::get_if<Trouble>(&said)) return "trouble: " + trouble->why;
  return "later";
}

TEST(GateReply, yes_no_and_later) {
  EXPECT_EQ(words({.status = 200, .body = R"({"passed": true})"}), "passed: ");
  EXPECT_EQ(words({.status = 201, .body = R"({"passed": false, "detail": "3 tests fail", "more": 1})"}),
            "refused: 3 tests fail");
  EXPECT_EQ(words({.status = 202}), "later");
  EXPECT_EQ(words({.status = 202, .body = R"({"passed": true})"}), "later") << "202 has no verdict";
}

TEST(GateReply, nothing_else_is_taken_for_a_yes) {
  const std::string without = R"(trouble: it answered 200 without {"passed": true or false})";
  for (const char* body : {"", "ok", "true", "null", "[true]", "{", R"({"passed": "true"})", R"({"passed": 1})",
                           R"({"passed": null})", R"({"Passed": true})", "{\"passed\": true, \"detail\": \"\xff\"}"}) {
    EXPECT_EQ(words({.status = 200, .body = body}), without) << body;
  }
  EXPECT_EQ(words({.status = 204}), R"(trouble: it answered 204 without {"passed": true or false})");
  EXPECT_EQ(words({.status = 200, .body = R"({"passed": true, "detail": 7})"}), "passed: ") << "the detail is no text";
}

TEST(GateReply, every_kind_of_trouble_has_its_words) {
  EXPECT_EQ(words({.status = 503, .body = R"({"passed": true})"}), "trouble: it answered 503");
  EXPECT_EQ(words({.status = 404}), "trouble: it answered 404");
  EXPECT_EQ(words({.status = 302}), "trouble: it answered 302, and redirects are not followed");
  EXPECT_EQ(words({.failure = "Couldn't connect to server"}), "trouble: Couldn't connect to server");
}

TEST(GateReply, a_long_detail_is_cut_between_characters) {
  // 2 bytes each: the cut at an odd byte would be in the middle of one.
  std::string detail = "x";
  for (std::size_t i = 0; i < kMostDetailBytes; ++i) detail += "ñ";
  const GateReply said = read_gate_reply({.status = 200, .body = R"({"passed": true, "detail": ")" + detail + "\"}"});
  EXPECT_EQ(std::get<Verdict>(said).detail, detail.substr(0, kMostDetailBytes - 1));
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("\xF0\x9F\x8C\x8A", 3), "");
}

TEST(NoticeReply, every_2xx_takes_it_and_410_wants_no_more) {
  EXPECT_EQ(notice_trouble({.status = 200}), "");
  EXPECT_EQ(notice_trouble({.status = 204}), "");
  EXPECT_EQ(notice_trouble({.status = 202}), "");
  EXPECT_EQ(notice_trouble({.status = 500}), "it answered 500");
  EXPECT_EQ(notice_trouble({.status = 301}), "it answered 301, and redirects are not followed");
  EXPECT_TRUE(is_gone({.status = 410}));
  EXPECT_FALSE(is_gone({.status = 404}));
}

}  // namespace
}  // namespace marea::webhook
