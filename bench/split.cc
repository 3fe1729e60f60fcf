// bench-split ROUNDS SECONDS: what a running release costs a request. router's own code with one worker, between an app
// and callers on kept connections in this process, in turns: without a release, and with one that counts 20,000 keys.
// Prints a line per round: the mode, ns of CPU a request of the worker, and of the main loop, which has the ledger.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "net/link.h"
#include "net/listen.h"
#include "router/key_cookie.h"
#include "router/router.h"

namespace marea::bench {
namespace {

constexpr int kCallers = 8;
constexpr unsigned kKeys = 20'000;
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::set<std::string> threads() {
  std::set<std::string> out;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/task")) out.insert(each.path().filename());
  return out;
}

// Of a thread, since it began.
std::uint64_t cpu_ns(const std::string& thread) {
  std::uint64_t ns = 0;
  std::ifstream("/proc/self/task/" + thread + "/schedstat") >> ns;
  return ns;
}

bool send_all(int fd, std::string_view bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

// Reads one message that ends with `end`; false: the other side has gone.
bool read_until(int fd, std::string& got, std::string_view end) {
  got.clear();
  char room[4096];
  while (!got.ends_with(end)) {
    const ssize_t bytes = ::recv(fd, room, sizeof room, 0);
    if (bytes <= 0) return false;
    got.append(room, static_cast<std::size_t>(bytes));
  }
  return true;
}

void serve_app(int listener) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    std::thread([fd] {
      std::string got;
      while (read_until(fd, got, "\r\n\r\n") && send_all(fd, kAnswer)) {
      }
      ::close(fd);
    }).detach();
  }
}

class Ground {
 public:
  using EngineLink = net::Link<net::EngineToRouter, net::RouterToEngine>;
  using ControlLink = net::Link<net::ControlToRouter, net::RouterToControl>;

  Ground() {
    char folder[] = "/tmp/marea-bench-split-XXXXXX";
    folder_ = ::mkdtemp(folder);
    app_ = *net::listen_tcp("127.0.0.1:0");
    const int blocking = ::fcntl(app_.fd.get(), F_GETFL) & ~O_NONBLOCK;
    ::fcntl(app_.fd.get(), F_SETFL, blocking);
    std::thread(serve_app, app_.fd.get()).detach();
    const std::set<std::string> before = threads();
    router_ = std::make_unique<router::Router>(router::Router::World{.loop = loop_,
                                                                     .random = random_,
                                                                     .log = log_,
                                                                     .routes_file = folder_ + "/routes",
                                                                     .records_folder = {},
                                                                     .workers = 1,
                                                                     .limits = {}});
    for (const std::string& each : threads()) {
      if (!before.contains(each)) worker_ = each;
    }
    link();
  }
  ~Ground() { std::filesystem::remove_all(folder_); }

