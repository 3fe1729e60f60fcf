// What becomes of the two connections of a request: tunnels, trailers, answers that come early, bytes that nobody asked
// for. Each of the latter is a way in which one caller's answer could become another's; its source is named beside it.
#include <mutex>

#include "router/client.h"
#include "router/router_world_test.h"

namespace marea::router {
namespace {

const std::string kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: hola.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n";
const std::string kSwitch =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: y\r\n\r\n";

struct Connections : RouterWorld {
  void serve(const App& app) {
    publish(route_to(app.port()));
    on_demand = [&](const net::msg::Demand&) {
      if (ready.empty()) open("hola-1-a");
    };
  }
  void pass(base::Duration time) {
    const base::Instant end = clock_.now() + time;
    until([&] { return clock_.now() >= end; });
  }
};

// Upper-cases what comes through a tunnel until it ends.
void shout(Wire& wire) {
  if (!wire.until("\r\n\r\n").ends_with("\r\n\r\n")) return;
  wire.send(kSwitch);
  for (std::string line; (line = wire.until("\n")).ends_with("\n");) {
    std::ranges::transform(line, line.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
    wire.send(line);
  }
  wire.send("the end\n");
}

TEST_F(Connections, a_tunnel_carries_both_ways_past_the_requests_timeout_until_both_sides_have_ended) {
  App app(shout);
  model::RevisionRoute route = route_to(app.port());
  route.timeout = std::chrono::seconds(1);
  publish(route);
  open("hola-1-a", "hola-1", true);
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  Wire caller = Wire::to(port);
  const std::string head = while_turning([&] {
    caller.send(kUpgrade + "ahead\n");  // it may not, but what it says is not lost
    return caller.until("\r\n\r\n");
  });
  EXPECT_TRUE(
      head.starts_with("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: y\r\n"
                       "Connection: upgrade\r\nUpgrade: websocket\r\nX-Request-Id: "))
      << head;
  EXPECT_EQ(while_turning([&] { return caller.until("\n"); }), "AHEAD\n");
  pass(std::chrono::milliseconds(1500));
  EXPECT_EQ(while_turning([&] {
              caller.send("more\n");
              return caller.until("\n");
            }),
            "MORE\n");
  EXPECT_TRUE(until([&] { return loads["hola-1-a"] == 1; })) << "it holds its slot";
  caller.stop_sending();
  EXPECT_EQ(while_turning([&] { return caller.rest(); }), "the end\n");
  EXPECT_TRUE(until([&] { return loads["hola-1-a"] == 0; }));
}

TEST_F(Connections, a_silent_tunnel_ends_and_gives_its_slot_back) {
  restart(model::Limit::tunnel_idle_time, 1);
  App app(shout);
  serve(app);
  Wire caller = Wire::to(port);
  EXPECT_NE(while_turning([&] {
              caller.send(kUpgrade);
              return caller.until("\r\n\r\n");
            }),
            "");
  EXPECT_TRUE(while_turning([&] { return caller.ended(); }));
  EXPECT_TRUE(until([&] { return loads["hola-1-a"] == 0; }));
}

// "Websocket smuggling" (github.com/0ang3el/websocket-smuggle): a proxy before us believes in a tunnel that the app
// refused.
TEST_F(Connections, a_refused_upgrade_leaves_no_tunnel_and_no_connection) {
  std::atomic<int> seen{0};
  App app([&](Wire& wire) {
    while (wire.until("\r\n\r\n").ends_with("\r\n\r\n")) {
      ++seen;
      wire.send(
          "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n");
    }
  });
  serve(app);
  const std::string answer = while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send(kUpgrade + get("/smuggled"));
    return wire.rest();
  });
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 426 ")) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  EXPECT_EQ(seen, 1);
}

TEST_F(Connections, an_upgrade_that_no_app_saw_leaves_no_connection_either) {
  App app(shout);
  serve(app);
  for (std::string upgrade : {kUpgrade, get("/", "Connection: upgrade\r\nUpgrade: websocket, x\r\n")}) {
    upgrade.replace(upgrade.find("hola.localhost"), 4, "nada");
    const std::string answer = while_turning([&] {
      Wire wire = Wire::to(port);
      wire.send(upgrade + get("/smuggled"));
      return wire.rest();
    });
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << answer;
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << answer;
  }
}

TEST_F(Connections, beside_a_tunnel_an_app_is_not_taken_for_one_that_serves_one_connection_at_a_time) {
  std::atomic<int> connections{0};
  App app([&](Wire& wire) {
    ++connections;
    std::string head = wire.until("\r\n\r\n");
    if (head.find("Upgrade") != std::string::npos) {
      wire.send(kSwitch);
      wire.until("never");
      return;
    }
    for (; head.ends_with("\r\n\r\n"); head = wire.until("\r\n\r\n"))
      wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  serve(app);
  Wire tunnel = Wire::to(port);
  EXPECT_NE(while_turning([&] {
              tunnel.send(kUpgrade);
              return tunnel.until("\r\n\r\n");
            }),
            "");
  Wire plain = Wire::to(port);  // one, so that one worker has all three
  for (int i = 0; i < 3; ++i) {
    const std::string answer = while_turning([&] {
      plain.send(get());
      return plain.response();
    });
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    pass(std::chrono::milliseconds(150));
  }
  EXPECT_EQ(connections, 2) << "the second one serves all three";
}

TEST_F(Connections, protocols_are_switched_only_to_a_websocket_that_was_asked_for) {
  std::mutex mutex;
  std::string answer_with;
  std::string seen;
  App app([&](Wire& wire) {
    for (std::string head; (head = wire.until("\r\n\r\n")).ends_with("\r\n\r\n");) {
      const std::scoped_lock lock(mutex);
      seen = head;
      wire.send(answer_with);
    }
  });
  const auto answers = [&](const std::string& answer) {
    const std::scoped_lock lock(mutex);
    answer_with = answer;
  };
  serve(app);
  answers(kSwitch);
  EXPECT_TRUE(call(get()).starts_with("HTTP/1.1 502 ")) << "unasked";
  const std::string h2c =
      get("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n");
  EXPECT_TRUE(call(h2c).starts_with("HTTP/1.1 502 ")) << "h2c is not forwarded, so nobody asked";
  {
    const std::scoped_lock lock(mutex);
    EXPECT_EQ(seen.find("pgrade"), std::string::npos) << seen;
  }
  for (const char* wrong : {"Upgrade: h2c\r\nConnection: upgrade\r\n", "Upgrade: websocket\r\n",
                            "Connection: upgrade\r\n", "Upgrade: websocket, h2c\r\nConnection: upgrade\r\n"}) {
    answers(std::string("HTTP/1.1 101 Switching Protocols\r\n") + wrong + "\r\n");
    EXPECT_TRUE(call(kUpgrade).starts_with("HTTP/1.1 502 ")) << wrong;
  }
  answers("HTTP/1.0 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
  EXPECT_TRUE(call(kUpgrade).starts_with("HTTP/1.1 502 "));
}

TEST_F(Connections, trailers_of_an_answer_reach_the_caller_and_those_of_a_request_no_app) {
  std::string seen;
  App app([&](Wire& wire) {
    while (!(seen = wire.until("0\r\n")).empty()) {
      seen += wire.until("\r\n");
      wire.send(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n3;x=\"y\"\r\nabc\r\n0\r\n"
          "Digest: a b \r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\n");
    }
  });
  serve(app);
  const std::string body = "2\r\nhi\r\n0\r\nX-Forwarded-For: 192.0.2.66\r\nX-User: root\r\n\r\n";
  const std::string head =
      "POST / HTTP/1.1\r\nHost: hola.localhost\r\nTrailer: X-User\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string answer = while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send(head + body);
    const std::string most = wire.until("\r\n0\r\n");
    return most + wire.until("\r\n\r\n");
  });
  EXPECT_NE(answer.find("\r\nTrailer: Digest\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n3\r\nabc\r\n0\r\nDigest: a b\r\n\r\n")) << answer;
  EXPECT_TRUE(seen.ends_with("\r\n\r\n2\r\nhi\r\n0\r\n\r\n")) << seen;
  EXPECT_EQ(seen.find("X-User"), std::string::npos) << seen;
}

TEST_F(Connections, a_broken_answer_that_ends_with_the_connection_is_seen_to_be_broken) {
  App app([](Wire& wire) {
    wire.until("\r\n\r\n");
    wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  });
  serve(app);
  const int error = while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send("GET / HTTP/1.0\r\nHost: hola.localhost\r\n\r\n");
    char room[4096];
    ssize_t got = 1;
    while (got > 0) got = ::recv(wire.fd(), room, sizeof room, 0);
    return got == 0 ? 0 : errno;
  });
  EXPECT_EQ(error, ECONNRESET) << "an ordinary end would make it whole";
}

