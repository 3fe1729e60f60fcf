// The app of the whole-binary tests and benches: a small static web server that does what it is told, well or badly.
// tide [--port N] [--address A] [--exit CODE] [--kill SIGNAL] [--silent] [--stubborn] [--eat MB] [--delay MS]
// [--text WORDS] [--burn MS] [--unready] [--status "CODE WORDS"]; the port is $PORT unless given. GET / says which
// revision answers; answer() has the rest. A connection that asks for /stream or /sip waits in the middle until another
// one asks for /release. Whoever numbers a request (X-Load-Number) finds its number in the answer, and which instance
// it is from (X-Instance). /ready is 200 until /unready, and 503 until /ready-again; those who look there are no
// requests that /seen counts. What comes after /spoil is answered with a 500. /say?WORDS has them as Marea-Event.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

std::string text = "tide";
std::string status_line = "200 OK";
std::atomic<int> in_flight{0};
std::atomic<long> poured{0};
std::atomic<int> requests_seen{0};
std::atomic<bool> able{true};
std::atomic<bool> spoilt{false};
std::atomic<int> looks{0};  // at /ready

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

long number_after(std::string_view target, std::string_view key) {
  const std::size_t at = target.find(key);
  return at == std::string_view::npos ? 0 : std::atol(std::string(target.substr(at + key.size())).c_str());
}

// Touches every page, so that the memory counts.
void eat(long megabytes) {
  static std::vector<std::string> eaten;
  for (long i = 0; i < megabytes; ++i) eaten.emplace_back(1U << 20, 'x');
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

std::string all_environment() {
  std::string result;
  for (char** entry = environ; *entry != nullptr; ++entry) result.append(*entry).append("\n");
  return result + "uid=" + std::to_string(getuid()) + "\n";
}

// Opened by /release for all who wait; closed again by the first who passes.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
    open_ = false;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

Gate gate;

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Up to and with `mark`; empty when the peer is gone.
  std::string until(std::string_view mark) {
    std::size_t end = 0;
    while ((end = buffer_.find(mark)) == std::string::npos) {
      if (!more()) return {};
    }
    std::string result = buffer_.substr(0, end + mark.size());
    buffer_.erase(0, end + mark.size());
    return result;
  }

  // `count` bytes, added to `out` as long as that is below `keep`.
  bool take(std::size_t count, std::string& out, std::size_t keep) {
    while (count > 0) {
      if (buffer_.empty() && !more()) return false;
      const std::size_t part = std::min(count, buffer_.size());
      if (out.size() < keep) out.append(buffer_, 0, part);
      buffer_.erase(0, part);
      count -= part;
    }
    return true;
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

 private:
  bool more() {
    char block[65536];
    const ssize_t got = read(fd_, block, sizeof block);
    if (got > 0) buffer_.append(block, static_cast<std::size_t>(got));
    return got > 0;
  }

  int fd_;
  std::string buffer_;
};

struct Body {
  std::string kept;  // its first bytes
  long size = 0;
};

constexpr std::size_t kMostKept = 16U << 20;

bool read_chunked(Connection& connection, Body& body) {
  for (;;) {
    const std::string line = connection.until("\r\n");
    if (line.empty()) return false;
    const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
    if (size == 0) return connection.until("\r\n") == "\r\n";
    std::string end;
    if (!connection.take(size, body.kept, kMostKept) || !connection.take(2, end, 2)) return false;
    body.size += static_cast<long>(size);
  }
}

bool read_body(Connection& connection, std::string_view head, Body& body) {
  std::string low(head);
  for (char& c : low) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (low.find("\r\ntransfer-encoding: chunked") != std::string::npos) return read_chunked(connection, body);
  body.size = number_after(low, "\r\ncontent-length:");
  return connection.take(static_cast<std::size_t>(body.size), body.kept, kMostKept);
}

// Uses a processor for so long.
void burn(long milliseconds) {
  const auto used = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
  };
  for (const long end = used() + milliseconds; used() < end;) {
  }
}

std::string answer(std::string_view head, std::string_view target, const Body& body, int beside) {
  if (target.starts_with("/env")) return all_environment();
  if (target.starts_with("/headers")) return std::string(head);
  if (target.starts_with("/echo")) return body.kept;
  if (target.starts_with("/count") || target.starts_with("/sip")) return std::to_string(body.size);
  if (target.starts_with("/beside")) return std::to_string(beside);
  if (target.starts_with("/poured")) return std::to_string(poured);
  if (target.starts_with("/seen")) return std::to_string(requests_seen);
  if (target.starts_with("/bytes")) return std::string(static_cast<std::size_t>(number_after(target, "n=")), 'x');
  if (target.starts_with("/exit")) std::_Exit(static_cast<int>(number_after(target, "code=")));
  if (target.starts_with("/burn")) burn(number_after(target, "cpu="));
  if (target.starts_with("/eat")) eat(number_after(target, "mb="));
  if (target.starts_with("/say")) say("said " + std::string(target));
  if (target.starts_with("/shout")) {
    for (long left = number_after(target, "kb="); left > 0; --left) say(std::string(1023, 'x'));
  }
  if (target.starts_with("/release")) gate.release();
  if (target.starts_with("/unready")) able = false;
  if (target.starts_with("/ready-again")) able = true;
  if (target.starts_with("/spoil")) spoilt = true;
  if (target.starts_with("/looks")) return std::to_string(looks);
  if (target.starts_with("/cookie")) return std::string(head);
  return text + " " + environment("K_REVISION") + "\n";
}