  void publish(bool release) {
    const std::uint64_t version = ++version_;
    control_->send(net::msg::RoutesBegin{.version = version, .full = true});
    model::ServiceRoute service{
        .name = base::ServiceName("s"), .hosts = {"s.localhost"}, .shares = {{base::RevisionName("s-1"), 10'000}}};
    if (release) {
      service.release = model::ReleaseRoute{.id = "s-2." + std::to_string(version),
                                            .salt = "salt",
                                            .stable = base::RevisionName("s-1"),
                                            .canary = base::RevisionName("s-2"),
                                            .weight = 1000,
                                            .objective = std::chrono::milliseconds(100),
                                            .began_unix_ns = clock_.wall().unix_ns};
    }
    control_->send(service);
    for (const char* name : {"s-1", "s-2"}) {
      model::RevisionRoute revision{.name = base::RevisionName(name), .service = base::ServiceName("s")};
      revision.port = app_.port;
      revision.startup = model::default_startup_probe();
      control_->send(revision);
    }
    control_->send(net::msg::RoutesCommit{version});
    while (applied_ != version) loop_.turn(std::chrono::milliseconds(5));
  }
  void start_instances() {
    for (const char* name : {"s-1", "s-2"}) {
      engine_->send(
          net::msg::InstanceOpen{
              .id = base::InstanceId(std::string(name) + "-a"), .revision = base::RevisionName(name), .epoch = 1},
          sockets(kCallers));
    }
    while (ready_ < 2) loop_.turn(std::chrono::milliseconds(5));
  }
  void measure(const char* mode, base::Duration time) {
    const std::string main = std::to_string(::getpid());
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> requests{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&, caller] { requests += call(over, static_cast<unsigned>(caller)); });
    }
    const std::uint64_t worker_before = cpu_ns(worker_);
    const std::uint64_t main_before = cpu_ns(main);
    const base::Instant end = clock_.now() + time;
    while (clock_.now() < end) loop_.turn(std::chrono::milliseconds(50));
    const std::uint64_t worker_cpu = cpu_ns(worker_) - worker_before;
    const std::uint64_t main_cpu = cpu_ns(main) - main_before;
    over = true;
    for (std::thread& each : callers) each.join();
    const double all = static_cast<double>(requests.load());
    std::printf("%s %.1f %.1f\n", mode, static_cast<double>(worker_cpu) / all, static_cast<double>(main_cpu) / all);
    std::fflush(stdout);
  }
  std::uint64_t told() const { return told_; }

 private:
  static std::vector<base::Fd> sockets(int count) {
    std::vector<base::Fd> out;
    for (int i = 0; i < count; ++i) out.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return out;
  }
  void link() {
    auto engine = *net::make_socket_pair();
    router_->on_peer(net::Role::engine, std::move(engine.first));
    engine_ = std::make_unique<EngineLink>(
        loop_, std::move(engine.second),
        EngineLink::Events{.on_message =
                               [this](net::RouterToEngine message, std::vector<base::Fd>) {
                                 if (std::get_if<net::msg::InstanceReady>(&message) != nullptr) ++ready_;
                                 if (const auto* wanted = std::get_if<net::msg::SocketsWanted>(&message)) {
                                   engine_->send(net::msg::Sockets{wanted->id}, sockets(wanted->count));
                                 }
                               },
                           .on_closed = [](const std::string&) {}});
    auto control = *net::make_socket_pair();
    router_->on_peer(net::Role::control, std::move(control.first));
    control_ = std::make_unique<ControlLink>(
        loop_, std::move(control.second),
        ControlLink::Events{.on_message =
                                [this](net::RouterToControl message, std::vector<base::Fd>) {
                                  if (const auto* done = std::get_if<net::msg::RoutesApplied>(&message)) {
                                    applied_ = done->version;
                                  } else if (const auto* counts = std::get_if<model::ReleaseCounts>(&message)) {
                                    told_ = counts->stable.requests + counts->canary.requests;
                                    control_->send(net::msg::ReleaseCountsSeen{counts->release, counts->closed});
                                  }
                                },
                            .on_closed = [](const std::string&) {}});
    net::Listening listening = *net::listen_tcp("127.0.0.1:0");
    port_ = listening.port;
    router_->on_listener(net::ListenerKind::http, listening.address, std::move(listening.fd));
  }
  // Requests until it is over, each with one of its keys.
  std::uint64_t call(const std::atomic<bool>& over, unsigned caller) const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port_);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::uint64_t done = 0;
    std::string got;
    if (::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0) {
      for (unsigned n = caller; !over; n = (n + kCallers) % kKeys) {
        const std::string request = "GET / HTTP/1.1\r\nHost: s.localhost\r\nCookie: theme=dark; marea_key=" +
                                    std::string(router::key_text_of(1, n).view()) + "\r\n\r\n";
        if (!send_all(fd, request) || !read_until(fd, got, kAnswer.substr(kAnswer.size() - 64))) std::exit(1);
        ++done;
      }
    }
    ::close(fd);
    return done;
  }

  base::SystemClock clock_;
  base::SeededRandom random_{7};
  base::Log log_{-1, "router"};
  net::Loop loop_{clock_};
  std::string folder_;
  net::Listening app_;
  std::unique_ptr<router::Router> router_;
  std::unique_ptr<EngineLink> engine_;
  std::unique_ptr<ControlLink> control_;
  std::string worker_;
  std::uint16_t port_ = 0;
  std::uint64_t version_ = 0;
  std::uint64_t applied_ = 0;
  std::uint64_t told_ = 0;
  int ready_ = 0;
};

}  // namespace

void measure_all(int rounds, base::Duration time) {
  Ground ground;
  ground.publish(false);
  ground.start_instances();
  ground.measure("warm-up", time);
  for (int round = 0; round < rounds; ++round) {
    ground.publish(false);
    ground.measure("plain", time);
    ground.publish(true);
    ground.measure("release", time);
  }
  std::fprintf(stderr, "counted in the last round: %llu\n", static_cast<unsigned long long>(ground.told()));
  std::_Exit(0);  // the app's threads wait for connections
}

}  // namespace marea::bench

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  marea::bench::measure_all(std::atoi(argv[1]), std::chrono::seconds(std::atoi(argv[2])));
}
