#include <gtest/gtest.h>

#include "api/api_world_test.h"

namespace marea::api {
namespace {

using namespace std::chrono_literals;

class UsageTest : public ApiWorld {
 protected:
  UsageTest() {
    world.connect();
    world.have_image("img", 'a');
    world.deploy("hola", "img", "hola-i");
    revision = world.newest("hola");
  }
  bool has(const std::string& line) {
    const Reply reply = call("GET", "/metrics");
    EXPECT_EQ(reply.status, 200);
    return reply.body.find(line + "\n") != std::string::npos;
  }
  std::string revision;
};

TEST_F(UsageTest, what_a_service_used_is_a_line_per_revision_and_stays_when_it_is_deleted) {
  world.tell_usage("hola-i", revision,
                   {.requests = 7,
                    .alive = 60s,
                    .busy = 5s,
                    .billed = 10s,
                    .cpu = 3s,
                    .peak_memory_bytes = 99,
                    .memory_limit_bytes = 512LL << 20,
                    .milli_cpu = 2000});
  const auto check = [&] {
    const Reply reply = call("GET", "/apis/marea.dev/v1/usage?service=hola");
    ASSERT_EQ(reply.status, 200);
    const Json line = Json::parse(reply.body)["items"].at(0);
    EXPECT_EQ(line["revision"], revision);
    EXPECT_EQ(line["requests"], 7);
    EXPECT_EQ(line["billable_seconds"], 10.0);
    EXPECT_EQ(line["vcpu_seconds"], 20.0);
    EXPECT_EQ(line["memory_gib_seconds"], 5.0);
    EXPECT_EQ(line["cpu_seconds"], 3.0);
    EXPECT_EQ(line["peak_memory_bytes"], 99);
  };
  check();
  call("DELETE", std::string(kServicesPath) + "/hola");
  world.apply_routes();
  EXPECT_EQ(parse(receive()).status, 200);
  check();
  EXPECT_EQ(call("GET", "/apis/marea.dev/v1/usage?service=nadie").status, 404);
  EXPECT_EQ(call("DELETE", "/apis/marea.dev/v1/usage").status, 405);
}

TEST_F(UsageTest, engine_hears_that_a_final_report_is_kept_once_what_it_used_is_stored) {
  world.report("hola-i", revision, model::InstanceState::stopped);
  EXPECT_TRUE(world.kept.empty());
  world.advance(control::kUsageBatch);
  EXPECT_EQ(world.kept, std::vector<std::string>{"hola-i"});
}

TEST_F(UsageTest, metrics_are_routers_and_controls_own) {
  world.metrics = {{model::Metric::requests, {"hola", revision, "2xx"}, {3}},
                   {model::Metric::requests, {"hola", revision, "2xx"}, {4}}};
  const std::string whose = "{service=\"hola\",revision=\"" + revision + "\"";
  EXPECT_TRUE(has("marea_requests_total" + whose + ",code=\"2xx\"} 7"));
  EXPECT_TRUE(has("marea_instances" + whose + ",state=\"running\"} 1"));
  EXPECT_TRUE(has("marea_role_up{role=\"engine\"} 1"));
  for (const std::string role : {"router", "engine", "logs"}) {
    EXPECT_TRUE(has("marea_scrape_missing{role=\"" + role + "\"} 0"));
    EXPECT_TRUE(has("marea_role_restarts_total{role=\"" + role + "\"} 0"));
  }
  world.connect_engine();
  world.run();
  EXPECT_TRUE(has("marea_role_restarts_total{role=\"engine\"} 1"));
  world.tell_usage("hola-i", revision, {.requests = 2, .alive = 1s, .cpu = 1500ms});
  EXPECT_TRUE(has("marea_instance_cpu_seconds_total" + whose + ",instance=\"hola-i\"} 1.5"));
  EXPECT_NE(call("GET", "/metrics").head.find("Content-Type: text/plain; version=0.0.4; charset=utf-8"),
            std::string::npos);
}

TEST_F(UsageTest, what_engine_measured_now_is_told_in_place_of_older_accounts) {
  const std::string whose = "{service=\"hola\",revision=\"" + revision + "\",instance=\"hola-i\"}";
  world.tell_usage("hola-i", revision, {.requests = 2, .alive = 1s, .cpu = 1500ms});
  world.engine_metrics = {{model::Metric::instance_cpu, {"hola", revision, "hola-i"}, {2'500'000'000}},
                          {model::Metric::instance_memory_now, {"hola", revision, "hola-i"}, {4096}},
                          {model::Metric::instance_memory_now, {"gone", "gone-00001", "gone-i"}, {8192}}};
  EXPECT_TRUE(has("marea_instance_cpu_seconds_total" + whose + " 2.5"));
  EXPECT_FALSE(has("marea_instance_cpu_seconds_total" + whose + " 1.5"));
  EXPECT_TRUE(has("marea_instance_memory_bytes" + whose + " 4096"));
  EXPECT_EQ(call("GET", "/metrics").body.find("gone-i"), std::string::npos) << "its service was deleted";
}

TEST_F(UsageTest, each_role_counts_how_often_its_limits_were_met) {
  world.metrics = {{model::Metric::limit_hits, {"head-time"}, {1}}};
  world.engine_metrics = {{model::Metric::limit_hits, {"memory-reserve"}, {2}}};
  world.logs_metrics = {{model::Metric::limit_hits, {"log-bytes"}, {3}}, {model::Metric::log_bytes_dropped, {}, {99}}};
  api->count_refused();
  EXPECT_TRUE(has("marea_limit_hits_total{limit=\"head-time\"} 1"));
  EXPECT_TRUE(has("marea_limit_hits_total{limit=\"memory-reserve\"} 2"));
  EXPECT_TRUE(has("marea_limit_hits_total{limit=\"log-bytes\"} 3"));
  EXPECT_TRUE(has("marea_log_bytes_dropped_total 99"));
  EXPECT_TRUE(has("marea_limit_hits_total{limit=\"api-requests\"} 1"));
}

TEST_F(UsageTest, a_router_that_does_not_answer_keeps_no_scrape_waiting) {
  world.gives_metrics = false;
  send("GET /metrics HTTP/1.1\r\nHost: api\r\n\r\n");
  EXPECT_EQ(receive(), "");
  world.advance(control::kScrapeWait);
  const Reply reply = parse(receive());
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find("marea_scrape_missing{role=\"router\"} 1\n"), std::string::npos) << reply.body;
  EXPECT_NE(reply.body.find("marea_scrape_missing{role=\"engine\"} 0\n"), std::string::npos) << reply.body;
}

}  // namespace
}  // namespace marea::api
