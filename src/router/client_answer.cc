// How a caller's request is answered: with what the app says, or with what the router says itself; and what follows it
// on the caller's connection.
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "router/client.h"
#include "router/outcome.h"
#include "router/worker.h"

namespace marea::router {
namespace {

namespace http = net::http;

// How long an app's connection may rest. Apps close theirs after a while (Node after 5 s, gunicorn after 2 s), and a
// request that meets the close is lost: so stay below what the app says, and below 4 s where it says nothing.
base::Duration rest_of(const http::ResponseHead& response) {
  constexpr base::Duration kUntold = std::chrono::seconds(4);
  constexpr base::Duration kMost = std::chrono::seconds(60);
  const auto hint = response.find(http::FieldName::keep_alive);
  if (!hint) return kUntold;
  const std::size_t at = hint->find("timeout=");
  if (at == std::string_view::npos) return kUntold;
  int seconds = 0;
  std::from_chars(hint->data() + at + 8, hint->data() + hint->size(), seconds);
  return std::clamp<base::Duration>(std::chrono::seconds(seconds) - std::chrono::seconds(1), base::Duration{0}, kMost);
}

}  // namespace

// 100 Continue, 103 Early Hints: passed on to callers that know them (RFC 9110 §15.2).
bool Client::pass_interim(const http::ResponseHead& response) {
  if (++interims_ > kMostInterims) {
    answer(502, "the app sent interim answers without end");
    return false;
  }
  if (response.status == 100) awaits_continue_ = false;
  if (!http10_) {
    http::HeadWriter writer(stream_.out().room(response.bytes + kForwardingRoom));
    write_interim(writer, response);
    if (writer.finish()) stream_.out().commit(writer.view().size());
    stream_.flush();
  }
  upstream_->stream().in().consume(response.bytes);
  return true;
}

// What the caller's cookies say already is not said again, but for a key that is renewed. An answer that caches may
// give to others sets none: it would give them all one key, or keep caches from storing it.
void Client::write_own_cookies(http::HeadWriter& out, const http::ResponseHead& response) const {
  if (for_shared_caches(response)) return;
  if (assigned_ && in_release_.sets) write_key(out, in_release_.key);
  if (revision_->affinity() == 0) return;
  const AffinityMarks marks{.revision = mark_for(revision_->affinity(), led_by_),
                            .instance = home_->instance->affinity()};
  const bool of_others = affinity_.revision != 0 && affinity_.revision != marks.revision;
  if (led_by_ == LedBy::rule && of_others) return;  // where a rule leads says nothing of where the split does
  if (marks != affinity_) write_affinity(out, marks);
}

bool Client::begin_answer(const http::ResponseHead& response) {
  if (!request_sent_) {  // answered early: what is left of the request would follow as the next one, on both sides
    keep_alive_ = false;
    leaves_connection_ = true;
  }
  Caller caller{.http10 = http10_,
                .keep_alive = keep_alive_ && !worker_.draining(),
                .head = head_method_,
                .request_id = request_id_};
  const http::Framing framing = answer_framing(response, caller);
  keep_alive_ = caller.keep_alive;
  http::HeadWriter writer(stream_.out().room(response.bytes + kForwardingRoom));
  write_response(writer, response, framing, caller);
  write_own_cookies(writer, response);
  if (!writer.finish()) {
    answer(502, "the app's answer has too large a head");
    return false;
  }
  stream_.out().commit(writer.view().size());
  if (in_experiment_.route) note_events(response);
  const bool lasts = response.keep_alive && response.version == http::Version::http11 && !leaves_connection_;
  app_rest_ = lasts ? rest_of(response) : base::Duration{0};
  const bool chunked = framing.kind == http::BodyKind::chunked;
  down_.start(response.body, passes_trailers(response, framing) ? BodyRelay::Form::chunked_with_trailers
                             : chunked                          ? BodyRelay::Form::chunked
                                                                : BodyRelay::Form::framed);
  upstream_->stream().in().consume(response.bytes);
  stream_.in().consume(head_bytes_);
  head_bytes_ = 0;
  answer_begun_ = true;
  account_.status = response.status;
  account_.first_byte = worker_.now();
  return true;
}

bool Client::answer(int status, std::string_view why, base::Duration retry_after, model::Reason reason) {
  return own_answer({.status = status, .retry_after = retry_after, .allow = status == 405 ? kMethods : ""}, why,
                    reason);
}

bool Client::answer_options() {
  return own_answer({.status = 200, .allow = kMethods}, "marea answers this OPTIONS, since Max-Forwards is 0",
                    model::Reason::none);
}

// Our own answer instead of an app's.
bool Client::own_answer(const OwnAnswer& answer, std::string_view why, model::Reason reason) {
  const int status = answer.status;
  constexpr std::size_t kMostWhy = 4096;
  if (revision_) {
    model::FailureCause cause = cause_of_own_answer(status, reason, phase_ == Phase::waiting);
    if (assigned_ && in_release_.cause) cause = *in_release_.cause;
    if (assigned_) in_release_.cause = cause;
    if (cause == model::FailureCause::app) revision_->failed.fetch_add(1, std::memory_order_relaxed);
  }
  if (phase_ == Phase::waiting) note_wait_over();
  if (has_body_ && !request_sent_) keep_alive_ = false;
  const bool begun = answer_begun_;
  drop_request();
  if (begun) {
    close();
    return false;
  }
  account_.status = status;
  account_.reason = reason;
  account_.why = why.substr(0, telemetry::kMostRecordedWhy);
  account_.first_byte = worker_.now();
  if (status >= 400) worker_.counts().refused(status, reason);
  stream_.in().consume(head_bytes_);
  head_bytes_ = 0;
  std::string& body = worker_.scratch();
  body.clear();
  body.append(std::to_string(status)).append(" ").append(http::reason_phrase(status)).append("\n");
  body.append(why.substr(0, kMostWhy)).append("\nrequest id: ").append(request_id_).append("\n");
  const Caller caller{.http10 = http10_, .keep_alive = keep_alive_, .head = head_method_, .request_id = request_id_};
  http::HeadWriter writer(stream_.out().room(kForwardingRoom + body.size()));
  write_own_answer(writer,
                   {.status = status, .length = body.size(), .retry_after = answer.retry_after, .allow = answer.allow},
                   caller);
  if (assigned_ && in_release_.sets) write_key(writer, in_release_.key);
  return send_own(writer, body);
}

// The end of an answer that no app gave.
bool Client::send_own(http::HeadWriter& writer, std::string_view body) {
  if (!writer.finish()) {
    close();
    return false;
  }
  stream_.out().commit(writer.view().size());
  if (!head_method_) stream_.out().append(body);
  phase_ = Phase::answering;
  worker_.set_deadline(*this, worker_.now() + kAnswerTime);
  return true;
}

// A text that is no error: what router has to give itself.
bool Client::own_text(std::string_view body, std::string_view type) {
  const int status = body.empty() ? 204 : 200;
  if (has_body_ && !request_sent_) keep_alive_ = false;
  account_.status = status;
  account_.first_byte = worker_.now();
  stream_.in().consume(head_bytes_);
  head_bytes_ = 0;
  const Caller caller{.http10 = http10_, .keep_alive = keep_alive_, .head = head_method_, .request_id = request_id_};
  http::HeadWriter writer(stream_.out().room(kForwardingRoom + body.size()));
  write_own_text(writer, body.size(), type, caller);
  return send_own(writer, body);
}

bool Client::finish_answer() {
  stream_.flush();
  if (stream_.deaf()) {
    close();
    return false;
  }
  if (!stream_.out().empty()) return false;
  return next_request();
}

bool Client::finish() {
  request_over();
  return next_request();
}

bool Client::next_request() {
  close_account(true);
  if (!keep_alive_ || worker_.draining()) {
    phase_ = Phase::lingering;
    ::shutdown(stream_.fd(), SHUT_WR);
    worker_.set_deadline(*this, worker_.now() + kLingerTime);
    return true;
  }
  phase_ = Phase::head;
  scanned_ = 0;
  if (stream_.in().empty()) stream_.in().drop();
  worker_.set_deadline(*this, worker_.now() + most_rest());
  return true;
}

bool Client::linger() {
  // Closing with unread bytes would reset the connection under the answer (RFC 9112 §9.6).
  for (int reads = 0; !stream_.ended() && !stream_.failed(); ++reads) {
    if (reads == kMostRounds) {
      worker_.later(*this);
      return false;
    }
    stream_.in().drop();
    if (!stream_.fill()) return false;
  }
  close();
  return false;
}

}  // namespace marea::router
