#include "router/router.h"

#include <mutex>

#include "router/client.h"
#include "router/router_world_test.h"

namespace marea::router {
namespace {

TEST_F(RouterWorld, a_first_request_starts_an_instance_and_is_answered_by_it) {
  App app(App::answering([](const std::string&) { return "hola"; }));
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };

  const std::string answer = call(get());

  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhola")) << answer;
  ASSERT_EQ(demands.size(), 1U);
  EXPECT_EQ(demands[0].wanted, 1);
  EXPECT_EQ(demands[0].reason, model::Reason::request_waiting);
  EXPECT_TRUE(until([&] { return ready == std::vector<std::string>{"hola-1-a"}; }));
}

TEST_F(RouterWorld, an_instance_never_has_more_requests_than_its_concurrency_and_all_are_served_in_the_end) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  App app(App::answering([&](const std::string&) {
    const int now = ++inside;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::yield();
    --inside;
    return "x";
  }));
  model::RevisionRoute route = route_to(app.port());
  route.concurrency = 3;
  route.max_scale = 1;
  publish(route);
  on_demand = [&](const net::msg::Demand& demand) {
    EXPECT_EQ(demand.wanted, 1);
    if (ready.empty()) open("hola-1-a");
  };
  constexpr int kCallers = 16;
  constexpr int kRequests = 40;
  const int served = while_turning([&] {
    std::vector<std::future<int>> callers;
    callers.reserve(kCallers);
    for (int i = 0; i < kCallers; ++i) {
      callers.push_back(std::async(std::launch::async, [&] {
        Wire wire = Wire::to(port);
        int ok = 0;
        for (int n = 0; n < kRequests; ++n) {
          wire.send(get());
          ok += wire.response().ends_with("\r\n\r\nx") ? 1 : 0;
        }
        return ok;
      }));
    }
    int all = 0;
    for (auto& caller : callers) all += caller.get();
    return all;
  });
  EXPECT_EQ(served, kCallers * kRequests);
  EXPECT_LE(most, 3);
  EXPECT_GE(most, 2) << "nothing ran at once: the test proves nothing";
}

