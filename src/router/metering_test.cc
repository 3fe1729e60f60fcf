// What router counts: in the ledger for the bill, for control to publish, and in the records for people.
#include <gtest/gtest.h>

#include <fstream>

#include "net/ledger.h"
#include "router/request_log.h"
#include "router/router_world_test.h"

namespace marea::router {
namespace {

using model::Metric;

class MeteringTest : public RouterWorld {
 protected:
  MeteringTest() : file_(*net::Ledger::make()), view_(*net::Ledger::view(file_.duplicate())) { hold_ledger(); }

  void hold_ledger() {
    std::vector<base::Fd> fds;
    fds.push_back(file_.duplicate());
    router_->on_held(net::kLedgerKey, std::move(fds));
  }
  net::LedgerReading reading(const std::string& id) const {
    return read(*view_.slot(0), net::mark_of(base::InstanceId(id)), clock_.now());
  }
  std::uint64_t value(Metric metric, const std::vector<std::string>& labels) {
    metrics.clear();
    control_->send(net::msg::MetricsWanted{7});
    EXPECT_TRUE(until([&] { return !metrics.empty() && metrics.back().last; }));
    std::uint64_t sum = 0;  // of the workers
    for (const net::msg::Metrics& part : metrics) {
      EXPECT_EQ(part.number, 7U);
      for (const model::MetricValue& each : part.values) {
        if (each.metric == metric && each.labels == labels) sum += each.values.front();
      }
    }
    return sum;
  }
  // In the last answer.
  bool told(Metric metric) const {
    return std::ranges::any_of(metrics, [&](const net::msg::Metrics& part) {
      return std::ranges::find(part.values, metric, &model::MetricValue::metric) != part.values.end();
    });
  }
  // The records so far, once there are `lines` of them.
  std::vector<std::string> records(std::size_t lines) {
    std::vector<std::string> out;
    EXPECT_TRUE(until([&] {
      out.clear();
      std::ifstream file(folder_ + "/requests/00000001.log");
      for (std::string line; std::getline(file, line);) out.push_back(line);
      return out.size() >= lines;
    }));
    return out;
  }
  static bool has(const std::string& line, const std::string& part) { return line.find(part) != std::string::npos; }

