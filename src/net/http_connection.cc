#include "net/http_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace marea::net {
namespace {

constexpr int kReadsPerEvent = 4;  // then the other connections have their turn

}  // namespace

HttpConnection::HttpConnection(HttpServer& server, base::Fd fd, HttpPeer peer)
    : server_(server),
      fd_(std::move(fd)),
      peer_(std::move(peer)),
      soon_(server.loop_, [this] { go_on(); }),
      in_late_(server.loop_, [this] { on_late(); }),
      out_late_(server.loop_, [this] { close("the client does not take the answer"); }),
      idle_since_(server.loop_.now()) {}

HttpConnection::~HttpConnection() {
  if (!closed_) server_.loop_.remove(fd_.get(), *this);
  detach("the server ends", false);
}

base::Result<void> HttpConnection::start() {
  watched_ = EPOLLIN | EPOLLRDHUP;
  if (auto added = server_.loop_.add(fd_.get(), watched_, *this); !added) {
    closed_ = true;
    return added;
  }
  in_late_.arm_in(server_.limits_.head);
  return {};
}

// What the application throws ends here.
template <class F>
bool HttpConnection::guarded(const F& call) {
  try {
    call();
    return true;
  } catch (...) {
    return false;
  }
}

void HttpConnection::on_ready(std::uint32_t events) {
  if (closed_) return;
  constexpr std::uint32_t kDead = EPOLLERR | EPOLLHUP;
  if ((phase_ == Phase::answering || !wants_input()) && (events & kDead) != 0) return close("the client went away");
  const bool room = tls_ && tls_->wants_room() && (events & EPOLLOUT) != 0;
  if ((events & (EPOLLIN | EPOLLRDHUP | kDead)) != 0 || room) {
    if (wants_input()) {
      receive();
    } else if ((events & EPOLLRDHUP) != 0) {
      peer_shut_ = true;
    }
  }
  settle();
}

// Not while a further request waits in in_, nor when the rest of a body does not matter any more.
bool HttpConnection::wants_input() const {
  switch (phase_) {
    case Phase::head:
    case Phase::lingering: return true;
    case Phase::body: return !answered_;
    case Phase::answering: return in_.empty();
  }
  return false;
}

// As recv(2). The first byte says whether the client speaks TLS.
ssize_t HttpConnection::take(char* room, std::size_t size) {
  if (!known_) {
    unsigned char first = 0;
    const ssize_t seen = server_.tls_ ? ::recv(fd_.get(), &first, 1, MSG_PEEK) : 1;
    if (seen <= 0) return seen;
    known_ = true;
    if (first == kTlsHandshake) {
      tls_ = std::make_unique<TlsSession>(server_.tls_, fd_.get());
      peer_.tls = true;
    }
  }
  return tls_ ? tls_->recv(room, size) : ::recv(fd_.get(), room, size, 0);
}

// What TLS has decrypted already makes no event of the socket.
void HttpConnection::go_on() {
  if (tls_ && !closed_ && tls_->has_pending() && wants_input()) receive();
  settle();
}

void HttpConnection::receive() {
  for (int i = 0; i < kReadsPerEvent && !closed_ && wants_input(); ++i) {
    const ssize_t got = take(server_.scratch_.data(), server_.scratch_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got < 0) return close("the connection broke");
    if (got == 0) return peer_shut();
    if (phase_ == Phase::lingering) continue;
    in_.append(server_.scratch_.data(), static_cast<std::size_t>(got));
    advance();
  }
}

// The client sends nothing more: no next request, but an answer can still reach it.
void HttpConnection::peer_shut() {
  peer_shut_ = true;
  keep_ = false;
  if (phase_ != Phase::answering) close("the client went away");
}

void HttpConnection::advance() {
  while (!closed_) {
    switch (phase_) {
      case Phase::head:
        if (!read_head()) return;
        break;
      case Phase::body:
        if (!read_body()) return;
        break;
      case Phase::answering:
      case Phase::lingering: return;
    }
  }
}

// False: more input is needed.
bool HttpConnection::read_head() {
  if (in_.empty()) return false;
  http::RequestHead& head = server_.head_;
  const auto parsed = http::parse_request(in_, head, std::exchange(searched_, in_.size()));
  if (!parsed) {
    refuse(http::status_of(parsed.error()), http::to_string(parsed.error()));
    return true;
  }
  if (!*parsed) {
    if (!std::exchange(head_begun_, true)) in_late_.arm_in(server_.limits_.head);
    return false;
  }
  in_late_.cancel();
  begin_request(head);
  return true;
}

