#include "net/probe_attempt.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "net/http/codec.h"
#include "net/http/head_writer.h"

namespace marea::net {
namespace {

constexpr std::size_t kMostAnswerHead = 16U << 10;  // a health check's has a few hundred bytes
constexpr int kMostInterims = 10;
constexpr std::size_t kRequestRoom = 16U << 10;  // the manifest bounds path and headers far below

std::string request_of(const model::Probe& probe) {
  std::string text;
  const bool sound = http::append_head(text, kRequestRoom, [&](http::HeadWriter& out) {
    out.request_line("GET", probe.path);
    bool host = false;
    for (const auto& [name, value] : probe.headers) {
      host = host || http::same_token(name, "Host");
      out.field(name, value);
    }
    if (!host) out.field("Host", "localhost");
    out.lines("User-Agent: marea-probe\r\nConnection: close\r\n");
  });
  if (!sound) text.clear();
  return text;
}

}  // namespace

ProbeAttempt::ProbeAttempt(Loop& loop, const model::Probe& probe, std::uint16_t port, base::Fd socket,
                           std::function<void(Outcome)> done)
    : loop_(loop),
      probe_(probe),
      port_(probe.port != 0 ? probe.port : port),
      socket_(std::move(socket)),
      done_(std::move(done)),
      begin_(loop, [this] { connect(); }),
      timeout_(loop, [this] {
        timed_out_ = true;
        finish(false, "no answer within the probe's timeout", false);
      }) {
  begin_.arm_at(loop_.now());
  timeout_.arm_in(probe.timeout);
}

ProbeAttempt::~ProbeAttempt() {
  if (watched_) loop_.remove(socket_.get(), *this);
}

void ProbeAttempt::connect() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int result = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  // Loopback handshakes end inside the first call; only the second one tells so.
  if (result != 0 && errno == EINPROGRESS) {
    result = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (result == 0 || errno == EISCONN) {
    connected();
    return;
  }
  if (errno != EALREADY && errno != EINPROGRESS) {
    const bool refused = errno == ECONNREFUSED;
    finish(false, base::os_error("").why, refused);
    return;
  }
  watched_ = loop_.add(socket_.get(), EPOLLOUT, *this).has_value();
}

void ProbeAttempt::connected() {
  if (probe_.kind != model::ProbeKind::http) {
    finish(true, {}, true);
    return;
  }
  const std::string request = request_of(probe_);
  // A fresh connection takes a whole head at once.
  if (request.empty() ||
      ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    finish(false, "the probe's request could not be sent", false);
    return;
  }
  asked_ = true;
  if (watched_) {
    loop_.modify(socket_.get(), EPOLLIN, *this);
  } else {
    watched_ = loop_.add(socket_.get(), EPOLLIN, *this).has_value();
  }
}

void ProbeAttempt::on_ready(std::uint32_t /*events*/) {
  if (asked_) {
    read_answer();
    return;
  }
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == 0) {
    connected();
  } else {
    finish(false, base::os_error("", error).why, error == ECONNREFUSED);
  }
}

void ProbeAttempt::read_answer() {
  std::array<char, 4096> room;
  const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    finish(false, "the app closed the connection before it answered", false);
    return;
  }
  received_.append(room.data(), static_cast<std::size_t>(got));
  http::ResponseHead head;
  for (;;) {
    const auto complete = http::parse_response(received_, false, head, scanned_);
    if (!complete) {
      finish(false, "malformed answer: " + std::string(http::to_string(complete.error())), false);
      return;
    }
    if (!*complete) break;
    if (head.status >= 200) {
      // As Kubernetes counts: success is 200 … 399.
      finish(head.status < 400, "GET " + probe_.path + " answered " + std::to_string(head.status), false);
      return;
    }
    if (++interims_ > kMostInterims) {
      finish(false, "more than " + std::to_string(kMostInterims) + " interim answers (1xx)", false);
      return;
    }
    received_.erase(0, head.bytes);
    scanned_ = 0;
  }
  scanned_ = received_.size();
  if (scanned_ > kMostAnswerHead) finish(false, "the head of the answer is larger than 16 KiB", false);
}

void ProbeAttempt::finish(bool healthy, std::string detail, bool keep_socket) {
  begin_.cancel();
  timeout_.cancel();
  if (watched_) loop_.remove(socket_.get(), *this);
  watched_ = false;
  const std::function<void(Outcome)> done = std::move(done_);
  Outcome outcome{.healthy = healthy, .socket = {}, .timed_out = timed_out_, .detail = std::move(detail)};
  if (keep_socket) outcome.socket = std::move(socket_);
  done(std::move(outcome));
}

}  // namespace marea::net