  base::Fd file_;
  net::Ledger view_;
};

TEST_F(MeteringTest, each_request_is_in_the_ledger_while_it_runs_and_counted_when_it_ends) {
  std::atomic<bool> go{false};
  App app(App::answering([&](const std::string&) {
    while (!go) std::this_thread::yield();
    return "x";
  }));
  publish(route_to(app.port()));
  open("hola-1-a");
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  auto caller = std::async(std::launch::async, [&] {
    Wire wire = Wire::to(port);
    wire.send(get());
    return wire.response();
  });
  ASSERT_TRUE(until([&] { return reading("hola-1-a").in_flight == 1; }));
  EXPECT_EQ(reading("hola-1-a").requests, 0U);
  go = true;
  ASSERT_TRUE(until([&] {
    const auto now = reading("hola-1-a");
    return now.requests == 1 && now.in_flight == 0 && now.billed >= net::kBillingStep;
  }));
  EXPECT_TRUE(caller.get().starts_with("HTTP/1.1 200"));
  EXPECT_GT(reading("hola-1-a").busy.count(), 0);
}

TEST_F(MeteringTest, a_new_router_goes_on_with_what_the_last_one_counted) {
  App app(App::answering([](const std::string&) { return "x"; }));
  publish(route_to(app.port()));
  open("hola-1-a");
  call(get());
  ASSERT_TRUE(until([&] { return reading("hola-1-a").requests == 1; }));
  router_.reset();
  applied = 0;
  start();
  hold_ledger();
  publish(route_to(app.port()));
  open("hola-1-a", "hola-1", true);
  call(get());
  EXPECT_TRUE(until([&] { return reading("hola-1-a").requests == 2; }));
}

TEST_F(MeteringTest, requests_are_counted_by_revision_and_class_and_refusals_by_their_cause) {
  App app(App::answering([](const std::string&) { return "hola"; }));
  publish(route_to(app.port()));
  open("hola-1-a");
  call(get());
  call(get());
  call("GET / HTTP/1.1\r\nHost: nadie.localhost\r\n\r\n");
  EXPECT_TRUE(until([&] { return value(Metric::requests, {"hola", "hola-1", "2xx"}) == 2; }));
  EXPECT_EQ(value(Metric::refused, {"Not Found"}), 1U);
  EXPECT_EQ(value(Metric::connections_accepted, {}), 3U);
  EXPECT_GT(value(Metric::response_bytes, {"hola", "hola-1"}), 2 * std::string_view("HTTP/1.1 200 OK").size());
}

TEST_F(MeteringTest, what_is_in_instances_and_waits_is_told_at_zero_too) {
  App app(App::answering([](const std::string&) { return "hola"; }));
  publish(route_to(app.port()));
  open("hola-1-a");
  EXPECT_EQ(value(Metric::in_flight, {"hola", "hola-1"}), 0U);
  EXPECT_FALSE(told(Metric::in_flight)) << "of a revision that has served nothing nothing is told";
  call(get());
  for (const Metric gauge : {Metric::in_flight, Metric::queue_length, Metric::queue_bytes}) {
    EXPECT_TRUE(until([&] { return value(gauge, {"hola", "hola-1"}) == 0; }));
    EXPECT_TRUE(told(gauge));
  }
}

TEST_F(MeteringTest, a_request_beyond_the_rate_is_a_record_of_its_service) {
  App app(App::answering([](const std::string&) { return "hola"; }));
  rate_limit = {.interval = std::chrono::hours(1), .burst = 1};
  publish(route_to(app.port()));
  open("hola-1-a");
  call(get());
  call(get("/once-more"));
  const std::vector<std::string> lines = records(2);
  const auto refused = std::ranges::find_if(lines, [](const auto& line) { return has(line, "/once-more"); });
  ASSERT_NE(refused, lines.end());
  EXPECT_TRUE(has(*refused, "\"service\":\"hola\"")) << *refused;
  EXPECT_TRUE(has(*refused, "\"status\":429")) << *refused;
}

TEST_F(MeteringTest, what_waits_is_counted_in_requests_and_in_bytes) {
  publish(route_to(1));
  Wire wire = Wire::to(port);
  wire.send(get());  // no instance comes
  EXPECT_TRUE(until([&] { return value(Metric::queue_length, {"hola", "hola-1"}) == 1; }));
  const std::uint64_t bytes = value(Metric::queue_bytes, {"hola", "hola-1"});
  EXPECT_GE(bytes, get().size());
  EXPECT_LT(bytes, 1U << 20U);
}

TEST_F(MeteringTest, a_request_is_a_record_with_where_it_went_and_one_that_woke_its_instance_says_so) {
  App app(App::answering([](const std::string&) { return "hola"; }));
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  call(get("/cuenta?id=7",
           "X-Request-Id: la-primera\r\n"
           "TraceParent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
  call(get("/otra"));
  call("GET / HTTP/1.1\r\nHost: nueva.localhost\r\n\r\n");
  const std::vector<std::string> lines = records(3);
  ASSERT_EQ(lines.size(), 3U);
  std::map<bool, std::string> by_cold;
  for (const std::string& line : lines) {
    if (has(line, "\"service\":\"hola\"")) by_cold[has(line, "\"cold\":true")] = line;
  }
  ASSERT_EQ(by_cold.size(), 2U) << lines[0] << lines[1] << lines[2];
  const std::string& first = by_cold[true];
  for (const char* part :
       {"\"id\":\"la-primera\"", "\"revision\":\"hola-1\"", "\"instance\":\"hola-1-a\"", "\"method\":\"GET\"",
        "\"path\":\"/cuenta?id=7\"", "\"status\":200", "\"client\":\"127.0.0.1\"", "\"protocol\":\"HTTP/1.1\"",
        "\"trace\":\"00-0af7651916cd43dd8448eb211c80319c-", "\"caller_span\":\"b7ad6b7169203331\""}) {
    EXPECT_TRUE(has(first, part)) << part << " is not in " << first;
  }
  EXPECT_FALSE(has(first, "\"queue_us\":0,")) << first;
  EXPECT_TRUE(has(by_cold[false], "\"queue_us\":0,")) << by_cold[false];
  const auto refused = std::ranges::find_if(lines, [](const auto& line) { return has(line, "\"nueva\""); });
  ASSERT_NE(refused, lines.end());
  EXPECT_TRUE(has(*refused, "\"status\":503")) << *refused;
  EXPECT_TRUE(has(*refused, "AppExited: exit code 3")) << *refused;
}

TEST_F(MeteringTest, a_caller_that_leaves_has_no_status_and_no_complete_answer) {
  App app([](Wire& wire) {
    wire.until("\r\n\r\n");
    wire.until("never");
  });
  publish(route_to(app.port()));
  open("hola-1-a");
  while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send(get());
    while (app.connections == 0) std::this_thread::yield();
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(wire.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    wire.close();
    return 0;
  });
  const std::vector<std::string> lines = records(1);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(has(lines[0], "\"status\":0,")) << lines[0];
  EXPECT_TRUE(has(lines[0], "\"complete\":false")) << lines[0];
  EXPECT_EQ(value(Metric::requests, {"hola", "hola-1", "none"}), 1U);
}

TEST(RecordWriter, what_it_cannot_take_is_counted_and_told_in_the_file) {
  char folder[] = "/tmp/marea-records-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  std::uint64_t taken = 0;
  std::uint64_t refused = 0;
  {
    RecordWriter writer(std::string(folder) + "/requests");
    for (int i = 0; i < 20'000; ++i) {
      std::string lines = "{\"total_us\":1}\n";
      (writer.take(lines, 1) ? taken : refused) += 1;
      ASSERT_TRUE(lines.empty());
    }
  }
  std::uint64_t read = 0;
  std::uint64_t told = 0;
  std::ifstream file(std::string(folder) + "/requests/00000001.log");
  for (std::string line; std::getline(file, line);) {
    const std::size_t at = line.find(telemetry::kGapMark);
    if (at == std::string::npos) {
      ++read;
    } else {
      told += std::stoull(line.substr(at + telemetry::kGapMark.size()));
    }
  }
  EXPECT_EQ(read, taken);
  EXPECT_EQ(told, refused);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace marea::router
