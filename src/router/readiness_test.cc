// Readiness probes, seen from callers, engine and control.
#include <gmock/gmock.h>

#include "router/router_world_test.h"

namespace marea::router {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// GET /ready answers what is set; everything else 200.
class Readiness : public RouterWorld {
 protected:
  std::atomic<int> ready_status{200};
  std::atomic<int> looks{0};
  std::atomic<bool> held{false};
  App app{[this](Wire& wire) {
    for (;;) {
      const std::string head = wire.until("\r\n\r\n");
      if (!head.ends_with("\r\n\r\n")) return;
      int status = 200;
      if (head.starts_with("GET /ready")) {
        ++looks;
        status = ready_status;
      }
      while (head.starts_with("GET /hold") && held) std::this_thread::yield();
      if (!wire.send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 2\r\n\r\nhi")) return;
    }
  }};

  model::RevisionRoute route() {
    model::RevisionRoute out = route_to(app.port());
    out.startup.declared = true;
    out.startup.period = milliseconds(100);
    out.startup.failure_threshold = 3;
    model::Probe probe{.kind = model::ProbeKind::http, .path = "/ready", .declared = true};
    probe.period = milliseconds(30);
    probe.timeout = milliseconds(1000);
    probe.failure_threshold = 2;
    out.readiness = probe;
    return out;
  }
};

TEST_F(Readiness, an_instance_is_ready_only_once_its_readiness_probe_passes) {
  ready_status = 503;
  model::RevisionRoute slow = route();
  slow.startup.failure_threshold = 200;
  publish(slow);
  open("a");
  ASSERT_TRUE(until([&] { return looks >= 3; }));
  EXPECT_TRUE(ready.empty());
  ready_status = 200;
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  EXPECT_THAT(call(get()), HasSubstr("200 X"));
  EXPECT_TRUE(unready.empty());
}

TEST_F(Readiness, one_that_never_passes_is_given_up_with_the_reason) {
  ready_status = 503;
  model::RevisionRoute patient = route();
  patient.startup.period = milliseconds(1000);  // a slow machine answers within the three of them, too
  publish(patient);
  open("a");
  ASSERT_TRUE(until([&] { return !unready.empty(); }));
  EXPECT_EQ(unready[0].reason, model::Reason::readiness_probe_failed);
  EXPECT_THAT(unready[0].detail, HasSubstr("GET /ready answered 503"));
  EXPECT_TRUE(ready.empty());
}

TEST_F(Readiness, one_that_fails_later_finishes_what_it_has_gets_nothing_new_and_comes_back) {
  publish(route());
  open("a");
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  held = true;
  auto first = std::async(std::launch::async, [&] {
    Wire wire = Wire::to(port);
    wire.send(get("/hold"));
    return wire.response();
  });
  ASSERT_TRUE(until([&] { return loads["a"] == 1; }));
  ready_status = 500;
  ASSERT_TRUE(until([&] { return unavailable["a"] == "GET /ready answered 500"; }));
  auto second = std::async(std::launch::async, [&] {
    Wire wire = Wire::to(port);
    wire.send(get("/second"));
    return wire.response();
  });
  ASSERT_TRUE(until([&] { return !demands.empty(); })) << "the one that waits may have another instance";
  EXPECT_EQ(demands.back().wanted, 2);
  held = false;
  ASSERT_TRUE(until([&] { return first.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  EXPECT_THAT(first.get(), HasSubstr("200 X"));
  EXPECT_EQ(second.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  ready_status = 204;
  ASSERT_TRUE(until([&] { return second.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  EXPECT_THAT(second.get(), HasSubstr("200 X"));
  EXPECT_TRUE(until([&] { return unavailable["a"].empty(); }));
  EXPECT_TRUE(unready.empty()) << "it was not ended";
}

TEST_F(Readiness, a_new_router_asks_before_it_gives_a_known_instance_requests) {
  ready_status = 503;
  publish(route());
  open("a", "hola-1", true);
  ASSERT_TRUE(until([&] { return looks >= 4; }));
  EXPECT_TRUE(ready.empty());
  EXPECT_TRUE(until([&] { return unavailable["a"] == "GET /ready answered 503"; }))
      << "it does not count as one that starts for ever";
  EXPECT_TRUE(unready.empty());
  ready_status = 200;
  EXPECT_TRUE(until([&] { return !ready.empty(); }));
}

TEST_F(Readiness, a_probe_that_the_routes_bring_later_acts_on_what_runs_already) {
  model::RevisionRoute old = route();
  old.readiness.reset();  // as an older marea kept it
  publish(old);
  open("a");
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  EXPECT_THAT(call(get()), HasSubstr("200 X"));
  EXPECT_EQ(looks, 0);
  ready_status = 503;
  publish(route());
  ASSERT_TRUE(until([&] { return unavailable["a"] == "GET /ready answered 503"; }));
  EXPECT_TRUE(unready.empty()) << "it is not ended";
  ready_status = 200;
  EXPECT_TRUE(until([&] { return unavailable["a"].empty(); }));
  EXPECT_THAT(call(get()), HasSubstr("200 X"));
}

TEST_F(Readiness, an_app_that_only_ever_answers_1xx_has_not_answered) {
  App endless([](Wire& wire) {
    wire.until("\r\n\r\n");
    while (wire.send("HTTP/1.1 102 Processing\r\n\r\n")) std::this_thread::yield();
  });
  model::RevisionRoute out = route();
  out.port = endless.port();
  out.startup.period = milliseconds(1000);
  out.readiness->timeout = std::chrono::seconds(60);
  publish(out);
  open("a");
  ASSERT_TRUE(until([&] { return !unready.empty(); }));
  EXPECT_THAT(unready[0].detail, HasSubstr("more than 10 interim answers"));
}

TEST_F(Readiness, an_app_that_serves_one_connection_at_a_time_is_not_kept_from_its_probe_by_our_idle_one) {
  std::mutex one;
  std::atomic<int> asked{0};
  App serial([&](Wire& wire) {
    const std::scoped_lock lock(one);
    for (;;) {
      const std::string head = wire.until("\r\n\r\n");
      if (!head.ends_with("\r\n\r\n")) return;
      if (head.starts_with("GET /ready")) ++asked;
      if (!wire.send("HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nhi")) return;
    }
  });
  model::RevisionRoute out = route();
  out.port = serial.port();
  out.readiness->timeout = milliseconds(1000);  // our idle connection would stay for four seconds
  out.readiness->failure_threshold = 1;
  publish(out);
  open("a");
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  EXPECT_THAT(call(get()), HasSubstr("200 X"));
  const int before = asked;
  EXPECT_TRUE(until([&] { return asked >= before + 3; }));
  EXPECT_TRUE(unavailable["a"].empty());
}

TEST_F(Readiness, the_last_sockets_are_left_to_callers) {
  publish(route());
  engine_is_silent = true;
  open("a");
  ASSERT_TRUE(until([&] { return sockets_asked > 0; }));
  EXPECT_EQ(looks, 0) << "it has four";
  EXPECT_TRUE(ready.empty());
  engine_->send(net::msg::Sockets{base::InstanceId("a")}, sockets(8));
  EXPECT_TRUE(until([&] { return !ready.empty(); }));
}

TEST_F(Readiness, looks_are_no_requests) {
  publish(route());
  open("a");
  ASSERT_TRUE(until([&] { return looks >= 5; }));
  EXPECT_THAT(call(get()), HasSubstr("200 X"));
  std::uint64_t counted = 0;
  EXPECT_TRUE(until([&] {  // it is counted after the caller has its answer
    metrics.clear();
    control_->send(net::msg::MetricsWanted{1});
    if (!until([&] { return !metrics.empty() && metrics.back().last; })) return true;
    counted = 0;
    for (const auto& part : metrics) {
      for (const auto& value : part.values) {
        if (value.metric == model::Metric::requests) counted += value.values.at(0);
      }
    }
    return counted > 0;
  }));
  EXPECT_EQ(counted, 1U);
}

}  // namespace
}  // namespace marea::router
