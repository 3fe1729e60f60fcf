#include "router/bounds.h"

#include <algorithm>

#include "router/router_world_test.h"

namespace marea::router {
namespace {

using model::Limit;

TEST(ClientConnections, each_client_is_counted_for_itself_and_forgotten_with_its_last) {
  ClientConnections clients;
  EXPECT_TRUE(clients.enter(1, 2));
  EXPECT_TRUE(clients.enter(1, 2));
  EXPECT_FALSE(clients.enter(1, 2));
  EXPECT_TRUE(clients.enter(2, 2));
  clients.leave(1);
  EXPECT_TRUE(clients.enter(1, 2));
  clients.leave(3);
  EXPECT_TRUE(clients.enter(3, 1));
}

TEST(Bounds, what_waits_is_bounded_in_bytes_over_all_queues) {
  model::PlatformLimits limits;
  limits.set(Limit::total_queue_bytes, 100);
  Bounds bounds(limits);
  EXPECT_TRUE(bounds.enter_queue(60));
  EXPECT_FALSE(bounds.enter_queue(60));
  EXPECT_EQ(bounds.waiting_bytes(), 60);
  bounds.leave_queue(60);
  EXPECT_TRUE(bounds.enter_queue(100));
}

TEST(Bounds, buffers_of_all_workers_are_summed) {
  model::PlatformLimits limits;
  limits.set(Limit::buffer_bytes, 100);
  Bounds bounds(limits);
  bounds.buffered_by(0).add(60);
  EXPECT_FALSE(bounds.tight());
  bounds.buffered_by(3).add(40);
  EXPECT_TRUE(bounds.tight());
  bounds.buffered_by(3).add(-1);
  EXPECT_FALSE(bounds.tight());
}

TEST(Bounds, limits_that_were_met_are_numbers_with_their_names) {
  Bounds bounds{model::PlatformLimits()};
  bounds.hit(Limit::client_rate);
  bounds.hit(Limit::client_rate);
  bounds.hit(Limit::head_time);
  const std::vector<model::MetricValue> values = metrics_of(bounds);
  const auto has = [&](const std::string& limit, std::uint64_t hits) {
    return std::ranges::count(values, model::MetricValue{model::Metric::limit_hits, {limit}, {hits}}) == 1;
  };
  EXPECT_TRUE(has("head-time", 1));
  EXPECT_TRUE(has("client-rate", 2));
  EXPECT_TRUE(has("connections", 0)) << "one that was never met is there too";
  EXPECT_FALSE(has("memory-reserve", 0)) << "engine counts it";
}

// No instance ever comes: the first waits, and the second finds the queue full.
class FullQueue : public RouterWorld {
 protected:
  std::string second_of(Limit limit, std::int64_t value) {
    restart(limit, value);
    publish(route_to(1));
    Wire first = Wire::to(port);
    first.send(get());
    EXPECT_TRUE(until([&] { return !demands.empty(); }));
    std::string answer = call(get());
    first.close();
    return answer;
  }
};

TEST_F(FullQueue, by_count_is_429_and_says_when_to_come_again) {
  const std::string answer = second_of(Limit::queue_requests, 1);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  EXPECT_NE(answer.find("Retry-After: 1\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("too many requests are already waiting"), std::string::npos) << answer;
}

TEST_F(FullQueue, by_bytes_is_429) {
  const std::string answer = second_of(Limit::queue_bytes, static_cast<std::int64_t>(kSmallBlock));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  EXPECT_NE(answer.find("all the memory"), std::string::npos) << answer;
}

TEST_F(FullQueue, of_all_revisions_is_429) {
  const std::string answer = second_of(Limit::total_queue_bytes, static_cast<std::int64_t>(kSmallBlock));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
}

TEST_F(RouterWorld, a_client_beyond_its_rate_gets_429_and_is_told_when_one_more_is_taken) {
  App app(App::answering([](const std::string&) { return "x"; }));
  rate_limit = {.interval = std::chrono::minutes(10), .burst = 2};
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  EXPECT_TRUE(call(get()).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(call(get()).starts_with("HTTP/1.1 200 "));
  const std::string answer = call(get());
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  const std::size_t at = answer.find("Retry-After: ");
  ASSERT_NE(at, std::string::npos) << answer;
  const int seconds = std::stoi(answer.substr(at + 13));
  EXPECT_GT(seconds, 500);
  EXPECT_LE(seconds, 600);
}

TEST_F(RouterWorld, a_client_has_no_more_connections_than_its_share) {
  restart(Limit::connections_per_client, 2);
  Wire first = Wire::to(port);
  Wire second = Wire::to(port);
  const std::string answer = while_turning([&] {
    for (Wire* each : {&first, &second}) {  // both are known once they are answered
      each->send("GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n");
      EXPECT_TRUE(each->response().starts_with("HTTP/1.1 404 "));
    }
    return Wire::to(port).rest();
  });
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  first.close();
  EXPECT_TRUE(until([&] {
    return while_turning([&] {
             Wire wire = Wire::to(port);
             wire.send("GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n");
             return wire.response();
           })
        .starts_with("HTTP/1.1 404 ");
  }));
}

TEST_F(RouterWorld, a_body_longer_than_it_may_be_gets_413_however_it_is_framed) {
  App app(App::answering([](const std::string&) { return "x"; }));
  restart(Limit::body_bytes, 1000);
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  const std::string head = "POST / HTTP/1.1\r\nHost: hola.localhost\r\n";
  EXPECT_TRUE(call(head + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x')).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(call(head + "Content-Length: 1001\r\n\r\n").starts_with("HTTP/1.1 413 "));
  const std::string chunk = "1f4\r\n" + std::string(500, 'x') + "\r\n";
  EXPECT_TRUE(call(head + "Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk + chunk).starts_with("HTTP/1.1 413 "));
}

}  // namespace
}  // namespace marea::router