TEST_F(RouterWorld, the_app_learns_who_asked_and_the_caller_gets_the_request_id) {
  std::string seen;
  App app(App::answering([&](const std::string& head) {
    seen = head;
    return "";
  }));
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  const std::string answer = call(get(
      "/a?b",
      "X-Forwarded-For: 192.0.2.7\r\nForwarded: for=192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
      "X-Request-Id: abc-1\r\nConnection: X-Secret, X-Forwarded-For, X-Request-Id\r\nX-Secret: 1\r\nTE: trailers\r\n"
      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nProxy: http://192.0.2.7\r\nTrailer: X\r\nExpect: 100-continue\r\n"
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=1\r\nAccept: a\r\n"));
  constexpr std::size_t kSpanAt = 36;
  constexpr std::size_t kSpanDigits = 16;
  const std::size_t trace = seen.find("traceparent: ") + 13;
  ASSERT_NE(seen.substr(trace + kSpanAt, kSpanDigits), "b7ad6b7169203331") << "the hop has a span of its own";
  seen.replace(trace + kSpanAt, kSpanDigits, "SPAN");
  EXPECT_EQ(seen,
            "GET /a?b HTTP/1.1\r\nHost: hola.localhost\r\ntracestate: a=1\r\nAccept: a\r\n"
            "Forwarded: for=192.0.2.7, for=127.0.0.1;host=\"hola.localhost\";proto=http\r\n"
            "X-Forwarded-For: 192.0.2.7, 127.0.0.1\r\nX-Forwarded-Host: hola.localhost\r\n"
            "X-Forwarded-Proto: http\r\nX-Request-Id: abc-1\r\n"
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-SPAN-01\r\n\r\n");
  EXPECT_NE(answer.find("X-Request-Id: abc-1\r\n"), std::string::npos) << answer;
}

TEST_F(RouterWorld, a_quote_that_a_caller_leaves_open_does_not_swallow_what_the_router_says) {
  App app(App::answering([](const std::string& head) { return head; }));
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  const auto forwarded = [&](const std::string& given) {
    const std::string seen = call(get("/", "Forwarded: " + given + "\r\n"));
    const std::size_t at = seen.find("\r\nForwarded: ") + 13;
    return seen.substr(at, seen.find(";host", at) - at);
  };
  EXPECT_EQ(forwarded("for=\"evil"), "for=127.0.0.1");
  EXPECT_EQ(forwarded("for=\"evil\\\""), "for=127.0.0.1");
  EXPECT_EQ(forwarded("for=\"[::1]\";by=\"_a\\\"\""), "for=\"[::1]\";by=\"_a\\\"\", for=127.0.0.1");
}

TEST_F(RouterWorld, a_request_that_ends_in_the_middle_gets_400) {
  App app([](Wire& wire) { wire.rest(); });
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  for (const std::string& begun :
       {std::string("GET / HTTP/1.1\r\nHost: hola"),
        std::string("POST / HTTP/1.1\r\nHost: hola.localhost\r\nContent-Length: 9\r\n\r\nabc"),
        std::string("POST / HTTP/1.1\r\nHost: hola.localhost\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n3\r\nab")}) {
    const std::string answer = while_turning([&] {
      Wire wire = Wire::to(port);
      wire.send(begun);
      wire.stop_sending();
      return wire.rest();
    });
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
  }
}

TEST_F(RouterWorld, bodies_stream_both_ways_before_either_is_complete) {
  App app([](Wire& wire) {
    const std::string head = wire.until("\r\n\r\n");
    EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(wire.until("\r\n"), "3\r\n");
    EXPECT_EQ(wire.until("\r\n"), "uno\r\n");
    wire.send("3\r\nUNO\r\n");
    EXPECT_EQ(wire.until("0\r\n\r\n"), "3\r\ndos\r\n0\r\n\r\n");
    wire.send("3\r\nDOS\r\n0\r\n\r\n");
  });
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send("POST / HTTP/1.1\r\nHost: hola.localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nuno\r\n");
    EXPECT_TRUE(wire.until("\r\n\r\n").starts_with("HTTP/1.1 200"));
    EXPECT_EQ(wire.until("UNO\r\n"), "3\r\nUNO\r\n");  // before the second piece is sent
    wire.send("3\r\ndos\r\n0\r\n\r\n");
    EXPECT_EQ(wire.until("0\r\n\r\n"), "3\r\nDOS\r\n0\r\n\r\n");
    return 0;
  });
}

TEST_F(RouterWorld, an_answer_that_came_before_the_app_hung_up_on_a_long_body_reaches_the_caller) {
  App app([](Wire& wire) {
    wire.until("\r\n\r\n");
    pollfd body{.fd = wire.fd(), .events = POLLIN, .revents = 0};
    ::poll(&body, 1, 15'000);
    wire.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
    wire.close();  // with the body unread: the connection is reset
  });
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  for (int i = 0; i < 20; ++i) {  // whether the reset is seen first is up to the scheduler
    const std::string answer = while_turning([&] {
      Wire wire = Wire::to(port);
      wire.send("POST / HTTP/1.1\r\nHost: hola.localhost\r\nContent-Length: 20000000\r\n\r\n");
      wire.send(std::string(20'000'000, 'x'));
      return wire.response();
    });
    ASSERT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
    ASSERT_TRUE(answer.ends_with("\r\n\r\nbig")) << answer;
  }
}

TEST_F(RouterWorld, an_app_that_only_ever_sends_interim_answers_gives_502) {
  App app([](Wire& wire) {
    wire.until("\r\n\r\n");
    while (wire.send("HTTP/1.1 103 Early Hints\r\n\r\n")) {
    }
  });
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  const std::string answer = while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send(get());
    return wire.until("\r\n\r\n502 Bad Gateway\n");
  });
  EXPECT_TRUE(answer.ends_with("502 Bad Gateway\n")) << answer.substr(0, 200);
}

TEST_F(RouterWorld, an_app_that_serves_one_connection_at_a_time_is_not_held_by_one_that_rests) {
  std::mutex one;
  const auto answer = App::answering([](const std::string&) { return "x"; });
  App app([&](Wire& wire) {
    const std::scoped_lock lock(one);
    answer(wire);
  });
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  const int served = while_turning([&] {
    std::vector<std::future<int>> callers;
    for (int i = 0; i < 24; ++i) {
      callers.push_back(std::async(std::launch::async, [&] {
        Wire wire = Wire::to(port);
        wire.send(get());
        return wire.response().ends_with("\r\n\r\nx") ? 1 : 0;
      }));
    }
    int all = 0;
    for (auto& caller : callers) all += caller.get();
    return all;
  });
  EXPECT_EQ(served, 24) << "seconds of rest for each would be more than their patience";
}

