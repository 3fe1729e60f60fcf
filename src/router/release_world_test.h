// A running release over real workers, callers and two apps that say which they are (router_world_test.h), and what
// control is told of it.
#pragma once

#include <gmock/gmock.h>

#include <mutex>
#include <string>
#include <vector>

#include "decide/split.h"
#include "router/router_world_test.h"

namespace marea::router {

class Releasing : public RouterWorld {
 protected:
  Releasing() {
    on_counts = [this](const model::ReleaseCounts& counts) {
      for (const model::ReleaseTick& tick : counts.ticks) {
        EXPECT_GE(tick.number, closed) << "a tick is told once";
        EXPECT_LT(tick.number, counts.closed);
        ticks.push_back(tick);
      }
      EXPECT_GE(counts.closed, closed);
      closed = counts.closed;
      last = counts;
      ++messages;
      if (acknowledges) control_->send(net::msg::ReleaseCountsSeen{counts.release, counts.closed});
    };
  }

  // Answers with its name; `/fail` with 500, `/drop` and `/hold` not at all, `/half` with a 500 whose body stays out.
  static std::function<void(Wire&)> named(const std::string& name, std::vector<std::string>* heads, std::mutex* mutex) {
    return [name, heads, mutex](Wire& wire) {
      for (;;) {
        const std::string head = wire.until("\r\n\r\n");
        if (!head.ends_with("\r\n\r\n")) return;
        {
          const std::scoped_lock lock(*mutex);
          heads->push_back(head);
        }
        if (head.contains(" /drop ")) return;
        if (head.contains(" /half ")) wire.send("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nhalf");
        if (head.contains(" /half ") || head.contains(" /hold ")) {
          wire.rest();
          return;
        }
        const std::string status = head.contains(" /fail ") ? "500 Oops" : "200 OK";
        const std::string length = std::to_string(name.size());
        const std::string caching = head.contains(" /shared ") ? "\r\nCache-Control: public" : "";
        if (!wire.send("HTTP/1.1 " + status + caching + "\r\nContent-Length: " + length + "\r\n\r\n" + name)) return;
      }
    };
  }

  model::ReleaseRoute release(std::uint32_t weight) {
    return {.id = "hola-2.1",
            .salt = "salt",
            .step = 1,
            .stable = base::RevisionName("hola-1"),
            .canary = base::RevisionName("hola-2"),
            .weight = weight,
            .objective = std::chrono::hours(1),
            .began_unix_ns = clock_.wall().unix_ns};
  }
  void publish_release(const std::optional<model::ReleaseRoute>& route, bool wait = true) {
    const std::uint64_t version = ++version_;
    control_->send(net::msg::RoutesBegin{.version = version, .full = true});
    control_->send(model::ServiceRoute{.name = base::ServiceName("hola"),
                                       .hosts = {"hola.localhost"},
                                       .shares = {{base::RevisionName("hola-1"), 10'000}},
                                       .tags = {{"next---hola.localhost", base::RevisionName("hola-2")}},
                                       .rules = rules,
                                       .release = route});
    for (const App* app : {&stable, &canary}) {
      model::RevisionRoute revision = route_to(app->port());
      revision.name = base::RevisionName(app == &stable ? "hola-1" : "hola-2");
      revision.session_affinity = affine;
      revision.timeout = timeout;
      control_->send(revision);
    }
    control_->send(net::msg::RoutesCommit{version});
    if (wait) {
      ASSERT_TRUE(until([&] { return applied == version; }));
    }
  }
  void run_both(bool is_ready = false) {
    const std::size_t before = ready.size();
    open("hola-1-a", "hola-1", is_ready);
    open("hola-2-a", "hola-2", is_ready);
    ASSERT_TRUE(until([&] { return ready.size() == before + 2; }));
  }
  // Until all that was sent is told: a request is known as open before its caller sees the answer, and the loop that
  // counts is the one that is turned here.
  void settle() {
    pause();
    ASSERT_TRUE(until([&] { return last.open == 0; })) << last.open;
    pause();
  }
  // Twice as long as counts may wait, in parts: who is stopped for a while by the machine still turns the loop after
  // it.
  void pause() {
    for (int part = 0; part < 10; ++part) {
      const base::Instant later = clock_.now() + kCountsEvery / 5;
      do loop_.turn(std::chrono::milliseconds(2));
      while (clock_.now() <= later);
    }
  }

  static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  static std::string cookie_of(const std::string& answer) {
    constexpr std::string_view kStart = "Set-Cookie: marea_key=";
    const std::size_t at = answer.find(kStart);
    return at == std::string::npos ? "" : answer.substr(at + kStart.size(), 32);
  }
  static std::string key_text(int client) {
    return std::string(key_text_of(0xABCU, static_cast<unsigned>(client)).view());
  }
  static std::string with_key(int client) { return "Cookie: marea_key=" + key_text(client) + "\r\n"; }
  static bool in_canary(int client, std::uint32_t weight) {
    return decide::Split("salt").bucket(key_text(client)) < weight;
  }
  // Ends in a reset, where close() alone says that nothing more is sent.
  static void reset(Wire& wire) {
    const ::linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(wire.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    wire.close();
  }
  static std::string affinity_of(const std::string& answer) {
    const std::size_t at = answer.find("Set-Cookie: marea_affinity=");
    return at == std::string::npos ? "" : answer.substr(at + 12, 15 + 32);
  }
  // Sums of the ticks.
  static model::ArmCounts sum(const std::vector<model::ReleaseTick>& ticks, bool keyed, bool canary) {
    model::ArmCounts out;
    for (const model::ReleaseTick& tick : ticks) {
      const model::StratumCounts& stratum = keyed ? tick.keyed : tick.keyless;
      const model::ArmCounts& arm = canary ? stratum.canary : stratum.stable;
      out.entered += arm.entered;
      out.failed += arm.failed;
      out.slow += arm.slow;
    }
    return out;
  }

  std::mutex mutex;
  std::vector<std::string> heads;
  App stable{named("stable", &heads, &mutex)};
  App canary{named("canary", &heads, &mutex)};
  bool affine = false;
  model::Duration timeout = model::kDefaultTimeout;
  bool acknowledges = true;
  int messages = 0;
  std::vector<model::RouteRule> rules;
  std::vector<model::ReleaseTick> ticks;
  std::uint64_t closed = 0;
  std::int64_t began = clock_.wall().unix_ns;
  model::ReleaseCounts last;
};

}  // namespace marea::router
