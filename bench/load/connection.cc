#include "bench/load/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace marea::load {
namespace {

namespace http = net::http;

constexpr std::size_t kMostBody = 64U << 20;
constexpr std::size_t kShift = 4096;    // bodies of neighbouring requests differ
constexpr std::size_t kMostText = 500;  // of a body that is no app's: enough to say why

Nanoseconds now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

// Letters in which each place differs from those around it, so that bytes that are lost, doubled or another request's
// are seen.
std::string_view pattern(std::uint64_t number, std::size_t bytes) {
  static std::string letters;
  const std::size_t needed = std::min(bytes, kMostBody) + kShift;
  for (std::size_t at = letters.size(); at < needed; ++at) {
    letters.push_back(static_cast<char>('A' + (at * 7 + at / 26 + at / 4001) % 26));
  }
  return std::string_view(letters).substr(number % kShift, std::min(bytes, kMostBody));
}

std::string second_line(std::string_view text) {
  const std::size_t first = text.find('\n');
  if (first == std::string_view::npos) return std::string(text);
  return std::string(text.substr(first + 1, text.find('\n', first + 1) - first - 1));
}

}  // namespace

bool Connection::open(int poll, std::uint16_t port) {
  poll_ = poll;
  opened_ = now();
  fd_ = base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP, .data = {.ptr = this}};
  if ((connected != 0 && errno != EINPROGRESS) || ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd_.get(), &event) != 0) {
    fd_.reset();
    return false;
  }
  return true;
}

bool Connection::still_rests() {
  char byte = 0;
  const bool rests = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  if (!rests) close();
  return rests;
}

void Connection::send(Request request) {
  request_ = std::move(request);
  request_.opened = opened_;
  request_.kept = std::exchange(served_, true);
  request_.sent = now();
  busy_ = true;
  const Kind& kind = *request_.kind;
  head_ = kind.method + " " + kind.target + " HTTP/1.1\r\nHost: " + kind.host +
          "\r\nX-Load-Number: " + std::to_string(request_.number);
  if (kind.body > 0) head_ += "\r\nContent-Length: " + std::to_string(kind.body);
  head_ += "\r\n\r\n";
  body_ = pattern(request_.number, kind.body);
  expected_ = kind.echoes() ? body_ : std::string_view();
  in_.clear();
  text_.clear();
  has_head_ = named_ = false;
  write();
}

void Connection::write() {
  while (!head_.empty() || !body_.empty()) {
    const std::array<iovec, 2> parts{iovec{head_.data(), head_.size()},
                                     iovec{const_cast<char*>(body_.data()), body_.size()}};
    const ssize_t written = ::writev(fd_.get(), parts.data(), 2);
    if (written < 0) {  // full, or over: then reading says how, unless the error was told here already
      refused_ = refused_ || errno == ECONNREFUSED;
      break;
    }
    const std::size_t of_head = std::min(head_.size(), static_cast<std::size_t>(written));
    head_.erase(0, of_head);
    body_.remove_prefix(static_cast<std::size_t>(written) - of_head);
  }
  const bool more = !head_.empty() || !body_.empty();
  if (more == writing_) return;
  writing_ = more;
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP | (more ? EPOLLOUT : 0U), .data = {.ptr = this}};
  ::epoll_ctl(poll_, EPOLL_CTL_MOD, fd_.get(), &event);
}

std::optional<Outcome> Connection::on_ready(std::uint32_t events) {
  if (!busy_) {  // the server is done with it, or speaks unasked
    close();
    return std::nullopt;
  }
  if ((events & EPOLLOUT) != 0) write();
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return std::nullopt;
  return read();
}

std::optional<Outcome> Connection::read() {
  static std::array<char, 64U << 10> block;
  for (;;) {
    const ssize_t got = ::read(fd_.get(), block.data(), block.size());
    if (got < 0 && errno == EAGAIN) return std::nullopt;
    if (refused_ || (got < 0 && errno == ECONNREFUSED)) return broken(Outcome::refused, "nobody listens");
    if (got < 0) return broken(Outcome::reset, std::strerror(errno));
    if (got == 0) {
      if (has_head_ && framing_.kind == http::BodyKind::until_close) return end_of_answer();
      return broken(Outcome::eof, has_head_ || !in_.empty() ? "in the answer" : "before the answer");
    }
    in_.append(block.data(), static_cast<std::size_t>(got));
    if (const std::optional<Outcome> outcome = take_answer()) return outcome;
  }
}

std::optional<Outcome> Connection::take_answer() {
  while (!has_head_) {
    static http::ResponseHead head;
    const auto complete = http::parse_response(in_, request_.kind->method == "HEAD", head);
    if (!complete) return broken(Outcome::wrong, std::string(http::to_string(complete.error())));
    if (!*complete) return std::nullopt;
    if (head.status >= 200) {
      has_head_ = true;
      keep_alive_ = head.keep_alive;
      framing_ = head.body;
      chunks_ = {};
      request_.status = head.status;
      request_.request_id = head.find(http::FieldName::x_request_id).value_or("");
      request_.instance = head.find("X-Instance").value_or("");
      const auto number = head.find("X-Load-Number");
      named_ = number.has_value();
      if (named_ && *number != std::to_string(request_.number)) {
        return broken(Outcome::wrong, "it answers request " + std::string(*number));
      }
    }
    in_.erase(0, head.bytes);
  }
  if (framing_.kind == http::BodyKind::chunked) {
    std::string_view rest = in_;
    while (!rest.empty() && !chunks_.done()) {
      const auto step = chunks_.next(rest);
      if (!step) return broken(Outcome::wrong, std::string(http::to_string(step.error())));
      if (!take_body(step->data)) return broken(Outcome::wrong, "the body is not the request's");
      rest.remove_prefix(step->consumed);
    }
    in_.erase(0, in_.size() - rest.size());
    return chunks_.done() ? end_of_answer() : std::nullopt;
  }
  if (framing_.kind == http::BodyKind::none) return end_of_answer();
  std::string_view data = in_;
  if (framing_.kind == http::BodyKind::length) {
    data = data.substr(0, framing_.length);
    framing_.length -= data.size();
  }
  if (!take_body(data)) return broken(Outcome::wrong, "the body is not the request's");
  in_.erase(0, data.size());
  return framing_.kind == http::BodyKind::length && framing_.length == 0 ? end_of_answer() : std::nullopt;
}

bool Connection::take_body(std::string_view data) {
  if (!named_) text_.append(data.substr(0, kMostText - std::min(kMostText, text_.size())));
  if (!named_ || !request_.kind->echoes()) return true;
  const bool same = expected_.starts_with(data);
  expected_.remove_prefix(std::min(data.size(), expected_.size()));
  return same;
}

std::optional<Outcome> Connection::end_of_answer() {
  if (!in_.empty()) return broken(Outcome::wrong, "bytes follow the answer");
  if (named_ && !expected_.empty()) return broken(Outcome::wrong, "the body is cut short");
  request_.ended = rests_since_ = now();
  busy_ = false;
  if (!named_) request_.why = second_line(text_);
  if (!keep_alive_ || !head_.empty() || !body_.empty()) close();
  return named_ ? Outcome::app : Outcome::marea;
}

std::optional<Outcome> Connection::broken(Outcome outcome, std::string why) {
  request_.ended = now();
  request_.why = std::move(why);
  close();
  return outcome;
}

void Connection::give_up() {
  request_.ended = now();
  request_.why = has_head_ ? "the answer has no end" : "no answer";
  close();
}

void Connection::close() {
  fd_.reset();
  busy_ = served_ = writing_ = refused_ = false;
}

}  // namespace marea::load