TEST_F(RouterWorld, callers_that_wait_for_a_connection_all_get_one_however_few_come_at_a_time) {
  constexpr int kCallers = 24;
  std::atomic<int> inside{0};
  App app(App::answering([&](const std::string&) {
    ++inside;
    while (inside < kCallers) std::this_thread::yield();  // no connection is free before all are there
    return "x";
  }));
  model::RevisionRoute route = route_to(app.port());
  route.concurrency = kCallers;
  publish(route);
  sockets_at_a_time = 1;
  on_demand = [&](const net::msg::Demand&) {
    if (ready.empty()) open("hola-1-a");
  };
  const int served = while_turning([&] {
    std::vector<std::future<int>> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.push_back(std::async(std::launch::async, [&] {
        Wire wire = Wire::to(port);
        wire.send(get());
        return wire.response().ends_with("\r\n\r\nx") ? 1 : 0;
      }));
    }
    int all = 0;
    for (auto& caller : callers) all += caller.get();
    inside = kCallers;  // the app ends, whatever came
    return all;
  });
  EXPECT_EQ(served, kCallers);
}

TEST_F(RouterWorld, while_engine_gives_no_sockets_the_connections_that_are_there_serve_all_in_turn) {
  router_.reset();
  workers = 1;
  applied = 0;
  start();
  constexpr int kCallers = 24;
  std::atomic<int> sent{0};
  App app(App::answering([&](const std::string&) {
    while (sent < kCallers) std::this_thread::yield();  // all others find no connection
    return "x";
  }));
  model::RevisionRoute route = route_to(app.port());
  route.concurrency = kCallers;
  publish(route);
  sockets_at_a_time = 2;
  open("hola-1-a");
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  engine_is_silent = true;
  const int served = while_turning([&] {
    std::vector<std::future<int>> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.push_back(std::async(std::launch::async, [&] {
        Wire wire = Wire::to(port);
        wire.send(get());
        ++sent;
        return wire.response().ends_with("\r\n\r\nx") ? 1 : 0;
      }));
    }
    int all = 0;
    for (auto& caller : callers) all += caller.get();
    sent = kCallers;  // the app ends, whatever came
    return all;
  });
  EXPECT_EQ(served, kCallers);
}

TEST_F(RouterWorld, a_slow_reader_holds_the_app_back_instead_of_filling_memory) {
  constexpr std::size_t kBody = 256U << 20;
  std::atomic<std::size_t> sent{0};
  App app([&](Wire& wire) {
    wire.until("\r\n\r\n");
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBody) + "\r\n\r\n");
    const std::string block(1U << 20, 'x');
    int quiet_turns = 0;
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    while (sent < kBody && quiet_turns < 50) {  // half a second without progress: it is held back
      const ssize_t wrote = ::send(wire.fd(), block.data(), block.size(), flags);
      if (wrote > 0) {
        sent += static_cast<std::size_t>(wrote);
        quiet_turns = 0;
      } else {
        pollfd room{.fd = wire.fd(), .events = POLLOUT, .revents = 0};
        if (::poll(&room, 1, 10) == 0) ++quiet_turns;
      }
    }
  });
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send(get());
    wire.until("\r\n\r\n");
    while (app.connections == 0) std::this_thread::yield();
    wire.exactly(1U << 20);
    // Reads no further until the app gave up.
    std::size_t last = 0;
    do {
      last = sent;
      pollfd none{.fd = -1, .events = 0, .revents = 0};
      ::poll(&none, 1, 700);
    } while (sent != last);
    return 0;
  });
  EXPECT_LT(sent, 64U << 20) << "only what the sockets' own buffers take may leave the app";
}

TEST_F(RouterWorld, what_is_ambiguous_gets_400_and_the_app_never_sees_it) {
  App app(App::answering([](const std::string&) { return ""; }));
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  for (const std::string& bad :
       {std::string(
            "POST / HTTP/1.1\r\nHost: hola.localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
        std::string("GET / HTTP/1.1\nHost: hola.localhost\n\n"),
        std::string("GET / HTTP/1.1\r\nHost : hola.localhost\r\n\r\n")}) {
    const std::string answer = while_turning([&] {
      Wire wire = Wire::to(port);
      wire.send(bad);
      return wire.rest();  // to the end: the connection is closed
    });
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("X-Request-Id: "), std::string::npos) << answer;
  }
  EXPECT_EQ(app.connections, 0);
  EXPECT_TRUE(demands.empty());
}