void HttpConnection::begin_request(const http::RequestHead& head) {
  http11_ = head.version == http::Version::http11;
  to_head_ = head.method == "HEAD";
  keep_ = head.keep_alive;
  framing_ = head.body;
  left_ = framing_.length;
  decoder_ = {};
  body_bytes_ = window_bytes_ = 0;
  body_complete_ = framing_.kind == http::BodyKind::none || (framing_.kind == http::BodyKind::length && left_ == 0);
  phase_ = Phase::body;
  std::optional<HttpRequest> request = make_http_request(head, peer_);
  const bool expects_continue = head.expect_continue && http11_ && in_.size() == head.bytes;
  in_.erase(0, head.bytes);
  if (!request) return refuse(400, "the request target has a percent escape or a segment that is not allowed");
  std::optional<BodyPlan> plan;
  if (!guarded([&] { plan = server_.route_(*request); })) return refuse(500, "the request failed inside the server");
  plan_body(std::move(*plan), std::move(*request), expects_continue);
}

void HttpConnection::plan_body(BodyPlan plan, HttpRequest request, bool expects_continue) {
  if (auto* response = std::get_if<HttpResponse>(&plan)) {
    phase_ = Phase::answering;
    return write_answer(std::move(*response));
  }
  auto* whole = std::get_if<WholeBody>(&plan);
  auto* streamed = std::get_if<StreamedBody>(&plan);
  const std::uint64_t most = whole != nullptr ? whole->most : streamed->most;
  if (left_ > most) return refuse(413, "the body is larger than " + std::to_string(most) + " bytes");
  if (whole != nullptr) {
    request_ = std::move(request);
    plan_ = std::move(*whole);
  } else {
    Responder responder = open_exchange();
    // plan_ keeps only the limit: the sink is all that is called from now on.
    plan_ = StreamedBody{.most = most, .begin = {}};
    if (!guarded([&] { sink_ = streamed->begin(std::move(request), std::move(responder)); })) {
      return refuse(500, "the request failed inside the server");
    }
  }
  if (body_complete_) return complete_body();
  in_late_.arm_in(server_.limits_.body);
  const bool begun = exchange_ && exchange_->state != HttpExchange::State::waiting;
  if (expects_continue && !begun) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

Responder HttpConnection::open_exchange() {
  exchange_ = std::make_shared<HttpExchange>();
  exchange_->connection = this;
  return Responder(exchange_);
}

// False: more input is needed, or an answer was given that ends the body.
bool HttpConnection::read_body() {
  if (answered_ || in_.empty()) return false;
  if (framing_.kind == http::BodyKind::chunked) return read_chunks();
  const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in_.size()));
  left_ -= run;
  const bool taken = deliver(std::string_view(in_).substr(0, run));
  in_.erase(0, run);
  if (!taken || left_ != 0) return false;
  complete_body();
  return true;
}

bool HttpConnection::read_chunks() {
  std::size_t used = 0;
  while (used < in_.size() && !decoder_.done()) {
    const auto step = decoder_.next(std::string_view(in_).substr(used));
    if (!step) {
      refuse(http::status_of(step.error()), http::to_string(step.error()));
      return false;
    }
    used += step->consumed;
    if (!step->data.empty() && !deliver(step->data)) return false;
  }
  in_.erase(0, used);
  if (!decoder_.done()) return false;
  complete_body();
  return true;
}

// False: the body is not wanted any more.
bool HttpConnection::deliver(std::string_view piece) {
  body_bytes_ += piece.size();
  window_bytes_ += piece.size();
  const auto* whole = std::get_if<WholeBody>(&plan_);
  const std::uint64_t most = whole != nullptr ? whole->most : std::get<StreamedBody>(plan_).most;
  if (body_bytes_ > most) {
    refuse(413, "the body is larger than " + std::to_string(most) + " bytes");
    return false;
  }
  if (whole != nullptr) {
    request_.body += piece;
  } else if (sink_.on_data && !guarded([&] { sink_.on_data(piece); })) {
    refuse(500, "the request failed inside the server");
    return false;
  }
  return !answered_;
}

void HttpConnection::complete_body() {
  body_complete_ = true;
  in_late_.cancel();
  phase_ = Phase::answering;
  if (auto* whole = std::get_if<WholeBody>(&plan_)) {
    // Out of the members first: a callback may hold the only reference to what must go when it returns.
    const auto then = std::move(whole->then);
    Responder responder = open_exchange();
    guarded([&] { then(std::move(request_), std::move(responder)); });
    request_ = {};
  } else {
    const BodySink sink = std::exchange(sink_, {});
    if (sink.on_end && !answered_) guarded([&] { sink.on_end(); });
  }
}

