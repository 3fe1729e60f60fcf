#include "router/client.h"
#include "router/outcome.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "router/own_paths.h"
#include "router/pump.h"
#include "router/worker.h"

namespace marea::router {
namespace {

namespace http = net::http;
using model::FailureCause;
using model::Limit;

bool idempotent(std::string_view method) {  // RFC 9110 §9.2.2
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

// A request that must not be sent twice gets a connection that is hardly ever about to be closed.
constexpr base::Duration kFresh = std::chrono::seconds(1);

}  // namespace

Client::Client(Worker& worker, Peer peer)
    : worker_(worker), stream_(worker.loop(), worker.pool()), peer_(std::move(peer)) {}

Client::~Client() {
  if (phase_ != Phase::closed) drop_request();
  stream_.close(*this);
}

void Client::open(base::Fd connection) {
  if (!stream_.open(std::move(connection), *this)) {
    close();
    return;
  }
  worker_.set_deadline(*this, worker_.now() + most_rest());
}

void Client::on_ready(std::uint32_t events) {
  stream_.note(events);
  if (phase_ == Phase::tunnel &&
      (events & EPOLLERR) != 0) {  // also while the app takes nothing, so that nothing is read
    cut(FailureCause::client, "the caller left the tunnel");
    return;
  }
  const bool in_request = phase_ == Phase::waiting || phase_ == Phase::connecting || phase_ == Phase::relaying;
  if (in_request && !notice_departure()) return;
  advance();
}

// False: the caller of a request is gone, nobody is there to answer.
bool Client::notice_departure() {
  if (stream_.reset()) {
    close();
    return false;
  }
  if (stream_.hung_up() && !half_closed_) {
    half_closed_ = true;
    left_ = worker_.now();
    sent_before_hang_up_ = stream_.sent();
    worker_.set_deadline(*this, std::min(due_, worker_.now() + (answer_begun_ ? kSilentTime : kHalfClosedTime)));
  }
  return true;
}

// A caller that is gone would have reset what was sent since, or what it left unread.
bool Client::still_reads() const {
  return stream_.sent() > sent_before_hang_up_ || !stream_.writable();
}

void Client::advance() {
  bool more = true;
  for (int steps = 0; more; ++steps) {
    if (steps == kMostSteps) {
      worker_.later(*this);
      return;
    }
    switch (phase_) {
      case Phase::head: more = read_head(); break;
      case Phase::waiting: more = false; break;
      case Phase::connecting: more = connect(); break;
      case Phase::relaying: more = relay(); break;
      case Phase::tunnel: more = tunnel(); break;
      case Phase::answering: more = finish_answer(); break;
      case Phase::lingering: more = linger(); break;
      case Phase::closed: more = false; break;
    }
  }
}

bool Client::read_head() {
  for (;;) {
    if (!stream_.in().empty()) {
      worker_.request_owner = this;
      const auto complete = http::parse_request(stream_.in().view(), worker_.request(), scanned_);
      if (!complete) return refuse_head(http::status_of(complete.error()), http::to_string(complete.error()));
      if (*complete) return begin(worker_.request());
      if (scanned_ == 0) worker_.set_deadline(*this, worker_.now() + worker_.bounds().limits().time(Limit::head_time));
      scanned_ = stream_.in().size();
      if (worker_.pool().tight && scanned_ == kSmallBlock) {
        return refuse_head(429, "the router has no memory left for a request head of this size");
      }
    } else if (worker_.draining() && !stream_.something_came()) {
      close();
      return false;
    }
    if (stream_.ended() && !stream_.in().empty()) return refuse_head(400, "the request's head is not complete");
    if (stream_.ended() || stream_.failed()) {
      close();
      return false;
    }
    if (!stream_.fill()) return false;
  }
}

// Nothing is known of the request, not even where it ends.
bool Client::refuse_head(int status, std::string_view why) {
  keep_alive_ = http10_ = has_body_ = head_method_ = false;
  set_request_id(nullptr);
  open_account(nullptr);
  return answer(status, why);
}

void Client::set_request_id(const http::RequestHead* head) {
  request_id_.clear();
  const auto given = head == nullptr ? std::nullopt : head->find(http::FieldName::x_request_id);
  if (given && usable_request_id(*given)) {
    request_id_ = *given;
  } else {
    append_hex(request_id_, worker_.random(), worker_.random());
  }
}

bool Client::begin(const http::RequestHead& head) {
  head_bytes_ = head.bytes;
  scanned_ = 0;
  http10_ = head.version == http::Version::http10;
  // Who, or whose proxy, believed in a tunnel that was refused sends something else than requests.
  keep_alive_ = head.keep_alive && !names_websocket(head) && !worker_.draining();
  head_method_ = head.method == "HEAD";
  idempotent_ = idempotent(head.method);
  has_body_ = has_body(head.body);
  asks_websocket_ = asks_websocket(head);
  awaits_continue_ = head.expect_continue && stream_.in().view().size() == head.bytes;
  received_with_head_ = stream_.received();
  leaves_connection_ = may_leave_body_unread(head);
  request_sent_ = answer_begun_ = half_closed_ = refused_ = false;
  attempts_ = interims_ = 0;
  led_by_ = LedBy::split;
  if (in_experiment_.route) in_experiment_ = {};
  set_request_id(&head);
  trace_ = Trace::of(head, [this] { return worker_.random(); });
  open_account(&head);
  const RouteTable::ServiceEntry* service = worker_.table().find(head.host_name);
  if (service == nullptr) {
    const std::string why = "no service has the host \"" + std::string(head.host_name) +
                            "\"; a service answers at NAME.localhost and at the hosts in its marea.dev/hosts";
    return answer(404, why);
  }
  if (!admitted(*service, head)) return true;
  if (ends_here(head)) {
    account_.service = service->name.str();
    return answer_options();
  }
  if (service->steering && service->steering->own_paths && own_path(head) != OwnPath::none) {
    return answer_own_path(*service, head);
  }
  own_cookies_ = {.affinity = service->affine};
  affinity_ = service->affine ? affinity_in(head) : AffinityMarks{};
  const RouteTable::RevisionEntry* revision =
      service->steering ? steer(*service, head) : RouteTable::pick(*service, affinity_.revision, worker_.random());
  if (revision == nullptr) {
    const std::string why = "service " + service->name.str() + " has no revision that can serve" +
                            (service->unready.empty() ? "" : ": ") + service->unready;
    account_.service = service->name.str();
    return answer(503, why);
  }
  revision_ = revision->live;
  account_.counts = &worker_.counts(*revision);
  due_ = worker_.now() + revision->timeout;
  worker_.set_deadline(*this, due_);
  if (!notice_departure()) return false;
  home_ = worker_.claim(*revision, affinity_.instance);
  if (!home_) return enqueue();
  worker_.wake(*home_);
  phase_ = Phase::connecting;
  return true;
}

void Client::granted(std::shared_ptr<Home> home) {
  ticket_ = 0;
  note_wait_over();
  account_.cold = home->instance->served() == 0;
  in_release_.cold = in_release_.cold || home->instance->ready_since() > account_.waits_since;
  home_ = std::move(home);
  worker_.wake(*home_);
  phase_ = Phase::connecting;
  if (!half_closed_) worker_.set_deadline(*this, due_);
  advance();
}

void Client::sockets_came() {
  awaits_socket_ = false;
  advance();
}

void Client::refused(const Refusal& refusal) {
  ticket_ = 0;
  if (answer(refusal.status, refusal.why, refusal.retry_after, refusal.reason)) advance();
}

bool Client::connect() {
  if (!upstream_) {
    // Only a first attempt may take a connection that rested: its failure would say nothing about the app.
    if (attempts_ == 0) {
      upstream_ = worker_.idle_connection(*home_, idempotent_ && !has_body_ ? kAnyRest : kFresh);
    }
    if (!upstream_) {
      auto socket = home_->instance->take_socket();
      if (!socket) {
        if (home_->gone) return connect_refused();
        if (!awaits_socket_) worker_.await_socket(*this, home_->instance);
        awaits_socket_ = true;
        return false;
      }
      if (home_->instance->sockets() == 0) worker_.switchboard().to_main(news::SocketsLow{home_->instance});
      upstream_ = std::make_unique<Upstream>(worker_, home_);
      upstream_->open(std::move(*socket));
      worker_.crowd(*home_);
    }
    if (awaits_socket_) worker_.forget_socket(*this);
    awaits_socket_ = false;
    upstream_->serve(this);
  }
  switch (upstream_->state()) {
    case Upstream::State::connecting: return false;
    case Upstream::State::refused: return connect_refused();
    case Upstream::State::connected: return send_request();
  }
  return false;
}

// Nothing was sent yet, so the request can go elsewhere whatever it is.
bool Client::connect_refused() {
  const std::shared_ptr<Home> home = home_;
  refused_ = refused_ || (upstream_ && !home->gone);
  if (upstream_) {
    if (base::Fd socket = upstream_->take_back()) home->instance->put_socket({std::move(socket), false});
    worker_.bury(std::move(upstream_));
  }
  if (home->instance->make_unready()) worker_.switchboard().to_main(news::ConnectRefused{home->instance});
  home_.reset();
  worker_.release(revision_, home, false);
  if (++attempts_ >= kMostAttempts) {
    in_release_.cause = refused_ ? FailureCause::app : FailureCause::platform;  // else engine took them all away
    return answer(503, "the instances of " + revision_->name().str() + " accept no connection",
                  std::chrono::seconds(1));
  }
  return enqueue();
}

bool Client::send_request() {
  http::RequestHead& head = worker_.request();
  if (worker_.request_owner != this) {
    worker_.request_owner = this;
    if (!http::parse_request(stream_.in().view(), head).value_or(false)) {  // it was complete before
      close();
      return false;
    }
  }
  Buffer& out = upstream_->stream().out();
  http::HeadWriter writer(out.room(head.bytes + kForwardingRoom));
  write_request(writer, head,
                {.address = peer_.address,
                 .ipv6 = peer_.ipv6,
                 .request_id = request_id_,
                 .trace = &trace_,
                 .own_cookies = own_cookies_,
                 .user = in_experiment_.user ? in_experiment_.user->view() : std::string_view()},
                worker_.scratch());
  if (!writer.finish()) return answer(431, "the request's head leaves no room for what a proxy must add");
  out.commit(writer.view().size());
  app_sent_before_ = upstream_->stream().sent();
  up_.start(head.body, head.body.kind == http::BodyKind::chunked ? BodyRelay::Form::chunked : BodyRelay::Form::framed,
            static_cast<std::uint64_t>(worker_.bounds()[Limit::body_bytes]));
  down_.start({}, BodyRelay::Form::framed);
  if (has_body_) {
    stream_.in().consume(head_bytes_);
    head_bytes_ = 0;
    worker_.request_owner = nullptr;
  }
  scanned_ = 0;
  in_release_.given = true;
  phase_ = Phase::relaying;
  return true;
}

bool Client::relay() {
  Stream& app = upstream_->stream();
  if (!request_sent_) {
    switch (pump(stream_, app, up_)) {
      case Flow::blocked: break;
      case Flow::busy: worker_.later(*this); break;
      case Flow::done: request_sent_ = true; break;
      case Flow::source_failed:
        if (up_.broken() && !answer_begun_) {
          keep_alive_ = false;
          if (up_.too_long()) return over(Limit::body_bytes, 413, "the request's body is longer than it may be");
          return answer(400, stream_.ended() ? "the request's body is not complete" : "the chunked body is malformed");
        }
        cut(FailureCause::client, up_.broken() ? "the request's body broke off" : "the caller left");
        return false;
      case Flow::sink_failed:  // it may have answered all the same
        request_sent_ = true;
        keep_alive_ = keep_alive_ && !has_body_;
        break;
    }
  }
  if (!answer_begun_) {
    if (!read_answer_head()) return phase_ != Phase::relaying && phase_ != Phase::closed;
  }
  switch (pump(app, stream_, down_)) {
    case Flow::blocked:
      if (!down_.done() || !request_sent_) return false;
      // The app is done with it, however slowly the caller reads on.
      request_over();
      phase_ = Phase::answering;
      return false;
    case Flow::busy: worker_.later(*this); return false;
    case Flow::done: return finish();
    case Flow::source_failed: cut(FailureCause::app, "the app's answer broke off"); return false;
    case Flow::sink_failed: cut(FailureCause::client, "the caller left"); return false;
  }
  return false;
}

// True: the answer has begun. False: not yet, or the phase has changed.
bool Client::read_answer_head() {
  Stream& app = upstream_->stream();
  for (;;) {
    if (!app.in().empty()) {
      const auto complete = http::parse_response(app.in().view(), head_method_, worker_.response(), scanned_);
      if (!complete) {
        answer(502, "the app's answer is malformed: " + std::string(http::to_string(complete.error())));
        return false;
      }
      if (*complete) {
        scanned_ = 0;
        if (worker_.response().status >= 200) return begin_answer(worker_.response());
        if (worker_.response().status == 101) return open_tunnel(worker_.response());
        if (!pass_interim(worker_.response())) return false;
        continue;
      }
      scanned_ = app.in().size();
    }
    if (app.ended() || app.failed()) {
      app_lost();
      return false;
    }
    if (!app.fill()) return false;
  }
}

// The app's connection ended before an answer. The request is sent again only when no byte of it reached an app: then
// it met the end of a connection that the app was free to close. A body is not kept, so that one cannot be sent again.
bool Client::app_lost() {
  const bool unseen = scanned_ == 0 && upstream_->stream().nothing_arrived_since(app_sent_before_);
  if (unseen && !has_body_ && ++attempts_ < kMostAttempts) {
    worker_.bury(std::move(upstream_));
    request_sent_ = false;
    worker_.request_owner = nullptr;
    phase_ = Phase::connecting;
    return true;
  }
  return answer(502, "the app closed the connection before it answered");
}

void Client::give_back_upstream(bool reusable) {
  const std::shared_ptr<Home> home = std::move(home_);
  home_.reset();
  std::unique_ptr<Upstream> upstream = std::move(upstream_);
  if (upstream) {
    upstream->serve(nullptr);
    Stream& app = upstream->stream();
    const bool clean = app.in().empty() && app.out().empty() && !app.readable() && !app.hung_up() && !app.deaf();
    if (!reusable || !clean) worker_.bury(std::move(upstream));
  }
  if (home && worker_.request_log().on()) account_.instance = home->instance->id().str();
  if (home && phase_ == Phase::tunnel) home->instance->tunnel_closed();
  if (home) worker_.release(revision_, home, phase_ == Phase::relaying || phase_ == Phase::tunnel);
  if (upstream) worker_.keep(std::move(upstream), *home, app_rest_);
}

void Client::request_over() {
  revision_->requests.fetch_add(1, std::memory_order_relaxed);
  if (cause_of_app_answer(account_.status) == FailureCause::app) {
    revision_->failed.fetch_add(1, std::memory_order_relaxed);
  }
  if (assigned_) in_release_.app_done = worker_.now();
  give_back_upstream(request_sent_ && app_rest_ > base::Duration{0});
}

void Client::drop_request() {
  if (ticket_ != 0) {
    worker_.forget(ticket_);
    // When its grant is under way already, the worker finds no such ticket and gives the slot back.
    revision_->cancel({worker_.index(), ticket_});
    ticket_ = 0;
  }
  if (awaits_socket_) worker_.forget_socket(*this);
  awaits_socket_ = false;
  if (home_ || upstream_) give_back_upstream(false);
}

void Client::close() {
  if (phase_ == Phase::closed) return;
  drop_request();
  close_account(false);
  phase_ = Phase::closed;
  if (worker_.request_owner == this) worker_.request_owner = nullptr;
  worker_.clear_deadline(*this);
  stream_.close(*this);
  worker_.bury(*this);
}

// The app has all that came of the request, and more should have.
bool Client::late_body() {
  return phase_ == Phase::relaying && !up_.done() && stream_.in().empty() && upstream_->stream().out().empty() &&
         !(awaits_continue_ && stream_.received() == received_with_head_);
}

void Client::on_deadline() {
  note_late_cause();
  switch (phase_) {
    case Phase::head:
      worker_.bounds().hit(stream_.in().empty() ? Limit::idle_time : Limit::head_time);
      if (stream_.in().empty()) {
        if (stream_.something_came()) {  // in this very turn: it must not be lost
          worker_.set_deadline(*this, worker_.now() + worker_.bounds().limits().time(Limit::head_time));
        } else {
          close();
        }
        return;
      }
      if (refuse_head(408, "the request's head did not arrive in time")) advance();
      return;
    case Phase::waiting: {
      if (!half_closed_ && worker_.now() < due_) worker_.bounds().hit(Limit::queue_time);
      const Refusal refusal = revision_->late();
      if (answer(refusal.status, refusal.why, refusal.retry_after, refusal.reason)) advance();
      return;
    }
    case Phase::connecting:
    case Phase::relaying:
      if (half_closed_ && answer_begun_ && still_reads() && worker_.now() < due_) {
        worker_.set_deadline(*this, due_);
        return;
      }
      if (answer_begun_) {
        // What lies here untaken is not for the app to hurry.
        const bool callers = half_closed_ || !stream_.out().empty();
        cut(callers ? FailureCause::client : FailureCause::app,
            half_closed_ ? "the caller left" : "the answer was not complete within the request's timeout");
      } else if (late_body()) {
        if (answer(408, "the request's body did not arrive within the request's timeout")) advance();
      } else if (answer(504, "the app did not answer within the request's timeout")) {
        advance();
      }
      return;
    case Phase::tunnel:
      worker_.bounds().hit(Limit::tunnel_idle_time);
      cut(FailureCause::client, "nothing came through the tunnel for too long");
      return;
    case Phase::answering:
      if (answer_begun_) {
        cut(FailureCause::client, "the caller did not take the whole answer in time");
        return;
      }
      [[fallthrough]];
    case Phase::lingering: close(); return;
    case Phase::closed: return;
  }
}

}  // namespace marea::router