TEST_F(RouterWorld, unknown_hosts_get_404_and_services_that_cannot_serve_503_with_the_reason) {
  publish(route_to(1));
  EXPECT_TRUE(call("GET / HTTP/1.1\r\nHost: otra.localhost\r\n\r\n").starts_with("HTTP/1.1 404 "));
  const std::string answer = call("GET / HTTP/1.1\r\nHost: NUEVA.localhost.:8080\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("AppExited: exit code 3"), std::string::npos) << answer;
  EXPECT_NE(answer.find("request id: "), std::string::npos) << answer;
}

TEST_F(RouterWorld, callers_get_503_when_starts_fail_and_the_next_start_is_asked_for_after_the_wait) {
  publish(route_to(1));
  on_demand = [&](const net::msg::Demand& demand) {
    engine_->send(net::msg::StartsFailing{.revision = demand.revision,
                                          .failures = 2,
                                          .retry_after = std::chrono::milliseconds(2000),
                                          .reason = model::Reason::app_exited,
                                          .detail = "exit code 3"});
  };
  const std::string answer = call(get());
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("exit code 3"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Retry-After: 2\r\n"), std::string::npos) << answer;
  EXPECT_EQ(demands.size(), 1U);
  EXPECT_TRUE(call(get()).starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(demands.size(), 1U) << "nothing is asked for while it backs off";
  EXPECT_TRUE(until([&] {
    call(get());
    return demands.size() == 2;
  }));
}

TEST_F(RouterWorld, an_idle_instance_is_proposed_for_retirement_and_drains_to_quiet) {
  App app(App::answering([](const std::string&) { return "x"; }));
  model::RevisionRoute route = route_to(app.port());
  route.idle_timeout = std::chrono::milliseconds(200);
  publish(route);
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  call(get());
  ASSERT_TRUE(until([&] { return !retired.empty(); }));
  EXPECT_EQ(retired.front(), "hola-1-a");
  engine_->send(net::msg::InstanceDrain{base::InstanceId("hola-1-a"), 2});
  ASSERT_TRUE(until([&] { return !quiet.empty(); }));
  engine_->send(net::msg::InstanceClosed{base::InstanceId("hola-1-a"), base::RevisionName("hola-1")});
  on_demand = [&](const net::msg::Demand&) { open("hola-1-b"); };
  EXPECT_TRUE(call(get()).ends_with("\r\n\r\nx")) << "and the next request starts anew";
}

TEST_F(RouterWorld, a_draining_instance_finishes_what_it_has_and_gets_nothing_new) {
  std::promise<void> go;
  std::shared_future<void> may_answer = go.get_future().share();
  App slow(App::answering([may_answer](const std::string&) {
    may_answer.wait();
    return "old";
  }));
  publish(route_to(slow.port()));
  on_demand = [&](const net::msg::Demand&) {
    if (ready.empty()) open("hola-1-a");
  };
  auto first = std::async(std::launch::async, [&] {
    Wire wire = Wire::to(port);
    wire.send(get());
    return wire.response();
  });
  ASSERT_TRUE(until([&] { return loads["hola-1-a"] == 1; }));
  engine_->send(net::msg::InstanceDrain{base::InstanceId("hola-1-a"), 2});
  loop_.turn(std::chrono::milliseconds(2));
  bool second_came = false;
  on_demand = [&](const net::msg::Demand&) {
    if (second_came) return;
    second_came = true;
    go.set_value();
    open("hola-1-b");
  };
  EXPECT_TRUE(call(get()).ends_with("old"));
  EXPECT_TRUE(second_came) << "the second request needed another instance";
  EXPECT_TRUE(first.get().ends_with("old"));
  ASSERT_TRUE(until([&] { return quiet == std::vector<std::string>{"hola-1-a"}; }));
}

TEST_F(RouterWorld, an_app_that_does_not_answer_in_time_gives_504) {
  std::promise<void> go;
  std::shared_future<void> over = go.get_future().share();
  App app([over](Wire& wire) {
    wire.until("\r\n\r\n");
    over.wait();
  });
  model::RevisionRoute route = route_to(app.port());
  route.timeout = std::chrono::milliseconds(200);
  publish(route);
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  EXPECT_TRUE(call(get()).starts_with("HTTP/1.1 504 "));
  go.set_value();
  EXPECT_TRUE(until([&] { return loads["hola-1-a"] == 0; })) << "its slot came back";
}

TEST_F(RouterWorld, a_caller_that_leaves_gives_its_slot_and_its_place_back) {
  std::promise<void> go;
  std::shared_future<void> over = go.get_future().share();
  App app([over](Wire& wire) {
    wire.until("\r\n\r\n");
    over.wait();
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    wire.until("\r\n\r\n");
  });
  model::RevisionRoute route = route_to(app.port());
  route.concurrency = 1;
  route.max_scale = 1;
  publish(route);
  on_demand = [&](const net::msg::Demand&) {
    if (ready.empty()) open("hola-1-a");
  };
  const auto reset = [](Wire& wire) {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(wire.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    wire.close();
  };
  Wire first = Wire::to(port);
  first.send(get());
  ASSERT_TRUE(until([&] { return loads["hola-1-a"] == 1; }));
  Wire second = Wire::to(port);
  second.send(get());
  reset(second);
  reset(first);
  EXPECT_TRUE(until([&] { return loads["hola-1-a"] == 0; }));
  go.set_value();
  EXPECT_TRUE(call(get()).ends_with("\r\n\r\nx"));
}

// It closed as a browser does whose tab is closed: nothing is reset before something is sent to it.
TEST_F(RouterWorld, a_caller_that_leaves_in_the_middle_of_an_answer_gives_its_slot_back_though_the_app_is_silent) {
  std::promise<void> go;
  std::shared_future<void> over = go.get_future().share();
  App app([over](Wire& wire) {
    wire.until("\r\n\r\n");
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx");
    over.wait();
  });
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  Wire caller = Wire::to(port);
  caller.send(get());
  ASSERT_TRUE(while_turning([&] { return caller.until("\r\n\r\nx").ends_with("x"); }));
  ASSERT_TRUE(until([&] { return loads["hola-1-a"] == 1; }));
  caller.close();
  EXPECT_TRUE(until([&] { return loads["hola-1-a"] == 0; }));
  go.set_value();
}

TEST_F(RouterWorld, a_slow_reader_that_has_closed_its_own_side_gets_the_whole_answer) {
  constexpr std::size_t kBody = 32U << 20;
  App app([](Wire& wire) {
    wire.until("\r\n\r\n");
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBody) + "\r\n\r\n" + std::string(kBody, 'x'));
  });
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  const auto pass = [&](base::Duration time) {
    const base::Instant end = clock_.now() + time;
    until([&] { return clock_.now() >= end; });
  };
  Wire wire = Wire::to(port);
  wire.send(get());
  while_turning([&] { return wire.until("\r\n\r\n"); });
  pass(kSilentTime / 2);  // now everything on the way is full
  ::shutdown(wire.fd(), SHUT_WR);
  pass(kSilentTime * 3 / 2);
  EXPECT_EQ(while_turning([&] { return wire.rest().size(); }), kBody);
}

TEST_F(RouterWorld, routes_survive_the_router_itself) {
  App app(App::answering([](const std::string&) { return "x"; }));
  publish(route_to(app.port()));
  engine_.reset();
  control_.reset();
  router_.reset();
  start();
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  EXPECT_TRUE(call(get()).ends_with("\r\n\r\nx")) << "without a word from control";
}

TEST_F(RouterWorld, stop_finishes_requests_and_closes_idle_connections) {
  std::promise<void> go;
  std::shared_future<void> may_answer = go.get_future().share();
  App app(App::answering([may_answer](const std::string&) {
    may_answer.wait();
    return "x";
  }));
  publish(route_to(app.port()));
  on_demand = [&](const net::msg::Demand&) { open("hola-1-a"); };
  Wire idle = Wire::to(port);
  auto answered = std::async(std::launch::async, [&] {
    Wire wire = Wire::to(port);
    wire.send(get());
    return wire.response();
  });
  ASSERT_TRUE(until([&] { return loads["hola-1-a"] == 1; }));
  bool stopped = false;
  router_->on_stop(kPatience, [&] { stopped = true; });
  EXPECT_TRUE(while_turning([&] { return idle.ended(); }));
  EXPECT_FALSE(stopped);
  go.set_value();
  EXPECT_TRUE(until([&] { return stopped; }));
  const std::string answer = answered.get();
  EXPECT_TRUE(answer.ends_with("\r\n\r\nx")) << answer;
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
}

}  // namespace
}  // namespace marea::router