void HttpConnection::on_late() {
  if (phase_ == Phase::lingering) return close("the client lingers");
  if (phase_ == Phase::head) {
    if (in_.empty()) return close("the connection is idle");
    refuse(408, "the head of the request did not arrive in time");
  } else if (phase_ == Phase::body && !answered_) {
    if (std::exchange(window_bytes_, 0) >= server_.limits_.body_bytes) return in_late_.arm_in(server_.limits_.body);
    refuse(408, "the body of the request did not arrive in time");
  }
  settle();
}

// The one place that follows every event: gives out what waits and goes on to what is next.
void HttpConnection::settle() {
  if (closed_) return;
  const bool streaming = exchange_ && exchange_->state == HttpExchange::State::streaming;
  if (peer_shut_ && streaming) return close("the client went away");
  flush();
  if (closed_) return;
  if (waiting() == 0 && cut_) return close("the answer was cut off");
  if (waiting() == 0 && answered_ && phase_ != Phase::lingering) {
    detach("answered", false);
    if (keep_ && body_complete_ && !server_.stopping_) {
      next_request();
    } else {
      linger();
    }
  } else {
    call_writable();
  }
  if (closed_) return;
  if (tls_ && tls_->has_pending() && wants_input() && !soon_.armed()) soon_.arm_in({});
  watch();
}

void HttpConnection::flush() {
  bool moved = false;
  while (waiting() > 0) {
    const char* bytes = out_.data() + out_sent_;
    const ssize_t sent =
        tls_ ? tls_->send(bytes, waiting()) : ::send(fd_.get(), bytes, waiting(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (sent < 0) return close("the client went away");
    out_sent_ += static_cast<std::size_t>(sent);
    moved = true;
  }
  if (waiting() == 0) {
    out_.clear();
    out_sent_ = 0;
    out_late_.cancel();
    return;
  }
  if (moved || !out_late_.armed()) out_late_.arm_in(server_.limits_.taking);
  if (out_sent_ > out_.size() / 2) {
    out_.erase(0, out_sent_);
    out_sent_ = 0;
  }
}

void HttpConnection::call_writable() {
  if (!exchange_ || !exchange_->write_refused || waiting() > exchange_->most_waiting / 2) return;
  exchange_->write_refused = false;
  const std::function<void()> callback = exchange_->on_writable;
  if (callback && !guarded(callback)) abandon();
}

void HttpConnection::next_request() {
  phase_ = Phase::head;
  answered_ = false;
  head_begun_ = false;
  searched_ = 0;
  plan_ = std::monostate{};
  idle_since_ = server_.loop_.now();
  in_late_.arm_in(server_.limits_.idle);
  if (in_.empty()) return;
  advance();
  if (!closed_ && !soon_.armed()) soon_.arm_in({});
}

// Closing with input unread would reset the connection, and the client might never see the answer.
void HttpConnection::linger() {
  if (peer_shut_ || (body_complete_ && in_.empty())) return close("done");
  if (tls_) tls_->shut();
  ::shutdown(fd_.get(), SHUT_WR);
  phase_ = Phase::lingering;
  in_.clear();
  in_late_.arm_in(server_.limits_.lingering);
}

void HttpConnection::watch() {
  std::uint32_t wanted = 0;
  if (!peer_shut_) wanted |= EPOLLRDHUP;
  if (wants_input() && !(peer_shut_ && phase_ == Phase::answering)) wanted |= EPOLLIN;
  if (waiting() > 0 || (tls_ && tls_->wants_room())) wanted |= EPOLLOUT;
  if (wanted == watched_) return;
  watched_ = wanted;
  server_.loop_.modify(fd_.get(), watched_, *this);
}

void HttpConnection::close(std::string_view why) {
  if (closed_) return;
  closed_ = true;
  server_.loop_.remove(fd_.get(), *this);
  if (tls_) tls_->shut();
  fd_.reset();
  soon_.cancel();
  in_late_.cancel();
  out_late_.cancel();
  detach(why, true);
  server_.closed(*this);
}

// Ends the exchange; the callbacks are destroyed after the last of them has returned.
void HttpConnection::detach(std::string_view why, bool tell) {
  const std::shared_ptr<HttpExchange> exchange = std::exchange(exchange_, nullptr);
  const BodySink sink = std::exchange(sink_, {});
  std::function<void()> on_closed;
  std::function<void()> on_writable;
  bool open = false;
  if (exchange) {
    exchange->connection = nullptr;
    open = exchange->state != HttpExchange::State::answered;
    on_closed = std::exchange(exchange->on_closed, nullptr);
    on_writable = std::exchange(exchange->on_writable, nullptr);
  }
  if (!tell || !open) return;
  if (sink.on_abort && !body_complete_) guarded([&] { sink.on_abort(why); });
  if (on_closed) guarded(on_closed);
}

}  // namespace marea::net
