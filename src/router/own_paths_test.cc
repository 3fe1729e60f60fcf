#include "router/own_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace marea::router {
namespace {

using testing::HasSubstr;
using testing::Not;

model::ExperimentRoute route() {
  model::ExperimentRoute out;
  out.conversions = {{.route = {.method = "POST", .path = "/loans"}, .event = {}}, {.route = {}, .event = "paid"}};
  out.measures = {"lcp", "cls"};
  return out;
}

bool cross_site(const std::string& fields) {
  net::http::RequestHead head;
  const std::string text =
      "POST /.marea/events?event=paid HTTP/1.1\r\nHost: loans.localhost:8080\r\n" + fields + "\r\n";
  EXPECT_TRUE(net::http::parse_request(text, head).value_or(false));
  return is_cross_site(head);
}

TEST(OwnPathsTest, an_event_is_what_conversions_and_measures_name) {
  const auto paid = read_event("/.marea/events?event=paid", route());
  ASSERT_TRUE(paid);
  EXPECT_EQ(paid->conversions, 2U);
  EXPECT_FALSE(paid->measure);
  const auto lcp = read_event("/.marea/events?event=lcp&value=2300.6", route());
  ASSERT_TRUE(lcp);
  EXPECT_EQ(lcp->measure, 0U);
  EXPECT_EQ(lcp->value, 2301U);
}

TEST(OwnPathsTest, what_is_no_event_says_why) {
  for (const char* query : {"", "?", "?event", "?event=", "?value=3"}) {
    const auto read = read_event(std::string("/.marea/events") + query, route());
    ASSERT_FALSE(read) << query;
    EXPECT_THAT(read.error(), HasSubstr("must name an event"));
  }
  for (const char* value : {"", "&value=", "&value=-1", "&value=nan", "&value=inf", "&value=1000001", "&value=1x"}) {
    const auto read = read_event(std::string("/.marea/events?event=lcp") + value, route());
    ASSERT_FALSE(read) << value;
    EXPECT_THAT(read.error(), HasSubstr("has a value"));
  }
  EXPECT_FALSE(read_event("/.marea/events?event=" + std::string(600, 'a'), route()));
  EXPECT_FALSE(read_event("/.marea/events?event=loan", route())) << "a conversion by its route is no event";
}

TEST(OwnPathsTest, an_answer_says_events_one_by_one_or_as_a_list) {
  const auto said = read_said_events("paid, , lcp ; value=1800 ;, paid;user=0af", route());
  ASSERT_TRUE(said) << said.error();
  ASSERT_EQ(said->size(), 3U);
  EXPECT_EQ((*said)[0].event.conversions, 2U);
  EXPECT_EQ((*said)[1].event.measure, 0U);
  EXPECT_EQ((*said)[1].event.value, 1800U);
  EXPECT_EQ((*said)[2].user, "0af");
  SaidEvents sum;
  sum.add((*said)[0].event);
  sum.add((*said)[1].event);
  sum.add({.conversions = 0, .measure = 0, .value = 9});
  EXPECT_EQ(sum.conversions, 2U);
  EXPECT_EQ(sum.measured, 1U);
  EXPECT_EQ(sum.values[0], 1800U) << "the first counts";
  EXPECT_TRUE(read_said_events("", route())->empty());
  for (const char* wrong : {"other", "paid;usr=1", "paid;user=", "lcp", "lcp;value=x", ";value=1", "paid, other"}) {
    EXPECT_FALSE(read_said_events(wrong, route())) << wrong;
  }
  EXPECT_FALSE(read_said_events(std::string(2000, ','), route()));
}

TEST(OwnPathsTest, other_sites_post_nothing) {
  EXPECT_FALSE(cross_site("")) << "no browser";
  EXPECT_FALSE(cross_site("Sec-Fetch-Site: same-origin\r\n"));
  EXPECT_TRUE(cross_site("Sec-Fetch-Site: cross-site\r\n"));
  EXPECT_TRUE(cross_site("Sec-Fetch-Site: same-site\r\n"));
  EXPECT_FALSE(cross_site("Origin: http://loans.localhost:8080\r\n"));
  EXPECT_TRUE(cross_site("Origin: http://evil.localhost:8080\r\n"));
  EXPECT_TRUE(cross_site("Origin: null\r\n"));
}

TEST(OwnPathsTest, the_beacon_posts_what_the_experiment_measures) {
  const std::string script = beacon_script(route());
  EXPECT_THAT(script, HasSubstr("const wanted = [\"lcp\", \"cls\", ];"));
  EXPECT_THAT(script, HasSubstr("/.marea/events?event="));
  EXPECT_THAT(script, Not(HasSubstr("eval")));
}

}  // namespace
}  // namespace marea::router
