// The writing half of HttpConnection, and Responder.
#include <algorithm>
#include <limits>
#include <utility>

#include "net/http/head_writer.h"
#include "net/http_connection.h"

namespace marea::net {
namespace {

// Fields that the server writes by itself.
bool is_ours(std::string_view name) {
  return http::is_hop_by_hop(name) || http::same_token(name, "Content-Length") || http::same_token(name, "Date");
}

std::size_t room_for(const HttpResponse& response) {
  std::size_t bytes = 256;  // status line, Date, framing, Connection
  for (const auto& [name, value] : response.fields) bytes += name.size() + value.size() + 4;
  return bytes;
}

bool is_bodiless(int status) {
  return status == 204 || status == 304;
}

}  // namespace

bool HttpConnection::write_head(const HttpResponse& response, const http::Framing& framing) {
  if (response.status < 200) return false;  // interim answers are the server's own
  const std::string date = http_date(server_.loop_.clock().wall().unix_ns / 1'000'000'000);
  return http::append_head(out_, room_for(response), [&](http::HeadWriter& head) {
    head.status_line(response.status);
    head.field("Date", date);
    for (const auto& [name, value] : response.fields) {
      const bool described = to_head_ && response.body.empty() && http::same_token(name, "Content-Length");
      if (described || !is_ours(name)) head.field(name, value);
    }
    head.framing(framing);
    if (!keep_) head.lines("Connection: close\r\n");
    if (keep_ && !http11_) head.lines("Connection: keep-alive\r\n");
  });
}

void HttpConnection::write_answer(HttpResponse response) {
  keep_ = keep_ && body_complete_ && !server_.stopping_;
  answered_ = true;
  if (!soon_.armed()) soon_.arm_in({});
  bool described = false;  // the application gives the length of what HEAD does not send
  for (const auto& [name, value] : response.fields) {
    described = described || (to_head_ && response.body.empty() && http::same_token(name, "Content-Length"));
  }
  const bool without = is_bodiless(response.status) || described;
  const http::Framing framing{.kind = without ? http::BodyKind::none : http::BodyKind::length,
                              .length = response.body.size()};
  if (!write_head(response, framing)) {
    response = status_response(500, "the answer has a field or a status that cannot be sent");
    write_head(response, {.kind = http::BodyKind::length, .length = response.body.size()});
  }
  if (!to_head_ && !is_bodiless(response.status)) out_ += response.body;
}

void HttpConnection::send(HttpResponse response) {
  if (exchange_->state != HttpExchange::State::waiting) return;
  exchange_->state = HttpExchange::State::answered;
  write_answer(std::move(response));
}

void HttpConnection::begin(HttpResponse head) {
  if (exchange_->state != HttpExchange::State::waiting) return;
  keep_ = keep_ && http11_ && !server_.stopping_;
  const bool bodiless = is_bodiless(head.status);
  const http::Framing framing{.kind = bodiless  ? http::BodyKind::none
                                      : http11_ ? http::BodyKind::chunked
                                                : http::BodyKind::until_close};
  if (!write_head(head, framing)) {
    exchange_->state = HttpExchange::State::answered;
    return write_answer(status_response(500, "the answer has a field or a status that cannot be sent"));
  }
  to_head_ = to_head_ || bodiless;
  exchange_->state = HttpExchange::State::streaming;
  if (!soon_.armed()) soon_.arm_in({});
  if (!head.body.empty()) write(head.body, server_.limits_.waiting_bytes);
}

bool HttpConnection::write(std::string_view piece, std::size_t most_waiting) {
  if (exchange_->state != HttpExchange::State::streaming) return false;
  most_waiting = std::min(most_waiting, server_.limits_.waiting_bytes);
  if (waiting() >= most_waiting) {
    exchange_->write_refused = true;
    exchange_->most_waiting = most_waiting;
    return false;
  }
  if (piece.empty() || to_head_) return true;  // an empty chunk would end the body
  if (http11_) out_ += http::chunk_prefix(piece.size()).view();
  out_ += piece;
  if (http11_) out_ += "\r\n";
  if (!soon_.armed()) soon_.arm_in({});
  return true;
}

void HttpConnection::end() {
  if (exchange_->state != HttpExchange::State::streaming) return;
  exchange_->state = HttpExchange::State::answered;
  answered_ = true;
  if (http11_ && !to_head_) out_ += http::kLastChunk;
  if (!soon_.armed()) soon_.arm_in({});
}

void HttpConnection::abandon() {
  switch (exchange_->state) {
    case HttpExchange::State::waiting: return send(status_response(500, "the request was given up inside the server"));
    case HttpExchange::State::streaming:
      exchange_->state = HttpExchange::State::answered;
      cut_ = true;
      if (!soon_.armed()) soon_.arm_in({});
      return;
    case HttpExchange::State::answered: return;
  }
}

void HttpConnection::refuse(int status, std::string_view message) {
  const bool streaming = exchange_ && exchange_->state == HttpExchange::State::streaming;
  const bool answered = answered_;
  body_complete_ = false;
  detach(message, true);
  keep_ = false;
  in_late_.cancel();
  phase_ = Phase::answering;
  if (streaming) {
    cut_ = true;
    if (!soon_.armed()) soon_.arm_in({});
  } else if (!answered) {
    write_answer(status_response(status, message));
  }
}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    let_go();
    exchange_ = std::move(other.exchange_);
  }
  return *this;
}

Responder::~Responder() {
  let_go();
}

void Responder::let_go() {
  const std::shared_ptr<HttpExchange> exchange = std::move(exchange_);
  if (exchange && exchange->connection != nullptr) exchange->connection->abandon();
}

// Each keeps the exchange alive through the call: it may be the last that holds this Responder.
void Responder::send(HttpResponse response) {
  const std::shared_ptr<HttpExchange> exchange = exchange_;
  if (exchange && exchange->connection != nullptr) exchange->connection->send(std::move(response));
}

void Responder::begin(HttpResponse head) {
  const std::shared_ptr<HttpExchange> exchange = exchange_;
  if (exchange && exchange->connection != nullptr) exchange->connection->begin(std::move(head));
}

bool Responder::write(std::string_view piece) {
  return write(piece, std::numeric_limits<std::size_t>::max());
}

bool Responder::write(std::string_view piece, std::size_t most_waiting) {
  const std::shared_ptr<HttpExchange> exchange = exchange_;
  return exchange && exchange->connection != nullptr && exchange->connection->write(piece, most_waiting);
}

void Responder::end() {
  const std::shared_ptr<HttpExchange> exchange = exchange_;
  if (exchange && exchange->connection != nullptr) exchange->connection->end();
}

void Responder::on_writable(std::function<void()> callback) {
  if (exchange_ && exchange_->connection != nullptr) exchange_->on_writable = std::move(callback);
}

void Responder::on_closed(std::function<void()> callback) {
  if (exchange_ && exchange_->connection != nullptr) exchange_->on_closed = std::move(callback);
}

bool Responder::open() const {
  return exchange_ && exchange_->connection != nullptr && exchange_->state != HttpExchange::State::answered;
}

}  // namespace marea::net