// Response queue poisoning (James Kettle, "HTTP Desync Attacks", 2019): what is left over is the next caller's answer.
TEST_F(Connections, what_an_app_says_beyond_its_answer_is_nobodys_answer) {
  std::mutex mutex;
  std::string extra;
  App app([&](Wire& wire) {
    for (std::string head; (head = wire.until("\r\n\r\n")).ends_with("\r\n\r\n");) {
      const std::scoped_lock lock(mutex);
      wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + std::string(head.starts_with("HEAD") ? "" : "ok") +
                extra);
    }
  });
  serve(app);
  const std::string poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
  for (const std::string& more : {poison, std::string("ok"), std::string("\r\n"), std::string("x")}) {
    for (const std::string& method : {std::string("GET"), std::string("HEAD")}) {
      {
        const std::scoped_lock lock(mutex);
        extra = more;
      }
      while_turning([&] {
        Wire wire = Wire::to(port);
        wire.send(method + " / HTTP/1.1\r\nHost: hola.localhost\r\n\r\n");
        return wire.until("\r\n\r\n");
      });
      {
        const std::scoped_lock lock(mutex);
        extra.clear();
      }
      EXPECT_TRUE(call(get()).ends_with("\r\n\r\nok")) << method << " and then " << more;
    }
  }
}

