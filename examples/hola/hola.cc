// hola: a small web service, as Cloud Run and marea expect one: it listens on $PORT, answers HTTP/1.1 with keep-alive,
// writes one JSON log line per request to stdout, and on SIGTERM finishes what it has begun and exits.
//
//   GET /[?name=NAME]    a greeting, in Spanish or English as the browser asks (Accept-Language)
//   GET /sleep?ms=N      the same after N milliseconds: a request that waits for something
//   GET /healthz         "ok"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMostHeadBytes = 16 << 10;         // request line and headers; browsers send about one kilobyte
constexpr std::uint64_t kMostBodyBytes = 1 << 20;        // read and dropped; nothing here has a use for a body
constexpr std::uint64_t kMostSleepMs = 60'000;           // a visitor shall not hold a slot for ever
constexpr auto kIdleTimeout = std::chrono::minutes(10);  // longer than the proxy keeps its connections
constexpr int kBacklog = 1024;

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// ---- requests

struct Request {
  std::string_view method;
  std::string_view target;  // path and query, as sent
  std::string_view version;
  std::string_view head;  // header lines, each with its CRLF

  std::string_view path() const { return target.substr(0, target.find('?')); }

  std::string_view header(std::string_view name) const {
    std::string_view rest = head;
    while (!rest.empty()) {
      const std::size_t end = rest.find("\r\n");
      const std::string_view line = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos || !same_ignoring_case(line.substr(0, colon), name)) continue;
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      return value;
    }
    return {};
  }

  // The parameter's text as sent, still with its %XX; empty when absent.
  std::string_view parameter(std::string_view name) const {
    const std::size_t question = target.find('?');
    std::string_view rest = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
    while (!rest.empty()) {
      const std::size_t end = rest.find('&');
      const std::string_view pair = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) return pair.substr(name.size() + 1);
    }
    return {};
  }
};

// `head` ends with the empty line.
std::optional<Request> parse(std::string_view head) {
  const std::size_t line_end = head.find("\r\n");
  const std::string_view line = head.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  Request request{.method = line.substr(0, first),
                  .target = line.substr(first + 1, second - first - 1),
                  .version = line.substr(second + 1),
                  .head = head.substr(line_end + 2, head.size() - line_end - 4)};
  if (!request.version.starts_with("HTTP/1.") || !request.target.starts_with('/')) return std::nullopt;
  return request;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
      out += static_cast<char>(code);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

// ---- answers

struct Answer {
  int status = 200;
  std::string text;
};

Answer greet(const Request& request) {
  const bool spanish = request.header("Accept-Language").starts_with("es");
  const std::string name = percent_decoded(request.parameter("name"));
  const std::string service = setting("K_SERVICE", "hola");
  const std::string revision = setting("K_REVISION", spanish ? "ninguna revisión" : "no revision");
  if (spanish) {
    return {.text = "¡Hola" + (name.empty() ? "" : ", " + name) + "! Le atiende " + revision + " del servicio " +
                    service + ".\n"};
  }
  return {.text = "Hello" + (name.empty() ? "" : ", " + name) + "! This is " + revision + " of the service " + service +
                  ".\n"};
}

Answer answer(const Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return {.status = 405, .text = "Only GET is known here.\n"};
  if (request.path() == "/") return greet(request);
  if (request.path() == "/healthz") return {.text = "ok\n"};
  if (request.path() == "/sleep") {
    const std::optional<std::uint64_t> wanted = parse_number(request.parameter("ms"));
    if (!wanted || *wanted > kMostSleepMs) return {.status = 400, .text = "Say how long: /sleep?ms=50, up to 60000.\n"};
    std::this_thread::sleep_for(milliseconds(*wanted));
    return greet(request);
  }
  return {.status = 404, .text = "Nothing here. Try / or /sleep?ms=50\n"};
}

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    default: return "Bad Request";
  }
}

// ---- logs: one line of JSON each, in the shape that Cloud Logging and marea understand

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void write_line(std::string line) {
  line += '\n';
  // One write for the whole line: lines of several threads do not mix. A reader that is gone is no reason to stop.
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, line.data(), line.size());
}

void log_message(std::string_view severity, std::string_view message) {
  write_line("{\"severity\":" + json_text(severity) + ",\"message\":" + json_text(message) + "}");
}

void log_request(const Request& request, int status, Clock::duration took) {
  std::array<char, 32> latency{};
  std::snprintf(latency.data(), latency.size(), "%.6fs", std::chrono::duration<double>(took).count());
  const std::string message =
      std::string(request.method) + " " + std::string(request.target) + " " + std::to_string(status);
  write_line("{\"severity\":\"INFO\",\"message\":" + json_text(message) + ",\"httpRequest\":{\"requestMethod\":" +
             json_text(request.method) + ",\"requestUrl\":" + json_text(request.target) +
             ",\"status\":" + std::to_string(status) + ",\"latency\":" + json_text(latency.data()) +
             ",\"userAgent\":" + json_text(request.header("User-Agent")) + "}}");
}

// ---- connections

