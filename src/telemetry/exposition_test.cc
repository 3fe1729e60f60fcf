#include "telemetry/exposition.h"

#include <gtest/gtest.h>

#include <regex>

#include "telemetry/counters.h"

namespace marea::telemetry {
namespace {

using model::Metric;

TEST(Exposition, a_counter_a_gauge_and_seconds_are_printed_as_prometheus_reads_them) {
  EXPECT_EQ(expose({{Metric::connections, {}, {7}},
                    {Metric::requests, {"web", "web-00001", "2xx"}, {12}},
                    {Metric::instance_cpu, {"web", "web-00001", "web-00001-abcde"}, {1'250'000'000}}}),
            "# HELP marea_requests_total Requests that ended, by class of the status that the caller got; none: it got "
            "no answer\n"
            "# TYPE marea_requests_total counter\n"
            "marea_requests_total{service=\"web\",revision=\"web-00001\",code=\"2xx\"} 12\n"
            "# HELP marea_connections Callers' connections that are open\n"
            "# TYPE marea_connections gauge\n"
            "marea_connections 7\n"
            "# HELP marea_instance_cpu_seconds_total CPU time of the instance's processes\n"
            "# TYPE marea_instance_cpu_seconds_total counter\n"
            "marea_instance_cpu_seconds_total{service=\"web\",revision=\"web-00001\",instance=\"web-00001-abcde\"} "
            "1.25\n");
}

TEST(Exposition, a_histogram_is_cumulative_and_ends_with_its_sum_and_count) {
  TimeHistogram times;
  for (const auto ms : {1, 1, 3, 90'000}) times.add(std::chrono::milliseconds(ms));
  const std::string text = expose({{Metric::request_time, {"web", "web-00001"}, times.values()}});
  const auto has = [&](const std::string& line) { return text.find("\n" + line + "\n") != std::string::npos; };
  const std::string name = "marea_request_duration_seconds";
  const std::string labels = "{service=\"web\",revision=\"web-00001\"";
  EXPECT_TRUE(has(name + "_bucket" + labels + ",le=\"0.0005\"} 0")) << text;
  EXPECT_TRUE(has(name + "_bucket" + labels + ",le=\"0.001\"} 2")) << text;
  EXPECT_TRUE(has(name + "_bucket" + labels + ",le=\"0.005\"} 3")) << text;
  EXPECT_TRUE(has(name + "_bucket" + labels + ",le=\"60\"} 3")) << text;
  EXPECT_TRUE(has(name + "_bucket" + labels + ",le=\"+Inf\"} 4")) << text;
  EXPECT_TRUE(has(name + "_sum" + labels + "} 90.005")) << text;
  EXPECT_TRUE(has(name + "_count" + labels + "} 4")) << text;
}

TEST(Exposition, values_with_the_same_labels_are_added_up_and_each_metric_has_one_header) {
  const std::string text = expose({{Metric::refused, {"MaxScale"}, {2}},
                                   {Metric::refused, {"BackingOff"}, {5}},
                                   {Metric::refused, {"MaxScale"}, {3}}});
  EXPECT_TRUE(
      text.ends_with("counter\nmarea_refused_total{reason=\"BackingOff\"} 5\n"
                     "marea_refused_total{reason=\"MaxScale\"} 5\n"))
      << text;
}

TEST(Exposition, what_does_not_fit_its_kind_is_left_out) {
  EXPECT_EQ(expose({{Metric::connections, {"one label too many"}, {1}},
                    {Metric::connections, {}, {}},
                    {Metric::request_time, {"web", "web-00001"}, {1, 2, 3}},
                    {static_cast<Metric>(9999), {}, {1}}}),
            "");
}

TEST(Exposition, labels_cannot_break_out_of_their_quotes) {
  const std::string text = expose({{Metric::refused, {"a\"} 1\nb\\"}, {2}}});
  EXPECT_TRUE(text.ends_with("\nmarea_refused_total{reason=\"a\\\"} 1\\nb\\\\\"} 2\n")) << text;
}

// https://prometheus.io/docs/practices/naming/
TEST(Exposition, every_metric_is_named_as_prometheus_wants_it) {
  const std::regex name("marea(_[a-z]+)+");
  const std::regex labels("([a-z]+(,[a-z]+)*)?");
  for (const model::MetricKind& kind : model::kMetrics) {
    EXPECT_TRUE(std::regex_match(std::string(kind.name), name)) << kind.name;
    EXPECT_TRUE(std::regex_match(std::string(kind.labels), labels)) << kind.name;
    EXPECT_EQ(kind.name.ends_with("_total"), kind.type == model::MetricType::counter) << kind.name;
    const bool time = kind.unit == model::MetricUnit::nanoseconds;
    EXPECT_EQ(kind.name.find("_seconds") != std::string_view::npos, time) << kind.name;
    EXPECT_FALSE(kind.help.empty() || kind.help.find('\n') != std::string_view::npos) << kind.name;
    EXPECT_EQ(std::ranges::count(model::kMetrics, kind.name, &model::MetricKind::name), 1) << kind.name;
  }
}

}  // namespace
}  // namespace marea::telemetry