// Pause-based desync (James Kettle, "Browser-Powered Desync Attacks", 2022): the app answers before the body has come
// and takes what comes afterwards for a request.
TEST_F(Connections, a_connection_on_which_the_answer_came_before_the_body_serves_nothing_else) {
  std::promise<void> go;
  std::shared_future<void> sent = go.get_future().share();
  std::atomic<bool> early{true};
  App app([&](Wire& wire) {
    for (std::string head; (head = wire.until("\r\n\r\n")).ends_with("\r\n\r\n");) {
      if (!early.exchange(false)) {
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        continue;
      }
      wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nea");
      sent.wait();
      wire.send("rly");
    }
  });
  serve(app);
  const std::string smuggled = get("/smuggled");
  while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send("POST / HTTP/1.1\r\nHost: hola.localhost\r\nContent-Length: " + std::to_string(smuggled.size()) +
              "\r\n\r\n");
    EXPECT_TRUE(wire.until("ea").ends_with("\r\n\r\nea"));
    wire.send(smuggled);
    wire.send(get("/next"));
    go.set_value();
    EXPECT_TRUE(wire.rest().ends_with("rly")) << "and no other request is taken from this caller";
    return 0;
  });
  EXPECT_TRUE(call(get()).ends_with("\r\n\r\nok"));
  EXPECT_EQ(app.connections, 2) << "the first one is of no more use";
}

// CL.0 (ibid.): the app answers without having read a body that its method does not need.
TEST_F(Connections, a_body_that_the_app_may_leave_unread_is_the_last_on_its_connection) {
  std::mutex mutex;
  std::vector<std::string> heads;
  App app([&](Wire& wire) {
    for (std::string head; (head = wire.until("\r\n\r\n")).ends_with("\r\n\r\n");) {
      {
        const std::scoped_lock lock(mutex);
        heads.push_back(head);
      }
      wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      if (head.find("Connection: close") != std::string::npos) return;
    }
  });
  serve(app);
  const std::string smuggled = get("/smuggled");
  for (const std::string& method : {std::string("GET"), std::string("DELETE"), std::string("OPTIONS")}) {
    call(method + " /first HTTP/1.1\r\nHost: hola.localhost\r\nContent-Length: " + std::to_string(smuggled.size()) +
         "\r\n\r\n" + smuggled);
    EXPECT_TRUE(call(get("/second")).ends_with("\r\n\r\nok"));
  }
  const std::scoped_lock lock(mutex);
  ASSERT_EQ(heads.size(), 6U);
  for (const std::string& head : heads) EXPECT_EQ(head.find("/smuggled"), std::string::npos);
}

TEST_F(Connections, a_request_that_reached_an_app_is_not_sent_again) {
  std::atomic<int> seen{0};
  App app([&](Wire& wire) {
    if (wire.until("\r\n\r\n").empty()) return;
    ++seen;
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (wire.until("\r\n\r\n").empty()) return;
    ++seen;  // and it goes, without an answer
  });
  serve(app);
  while_turning([&] {
    Wire wire =
        Wire::to(port);  // one, so that one worker has both requests and keeps the app's connection between them
    wire.send(get());
    EXPECT_TRUE(wire.response().ends_with("\r\n\r\nok"));
    wire.send(get());
    EXPECT_TRUE(wire.response().starts_with("HTTP/1.1 502 "));
    return 0;
  });
  EXPECT_EQ(seen, 2);
}

TEST_F(Connections, a_body_that_does_not_come_is_the_callers_fault_and_not_the_apps) {
  App app([](Wire& wire) { wire.rest(); });
  model::RevisionRoute route = route_to(app.port());
  route.timeout = std::chrono::milliseconds(500);
  publish(route);
  open("hola-1-a");
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  const std::string head = "POST / HTTP/1.1\r\nHost: hola.localhost\r\n";
  EXPECT_TRUE(call(head + "Content-Length: 9\r\n\r\nabc").starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(call(head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(call(head + "Content-Length: 3\r\n\r\nabc").starts_with("HTTP/1.1 504 "));
}

}  // namespace
}  // namespace marea::router