// Tells every thread at once: a pipe that nobody writes to becomes readable for all when its other end is closed.
class StopSignal {
 public:
  StopSignal() {
    if (::pipe(ends_.data()) != 0) std::abort();
  }
  void raise() { ::close(ends_[1]); }
  int fd() const { return ends_[0]; }
  bool raised() const {
    pollfd wait{.fd = fd(), .events = POLLIN, .revents = 0};
    return ::poll(&wait, 1, 0) > 0;
  }

 private:
  std::array<int, 2> ends_{};
};

// How many connections are open, to wait for their end.
class Count {
 public:
  void enter() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_all();
  }
  void wait_for_none() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

class Connection {
 public:
  Connection(int fd, const StopSignal& stop) : fd_(fd), stop_(stop) {}
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void serve() {
    while (serve_one()) {
    }
  }

 private:
  // False when the connection is over.
  bool serve_one() {
    const std::optional<std::size_t> head_size = read_head();
    if (!head_size) return false;
    const std::string head = input_.substr(0, *head_size);
    input_.erase(0, *head_size);
    const Clock::time_point begin = Clock::now();
    const std::optional<Request> request = parse(head);
    if (!request) {
      send({.status = 400, .text = "This is not HTTP/1.1.\n"}, false, true);
      return false;
    }
    const bool body_read = drop_body(*request);
    const Answer result = body_read ? answer(*request) : Answer{.status = 400, .text = "A body is of no use here.\n"};
    const bool keep = body_read && request->version == "HTTP/1.1" && !stop_.raised() &&
                      !same_ignoring_case(request->header("Connection"), "close");
    const bool sent = send(result, keep, request->method != "HEAD");
    log_request(*request, result.status, Clock::now() - begin);
    return sent && keep;
  }

  // Waits for a whole head; nothing when the peer closed, was silent for too long, or sent too much. A connection
  // between two requests ends when the service stops; one that has begun to speak is heard.
  std::optional<std::size_t> read_head() {
    for (;;) {
      const std::size_t end = input_.find("\r\n\r\n");
      if (end != std::string::npos) return end + 4;
      if (input_.size() > kMostHeadBytes || !receive(input_.empty())) return std::nullopt;
    }
  }

  bool drop_body(const Request& request) {
    if (!request.header("Transfer-Encoding").empty()) return false;
    const std::string_view length_text = request.header("Content-Length");
    const std::optional<std::uint64_t> length = length_text.empty() ? 0 : parse_number(length_text);
    if (!length || *length > kMostBodyBytes) return false;
    while (input_.size() < *length) {
      if (!receive(false)) return false;
    }
    input_.erase(0, *length);
    return true;
  }

  bool receive(bool until_stopped) {
    std::array<pollfd, 2> wait{{{.fd = fd_, .events = POLLIN, .revents = 0},
                                {.fd = until_stopped ? stop_.fd() : -1, .events = POLLIN, .revents = 0}}};
    const int ready = ::poll(wait.data(), wait.size(), static_cast<int>(milliseconds(kIdleTimeout).count()));
    if (ready < 0) return errno == EINTR;
    if (wait[0].revents == 0) return false;
    std::array<char, 4096> buffer;
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) return got < 0 && errno == EINTR;
    input_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }

  bool send(const Answer& result, bool keep, bool with_body) {
    std::string out =
        "HTTP/1.1 " + std::to_string(result.status) + " " + std::string(reason(result.status)) +
        "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(result.text.size()) +
        (keep ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
    if (with_body) out += result.text;
    std::string_view rest = out;
    while (!rest.empty()) {
      const ssize_t put = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return false;
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }

  int fd_;
  const StopSignal& stop_;
  std::string input_;  // received and not yet used; a second request may be in it
};

int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(port);
  if (fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(fd, kBacklog) == 0) {
    return fd;
  }
  log_message("ERROR", "cannot listen on port " + std::to_string(port) + ": " + std::strerror(errno));
  std::exit(1);
}

// A thread per connection, until the service stops.
void accept_until(const StopSignal& stop, int listener, Count& open) {
  std::array<pollfd, 2> wait{
      {{.fd = listener, .events = POLLIN, .revents = 0}, {.fd = stop.fd(), .events = POLLIN, .revents = 0}}};
  for (;;) {
    ::poll(wait.data(), wait.size(), -1);
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (wait[1].revents != 0) return;  // what was already in the queue is served first
      if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(milliseconds(10));
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    open.enter();
    std::thread([fd, &stop, &open] {
      Connection(fd, stop).serve();
      open.leave();
    }).detach();
  }
}

}  // namespace

int main() {
  const std::string port_text = setting("PORT", "8080");
  const std::optional<std::uint64_t> port = parse_number(port_text);
  if (!port || *port == 0 || *port > 65535) {
    log_message("ERROR", "PORT is no port: " + port_text);
    return 2;
  }
  // Blocked before the first thread starts, so that every thread inherits it and sigwait() alone gets the signal.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  StopSignal stop;
  Count open;
  const int listener = listen_on(static_cast<std::uint16_t>(*port));
  std::thread acceptor([&] { accept_until(stop, listener, open); });
  log_message("NOTICE", "listening on port " + port_text);

  int received = 0;
  ::sigwait(&signals, &received);
  log_message("NOTICE", "stopping: finishing the requests that have begun");
  stop.raise();
  acceptor.join();
  open.wait_for_none();
  return 0;
}