// Fields for whoever numbers his requests.
std::string number_fields(std::string_view head) {
  constexpr std::string_view kName = "\r\nX-Load-Number:";
  const std::size_t at = head.find(kName);
  if (at == std::string_view::npos) return {};
  static const std::string instance = [] {
    char name[65] = {};
    gethostname(name, 64);
    return std::string(name);
  }();
  const std::string_view value = head.substr(at + kName.size());
  return "X-Load-Number:" + std::string(value.substr(0, value.find('\r'))) + "\r\nX-Instance: " + instance + "\r\n";
}

constexpr const char* kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";

// A chunk at once, the rest when released.
bool stream(Connection& connection) {
  if (!connection.send(std::string(kChunked) + "\r\n5\r\nfirst\r\n")) return false;
  gate.wait();
  return connection.send("4\r\nlast\r\n0\r\n\r\n");
}

// Events, one each so many milliseconds.
bool drip(Connection& connection, std::string_view head, std::string_view target) {
  if (!connection.send(kChunked + number_fields(head) + "Content-Type: text/event-stream\r\n\r\n")) return false;
  for (long left = number_after(target, "n="); left > 0; --left) {
    std::this_thread::sleep_for(std::chrono::milliseconds(number_after(target, "ms=")));
    if (!connection.send("c\r\ndata: drop\n\n\r\n")) return false;
  }
  return connection.send("0\r\n\r\n");
}

bool pour(Connection& connection, long megabytes) {
  if (!connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(megabytes << 20) + "\r\n\r\n"))
    return false;
  const std::string block(64U << 10, 'x');
  for (long sent = 0; sent < megabytes << 20; sent += static_cast<long>(block.size())) {
    if (!connection.send(block)) return false;
    poured += static_cast<long>(block.size());
  }
  return true;
}

bool serve_one(Connection& connection, const std::string& head) {
  const std::size_t at = head.find(' ') + 1;
  const std::string target = head.substr(at, head.find(' ', at) - at);
  if (target.starts_with("/sip")) gate.wait();
  Body body;
  if (!read_body(connection, head, body)) return false;
  if (target.starts_with("/stream")) return stream(connection);
  if (target.starts_with("/drip")) return drip(connection, head, target);
  if (target.starts_with("/pour?")) return pour(connection, number_after(target, "mb="));
  const std::string status = spoilt ? "500 Spoilt" : status_line;
  const int beside = ++in_flight;
  std::this_thread::sleep_for(std::chrono::milliseconds(number_after(target, "ms=")));
  const std::string said = answer(head, target, body, beside);
  --in_flight;
  const std::string cookie = target.starts_with("/cookie") ? "Set-Cookie: app=1; Path=/\r\nSet-Cookie: b=2\r\n" : "";
  const std::string event = target.starts_with("/say?") ? "Marea-Event: " + target.substr(5) + "\r\n" : "";
  return connection.send("HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\n" + cookie + event +
                         number_fields(head) + "Content-Length: " + std::to_string(said.size()) + "\r\n\r\n" + said);
}

void serve(int fd) {
  Connection connection(fd);
  for (;;) {
    const std::string head = connection.until("\r\n\r\n");
    if (head.empty()) return;
    if (head.starts_with("GET /ready ")) {
      ++looks;
      const std::string status = able ? "200 OK" : "503 Service Unavailable";
      if (!connection.send("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n")) return;
      continue;
    }
    ++requests_seen;
    if (!serve_one(connection, head)) return;
  }
}

int listen_on(const std::string& address, int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(listener, 1024) != 0) {
    std::perror("tide");
    std::exit(1);
  }
  return listener;
}

std::map<std::string, std::string> options_of(int argc, char** argv) {
  std::map<std::string, std::string> options = {{"--port", environment("PORT")}, {"--address", "0.0.0.0"}};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    options[name] =
        name != "--silent" && name != "--stubborn" && name != "--unready" && i + 1 < argc ? argv[++i] : "yes";
  }
  return options;
}

void on_sigterm(bool stubborn) {
  if (stubborn) {
    std::signal(SIGTERM, [](int) {
      constexpr std::string_view kStay = "tide: I stay\n";
      if (write(STDOUT_FILENO, kStay.data(), kStay.size()) < 0) std::_Exit(1);
    });
    return;
  }
  std::signal(SIGTERM, [](int) {
    constexpr std::string_view kBye = "tide: goodbye\n";
    if (write(STDOUT_FILENO, kBye.data(), kBye.size()) < 0) std::_Exit(1);
    std::_Exit(0);
  });
}

}  // namespace

int main(int argc, char** argv) {
  auto options = options_of(argc, argv);
  if (options.contains("--text")) text = options["--text"];
  if (options.contains("--status")) status_line = options["--status"];
  if (options.contains("--unready")) able = false;
  on_sigterm(options.contains("--stubborn"));
  say("tide: starting as " + std::to_string(getuid()));
  std::this_thread::sleep_for(std::chrono::milliseconds(std::atol(options["--delay"].c_str())));
  eat(std::atol(options["--eat"].c_str()));
  if (options.contains("--exit")) {
    say("tide: I will not do this");
    return std::atoi(options["--exit"].c_str());
  }
  if (options.contains("--kill")) std::raise(std::atoi(options["--kill"].c_str()));
  if (options.contains("--burn")) {  // on each processor
    std::vector<std::jthread> all;
    for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
      all.emplace_back(burn, std::atol(options["--burn"].c_str()));
    }
    return 0;
  }
  if (options.contains("--silent")) {
    for (;;) pause();
  }
  const int listener = listen_on(options["--address"], std::atoi(options["--port"].c_str()));
  for (;;) {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    const int one = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    std::thread(serve, connection).detach();
  }
}
