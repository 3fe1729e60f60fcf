#include "router/rule_set.h"

#include <gmock/gmock.h>

#include <string>

namespace marea::router {
namespace {

using model::MatchKind;
using Subject = model::MatchSubject;

// Whether the condition holds for a request with this target and these fields.
bool rule_holds(const model::MatchCondition& condition, const std::string& target, const std::string& fields = {},
                const std::string& method = "GET") {
  static net::http::RequestHead head;
  const std::string text = method + " " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  EXPECT_TRUE(net::http::parse_request(text, head).value_or(false)) << text;
  return RuleSet({{.conditions = {condition}}}).match(head, "192.0.2.7").has_value();
}

TEST(RuleSet, a_path_is_compared_without_its_query) {
  EXPECT_TRUE(rule_holds({Subject::path, "", MatchKind::exact, {"/a", "/b"}}, "/b?x=/c"));
  EXPECT_FALSE(rule_holds({Subject::path, "", MatchKind::exact, {"/a", "/b"}}, "/b/"));
  EXPECT_TRUE(rule_holds({Subject::path, "", MatchKind::prefix, {"/a/"}}, "/a/b"));
  EXPECT_FALSE(rule_holds({Subject::path, "", MatchKind::prefix, {"/a/"}}, "/a"));
  EXPECT_TRUE(rule_holds({Subject::path, "", MatchKind::regex, {"/v[0-9]+/.*"}}, "/v12/x"));
  EXPECT_FALSE(rule_holds({Subject::path, "", MatchKind::regex, {"v[0-9]"}}, "/v1")) << "the whole of it";
}

TEST(RuleSet, any_field_of_the_name_will_do_in_any_case) {
  const model::MatchCondition team{Subject::header, "X-Team", MatchKind::exact, {"risk"}};
  EXPECT_TRUE(rule_holds(team, "/", "x-team: credit\r\nX-TEAM: risk\r\n"));
  EXPECT_FALSE(rule_holds(team, "/", "x-team: Risk\r\n"));
  EXPECT_FALSE(rule_holds(team, "/"));
  EXPECT_TRUE(rule_holds({Subject::header, "X-Team", MatchKind::prefix, {""}}, "/", "X-Team: a\r\n")) << "it is there";
  EXPECT_FALSE(rule_holds({Subject::header, "X-Team", MatchKind::prefix, {""}}, "/"));
}

TEST(RuleSet, cookies_are_found_in_all_their_fields) {
  const model::MatchCondition beta{Subject::cookie, "beta", MatchKind::regex, {"1|yes"}};
  EXPECT_TRUE(rule_holds(beta, "/", "Cookie: a=b; beta=yes\r\n"));
  EXPECT_TRUE(rule_holds(beta, "/", "Cookie: beta=no\r\nCookie: beta=1\r\n"));
  EXPECT_FALSE(rule_holds(beta, "/", "Cookie: xbeta=1; Beta=1; beta=11\r\n"));
}

TEST(RuleSet, query_parameters_are_decoded) {
  const model::MatchCondition who{Subject::query, "a b", MatchKind::exact, {"x&y"}};
  EXPECT_TRUE(rule_holds(who, "/?z=1&a+b=x%26y"));
  EXPECT_TRUE(rule_holds(who, "/?a%20b=no&%61%20b=x%26y"));
  EXPECT_FALSE(rule_holds(who, "/a%20b=x%26y"));
  EXPECT_TRUE(rule_holds({Subject::query, "flag", MatchKind::exact, {""}}, "/?flag"));
  EXPECT_TRUE(rule_holds({Subject::query, "p", MatchKind::exact, {"100%"}}, "/?p=100%"));
  EXPECT_FALSE(rule_holds({Subject::query, "p", MatchKind::regex, {"x*"}},
                          "/?p=" + std::string(model::kMostRegexInput + 1, 'x')));
  EXPECT_TRUE(
      rule_holds({Subject::query, "p", MatchKind::regex, {"x*"}}, "/?p=" + std::string(model::kMostRegexInput, 'x')));
}

TEST(RuleSet, methods_and_clients) {
  EXPECT_TRUE(
      rule_holds({Subject::method, "", MatchKind::exact, {"PUT", "POST"}}, "/", "Content-Length: 0\r\n", "POST"));
  EXPECT_FALSE(rule_holds({Subject::method, "", MatchKind::exact, {"PUT", "POST"}}, "/"));
  EXPECT_TRUE(rule_holds({Subject::client, "", MatchKind::network, {"198.51.100.0/24", "192.0.2.0/29"}}, "/"));
  EXPECT_FALSE(rule_holds({Subject::client, "", MatchKind::network, {"2001:db8::/32"}}, "/",
                          "X-Forwarded-For: 2001:db8::1\r\n"));
}

TEST(RuleSet, the_first_rule_whose_conditions_all_hold_decides) {
  static net::http::RequestHead head;
  const std::string text = "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n";
  ASSERT_TRUE(net::http::parse_request(text, head).value_or(false));
  const model::MatchCondition at_a{Subject::path, "", MatchKind::exact, {"/a"}};
  const model::MatchCondition with_x{Subject::header, "X", MatchKind::exact, {"1"}};
  const model::MatchCondition with_y{Subject::header, "Y", MatchKind::exact, {"1"}};
  const RuleSet rules({{.conditions = {at_a, with_y}}, {}, {.conditions = {at_a, with_x}}, {.conditions = {at_a}}});
  EXPECT_EQ(rules.match(head, "::1"), 2U) << "a rule without a condition never holds";
  EXPECT_EQ(rules.match(head, "::1", {true, true, false, true}), 3U);
  EXPECT_EQ(rules.match(head, "::1", {true, true, false, false}), std::nullopt);
}

TEST(RuleSet, expressions_look_at_so_many_bytes_of_a_request_and_no_more) {
  const model::MatchCondition beta{Subject::cookie, "beta", MatchKind::regex, {"yes"}};
  const auto after = [](std::size_t bytes) {
    std::string fields;
    for (; bytes > 0; bytes -= 1024) fields += "Cookie: beta=" + std::string(1024, 'x') + "\r\n";
    return fields + "Cookie: beta=yes\r\n";
  };
  EXPECT_TRUE(rule_holds(beta, "/", after(model::kMostRegexBytes - 2048)));
  EXPECT_FALSE(rule_holds(beta, "/", after(model::kMostRegexBytes)));
  EXPECT_TRUE(rule_holds({Subject::cookie, "beta", MatchKind::exact, {"yes"}}, "/", after(model::kMostRegexBytes)))
      << "others do not cost that";
  static net::http::RequestHead head;
  const std::string text = "GET /" + std::string(999, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(net::http::parse_request(text, head).value_or(false));
  const auto rule = [](const char* expression) {
    return model::RouteRule{.conditions = {{Subject::path, "", MatchKind::regex, {expression}}}};
  };
  constexpr std::size_t kLooks = model::kMostRegexBytes / (1000 + model::kRegexCallBytes);
  std::vector<model::RouteRule> rules(kLooks, rule("/b+"));
  rules.push_back(rule("/a+"));
  EXPECT_FALSE(RuleSet(rules).match(head, "::1")) << "one request has one budget, whatever rules ask";
  rules.erase(rules.begin());
  EXPECT_EQ(RuleSet(rules).match(head, "::1"), kLooks - 1);
}

// As a file that was damaged, or control in another hand, could say it.
TEST(RuleSet, what_cannot_be_used_never_holds) {
  EXPECT_FALSE(rule_holds({Subject::path, "", MatchKind::regex, {"("}}, "/"));
  EXPECT_FALSE(rule_holds({Subject::path, "", MatchKind::regex, {}}, "/"));
  EXPECT_FALSE(rule_holds({Subject::client, "", MatchKind::network, {"x"}}, "/"));
  EXPECT_FALSE(rule_holds({static_cast<model::MatchSubject>(99), "", MatchKind::prefix, {"/"}}, "/"));
  EXPECT_FALSE(rule_holds({Subject::path, "", static_cast<MatchKind>(99), {"/"}}, "/"));
}

}  // namespace
}  // namespace marea::router
