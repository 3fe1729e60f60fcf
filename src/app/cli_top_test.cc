#include "app/cli_top.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <ranges>

namespace marea::app {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kFirst = R"(# HELP marea_requests_total x
marea_requests_total{service="web",revision="web-1",code="2xx"} 100
marea_requests_total{service="web",revision="web-1",code="5xx"} 1
marea_requests_total{service="idle",revision="idle-1",code="2xx"} 5
marea_instance_cpu_seconds_total{service="web",revision="web-1",instance="a"} 1.5
)";
constexpr std::string_view kSecond = R"(marea_requests_total{service="web",revision="web-1",code="2xx"} 120
marea_requests_total{service="web",revision="web-1",code="5xx"} 1
marea_requests_total{service="idle",revision="idle-1",code="2xx"} 5
marea_instance_cpu_seconds_total{service="web",revision="web-1",instance="a"} 2.5
marea_instance_memory_bytes{service="web",revision="web-1",instance="a"} 2097152
marea_instance_cpu_seconds_total{service="web",revision="web-1",instance="b"} 0.2
marea_instance_memory_bytes{service="web",revision="web-1",instance="b"} 1048576
marea_instance_requests_in_flight{service="web",revision="web-1",instance="a"} 3
marea_queue_length{service="web",revision="web-1"} 7
)";

Json instances() {
  Json items = Json::array();
  for (const char* name : {"b", "a", "gone"}) {
    items.push_back({{"name", name}, {"service", "web"}, {"revision", "web-1"}, {"state", "ready"}});
  }
  return {{"items", std::move(items)}};
}

TEST(CliTop, ReadsPrometheusTextAndPassesOverTheRest) {
  const std::vector<MetricSample> samples =
      parse_samples("# TYPE a counter\na{x=\"1\\\"2\",y=\"\"} 3\nb 4.5\nbroken{x=\"1\nalso{} \n\nc{} 1e3");
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0].labels.at("x"), "1\"2");
  EXPECT_EQ(samples[1].value, 4.5);
  EXPECT_EQ(samples[2].value, 1000);
}

TEST(CliTop, RatesAreOfTheTimeBetweenTwoScrapes) {
  const Top top = top_of(parse_samples(kFirst), parse_samples(kSecond), 2, instances());
  ASSERT_EQ(top.instances.size(), 2U);  // the third one has ended
  EXPECT_EQ(top.instances[0].name, "a");
  EXPECT_DOUBLE_EQ(top.instances[0].cpu_percent.value(), 50);
  EXPECT_EQ(top.instances[0].in_flight, 3);
  EXPECT_DOUBLE_EQ(top.instances[1].cpu_percent.value(), 10);  // it is new: all that it used
  ASSERT_EQ(top.services.size(), 1U);                          // the other one has neither instances nor requests
  EXPECT_EQ(top.services[0].instances, 2);
  EXPECT_DOUBLE_EQ(top.services[0].cpu_percent.value(), 60);
  EXPECT_DOUBLE_EQ(top.services[0].requests_per_second.value(), 10);
  EXPECT_EQ(top.services[0].waiting, 7);
  EXPECT_EQ(top.services[0].memory_bytes, 3 << 20);
}

TEST(CliTop, ACounterThatBeganAnewIsNotNegative) {
  const Top top = top_of(parse_samples(kSecond), parse_samples(kFirst), 1, instances());
  for (const TopInstance& one : top.instances) EXPECT_GE(one.cpu_percent.value(), 0) << one.name;
  for (const TopService& one : top.services) EXPECT_GE(one.requests_per_second.value(), 0) << one.name;
}

TEST(CliTop, APageHasNoMoreLinesThanTheTerminal) {
  Top top;
  for (int i = 0; i < 50; ++i) {
    top.services.push_back({.name = "s" + std::to_string(i)});
    top.instances.push_back({.name = "i" + std::to_string(i)});
  }
  const auto lines = [](const std::string& text) { return std::ranges::count(text, '\n'); };
  EXPECT_EQ(lines(print_top(top, Words(Language::en), {.lines = 20})), 20);
  EXPECT_EQ(lines(print_top(top, Words(Language::en))), 103);
  top.instances.resize(2);
  EXPECT_EQ(lines(print_top(top, Words(Language::es), {.lines = 20})), 20);
}

TEST(CliTop, LongNamesGiveWayToFiguresOnANarrowTerminal) {
  Top top;
  for (const char* end : {"-aaaaa", "-bbbbb"}) {
    top.services.push_back({.name = std::string(57, 'x') + end, .requests_per_second = 12345.6});
    top.instances.push_back({.name = std::string(70, 'x') + end, .state = "starting", .in_flight = 4321});
  }
  for (const Language language : {Language::en, Language::es}) {
    const std::string page = print_top(top, Words(language), {.columns = 80});
    for (const auto line : page | std::views::split('\n')) {
      EXPECT_LE(width_of(std::string_view(line.begin(), line.end())), 80U) << page;
    }
    for (const char* whole : {"…", "-aaaaa ", "-bbbbb ", "12345.6\n", "4321\n"}) EXPECT_THAT(page, HasSubstr(whole));
  }
  EXPECT_THAT(print_top(top, Words(Language::en)), HasSubstr(std::string(70, 'x') + "-aaaaa "));
}

TEST(CliTop, WhatARoleDidNotTellIsUnknownAndNotZero) {
  const std::string late = "marea_scrape_missing{role=\"engine\"} 1\nmarea_scrape_missing{role=\"router\"} 1\n";
  const Top top = top_of(parse_samples(late), parse_samples(kSecond), 1, instances());
  ASSERT_EQ(top.instances.size(), 2U);
  EXPECT_EQ(top.instances[0].cpu_percent, std::nullopt);
  EXPECT_EQ(top.services.at(0).requests_per_second, std::nullopt);
  EXPECT_EQ(top.services[0].memory_bytes, 3 << 20);  // the second one has it
  const Json told = to_json(top);
  EXPECT_TRUE(told["services"][0]["cpu_percent"].is_null());
  EXPECT_EQ(told["services"][0]["waiting"], 7);
  EXPECT_THAT(print_top(top, Words(Language::en)), HasSubstr("web      2          -      3.0"));
}

}  // namespace
}  // namespace marea::app
