// The router between a fake engine, a fake control, real apps and real callers, all in this process over loopback.
// Apps and callers have their own threads and block; the test's thread turns the router's main loop.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "net/link.h"
#include "net/listen.h"
#include "router/router.h"

namespace marea::router {

inline constexpr auto kPatience = std::chrono::seconds(60);  // a hung test fails, it does not hang the run

// A blocking connection with a deadline on every read.
class Wire {
 public:
  explicit Wire(base::Fd fd) : fd_(std::move(fd)) {
    timeval limit{.tv_sec = 15, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  static Wire to(std::uint16_t port) {
    base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
    return Wire(std::move(fd));
  }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // Reads until `mark` has come; gives everything up to and with it, or what came before the end.
  std::string until(std::string_view mark) {
    for (;;) {
      if (const std::size_t at = got_.find(mark); at != std::string::npos) {
        std::string out = got_.substr(0, at + mark.size());
        got_.erase(0, at + mark.size());
        return out;
      }
      if (!more()) return std::exchange(got_, {});
    }
  }
  std::string exactly(std::size_t bytes) {
    while (got_.size() < bytes && more()) {
    }
    std::string out = got_.substr(0, bytes);
    got_.erase(0, bytes);
    return out;
  }
  std::string rest() {
    while (more()) {
    }
    return std::exchange(got_, {});
  }
  // One response whose length is given.
  std::string response() {
    std::string head = until("\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + exactly(std::stoul(head.substr(at + 16)));
  }
  bool ended() { return got_.empty() && !more(); }
  void stop_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void stop() { ::shutdown(fd_.get(), SHUT_RDWR); }
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  bool more() {
    char room[65536];
    const ssize_t got = ::recv(fd_.get(), room, sizeof room, 0);
    if (got <= 0) return false;
    got_.append(room, static_cast<std::size_t>(got));
    return true;
  }
  base::Fd fd_;
  std::string got_;
};

// An app: `serve` runs for each connection, on a thread of its own.
class App {
 public:
  explicit App(std::function<void(Wire&)> serve) : serve_(std::move(serve)) {
    listening_ = *net::listen_tcp("127.0.0.1:0");
    thread_ = std::thread([this] {
      while (!stopping_) {
        pollfd ready{.fd = listening_.fd.get(), .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, 20) <= 0) continue;
        base::Fd fd(::accept4(listening_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!fd) continue;
        ++connections;
        wires_.push_back(std::make_unique<Wire>(std::move(fd)));
        served_.emplace_back([this, wire = wires_.back().get()] {
          serve_(*wire);
          wire->stop();
        });
      }
    });
  }
  ~App() {
    stopping_ = true;
    thread_.join();
    for (const auto& wire : wires_) wire->stop();
    for (std::thread& each : served_) each.join();
  }
  std::uint16_t port() const { return listening_.port; }
  std::atomic<int> connections{0};

  // Answers each request with 200 and what `body` makes of the request's head.
  static std::function<void(Wire&)> answering(std::function<std::string(const std::string&)> body) {
    return [body = std::move(body)](Wire& wire) {
      for (;;) {
        const std::string head = wire.until("\r\n\r\n");
        if (!head.ends_with("\r\n\r\n")) return;
        const std::string text = body(head);
        if (!wire.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text)) return;
      }
    };
  }

 private:
  std::function<void(Wire&)> serve_;
  net::Listening listening_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  std::vector<std::unique_ptr<Wire>> wires_;
  std::vector<std::thread> served_;
};

class RouterWorld : public testing::Test {
 protected:
  using EngineLink = net::Link<net::EngineToRouter, net::RouterToEngine>;
  using ControlLink = net::Link<net::ControlToRouter, net::RouterToControl>;

  RouterWorld() {
    char folder[] = "/tmp/marea-router-XXXXXX";
    folder_ = ::mkdtemp(folder);
    start();
  }
  ~RouterWorld() override {
    engine_.reset();
    control_.reset();
    router_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Another router with other limits, before anything else happens.
  void restart(model::Limit limit, std::int64_t value) {
    limits.set(limit, value);
    router_.reset();
    start();
  }
  void start() {
    router_ = std::make_unique<Router>(Router::World{.loop = loop_,
                                                     .random = random_,
                                                     .log = log_,
                                                     .routes_file = folder_ + "/routes",
                                                     .records_folder = records ? folder_ + "/requests" : std::string(),
                                                     .workers = workers,
                                                     .limits = limits});
    link_engine();
    link_control();
    net::Listening listening = *net::listen_tcp("127.0.0.1:0");
    port = listening.port;
    router_->on_listener(net::ListenerKind::http, listening.address, std::move(listening.fd));
  }
  void link_control() {
    auto control = *net::make_socket_pair();
    router_->on_peer(net::Role::control, std::move(control.first));
    control_ = std::make_unique<ControlLink>(
        loop_, std::move(control.second),
        ControlLink::Events{.on_message =
                                [this](net::RouterToControl message, std::vector<base::Fd>) {
                                  if (const auto* load = std::get_if<net::msg::InstanceLoad>(&message)) {
                                    loads[load->id.str()] = load->in_flight;
                                    unavailable[load->id.str()] = load->available ? "" : load->detail;
                                  }
                                  if (const auto* done = std::get_if<net::msg::RoutesApplied>(&message)) {
                                    applied = done->version;
                                  }
                                  if (const auto* part = std::get_if<net::msg::Metrics>(&message)) {
                                    metrics.push_back(*part);
                                  }
                                  const auto* counts = std::get_if<model::ReleaseCounts>(&message);
                                  if (counts != nullptr && on_counts) on_counts(*counts);
                                  const auto* outcomes = std::get_if<model::ExperimentCounts>(&message);
                                  if (outcomes != nullptr) outcomes_ = *outcomes;
                                },
                            .on_closed = [](const std::string&) {}});
  }
  void link_engine() {
    auto engine = *net::make_socket_pair();
    router_->on_peer(net::Role::engine, std::move(engine.first));
    engine_ = std::make_unique<EngineLink>(
        loop_, std::move(engine.second),
        EngineLink::Events{.on_message =
                               [this](net::RouterToEngine message, std::vector<base::Fd>) {
                                 std::visit([this](const auto& each) { note(each); }, message);
                               },
                           .on_closed = [](const std::string&) {}});
  }

  static std::vector<base::Fd> sockets(int count) {
    std::vector<base::Fd> out;
    for (int i = 0; i < count; ++i) out.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return out;
  }
  void open(const std::string& id, const std::string& revision = "hola-1", bool is_ready = false) {
    engine_->send(
        net::msg::InstanceOpen{
            .id = base::InstanceId(id), .revision = base::RevisionName(revision), .epoch = 1, .ready = is_ready},
        sockets(4));
  }
  void note(const net::msg::Demand& message) {
    demands.push_back(message);
    if (on_demand) on_demand(message);
  }
  void note(const net::msg::InstanceReady& message) { ready.push_back(message.id.str()); }
  void note(const net::msg::InstanceUnready& message) { unready.push_back(message); }
  void note(const net::msg::InstanceBusy& message) { busy.emplace_back(message.id.str(), message.busy); }
  void note(const net::msg::Retire& message) { retired.push_back(message.id.str()); }
  void note(const net::msg::Quiet& message) { quiet.push_back(message.id.str()); }
  void note(const net::msg::SocketsWanted& message) {
    ++sockets_asked;
    if (engine_is_silent) return;
    engine_->send(net::msg::Sockets{message.id}, sockets(std::min(message.count, sockets_at_a_time)));
  }

  // Routes 100 % of `hola.localhost` to hola-1 at the app's port.
  model::RevisionRoute route_to(std::uint16_t app_port) {
    model::RevisionRoute route{.name = base::RevisionName("hola-1"), .service = base::ServiceName("hola")};
    route.port = app_port;
    route.startup = model::default_startup_probe();
    return route;
  }
  void publish(const model::RevisionRoute& route) {
    const std::uint64_t version = ++version_;
    control_->send(net::msg::RoutesBegin{.version = version, .full = true});
    control_->send(model::ServiceRoute{.name = base::ServiceName("hola"),
                                       .hosts = {"hola.localhost"},
                                       .shares = {{route.name, 10'000}},
                                       .unready = {},
                                       .rate_limit = rate_limit});
    control_->send(model::ServiceRoute{.name = base::ServiceName("nueva"),
                                       .hosts = {"nueva.localhost"},
                                       .shares = {},
                                       .unready = "AppExited: exit code 3"});
    control_->send(route);
    control_->send(net::msg::RoutesCommit{version});
    ASSERT_TRUE(until([&] { return applied == version; }));
  }

  // Turns the main loop until `condition`; false when it never comes.
  bool until(const std::function<bool()>& condition) {
    const base::Instant deadline = clock_.now() + kPatience;
    for (int turns = 0; !condition(); ++turns) {
      // After a stop of the whole machine it goes on for a while.
      const base::Instant now = clock_.now();
      if (now > deadline && (turns > 2000 || now > deadline + kPatience)) return false;
      loop_.turn(std::chrono::milliseconds(2));
    }
    return true;
  }
  // Runs a caller on its own thread while the loop turns.
  template <class Work>
  auto while_turning(Work work) {
    auto result = std::async(std::launch::async, std::move(work));
    EXPECT_TRUE(until([&] { return result.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
    return result.get();
  }
  std::string call(const std::string& request) {
    return while_turning([this, request] {
      Wire wire = Wire::to(port);
      wire.send(request);
      return wire.response();
    });
  }
  static std::string get(const std::string& path = "/", const std::string& fields = {}) {
    return "GET " + path + " HTTP/1.1\r\nHost: hola.localhost\r\n" + fields + "\r\n";
  }

  base::SystemClock clock_;
  base::SeededRandom random_{7};
  base::Log log_{-1, "router"};
  net::Loop loop_{clock_};
  std::string folder_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<EngineLink> engine_;
  std::unique_ptr<ControlLink> control_;
  std::uint64_t version_ = 0;

 public:
  int workers = 2;
  bool records = true;            // of requests are kept
  bool engine_is_silent = false;  // it gives no sockets
  model::PlatformLimits limits;
  model::RateLimit rate_limit;  // of hola
  std::uint16_t port = 0;
  std::uint64_t applied = 0;
  std::map<std::string, int> loads;
  std::map<std::string, std::string> unavailable;  // why, as control is told
  std::vector<net::msg::Metrics> metrics;
  int sockets_at_a_time = 1000;
  int sockets_asked = 0;  // how often
  std::vector<net::msg::Demand> demands;
  std::function<void(const net::msg::Demand&)> on_demand;
  std::function<void(const model::ReleaseCounts&)> on_counts;
  model::ExperimentCounts outcomes_;  // of an experiment, as told last
  std::vector<std::string> ready;
  std::vector<net::msg::InstanceUnready> unready;
  std::vector<std::pair<std::string, bool>> busy;
  std::vector<std::string> retired;
  std::vector<std::string> quiet;
};

}  // namespace marea::router
