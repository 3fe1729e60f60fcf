// A connection whose protocol was changed (RFC 9110 §7.8): from the 101 on it carries what both sides like, until both
// have ended or nothing came for long. The request's timeout is over with the 101, which is its answer.
#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "router/client.h"
#include "router/worker.h"

namespace marea::router {

namespace http = net::http;
using model::FailureCause;
using model::Limit;

// Gives false: the phase has changed.
bool Client::open_tunnel(const http::ResponseHead& response) {
  if (!asks_websocket_ || !grants_websocket(response)) {
    answer(502, asks_websocket_ ? "the app switched to another protocol than the one that was asked for"
                                : "the app switched protocols unasked");
    return false;
  }
  http::HeadWriter writer(stream_.out().room(response.bytes + kForwardingRoom));
  write_switch(writer, response, request_id_);
  write_own_cookies(writer, response);
  if (!writer.finish()) {
    answer(502, "the app's answer has too large a head");
    return false;
  }
  stream_.out().commit(writer.view().size());
  upstream_->stream().in().consume(response.bytes);
  stream_.in().consume(head_bytes_);
  head_bytes_ = 0;
  keep_alive_ = false;
  app_rest_ = base::Duration{0};
  answer_begun_ = true;
  account_.status = response.status;
  account_.first_byte = worker_.now();
  if (assigned_) {  // how long it is used says nothing of the arm
    in_release_.app_done = worker_.now();
    settle();
  }
  up_.start({.kind = http::BodyKind::until_close}, BodyRelay::Form::framed);
  down_.start({.kind = http::BodyKind::until_close}, BodyRelay::Form::framed);
  carried_ = 0;
  phase_ = Phase::tunnel;
  home_->instance->tunnel_opened();
  return false;
}

bool Client::tunnel() {
  Stream& app = upstream_->stream();
  const Flow up = carry(stream_, app, up_);
  const Flow down = carry(app, stream_, down_);
  const auto either = [&](Flow flow) { return up == flow || down == flow; };
  if (up == Flow::done && down == Flow::done) {
    request_over();
    return next_request();
  }
  if (either(Flow::source_failed) || either(Flow::sink_failed)) {
    const bool left = up == Flow::source_failed || down == Flow::sink_failed;
    cut(left ? FailureCause::client : FailureCause::app,
        left ? "the caller left the tunnel" : "the app left the tunnel");
    return false;
  }
  if (either(Flow::busy)) worker_.later(*this);
  const std::uint64_t carried = stream_.received() + stream_.sent() + app.received() + app.sent();
  if (carried != carried_) {
    carried_ = carried;
    base::Duration most = worker_.bounds().limits().time(Limit::tunnel_idle_time);
    if (either(Flow::done)) most = std::min(most, kHalfTunnelTime);
    worker_.set_deadline(*this, worker_.now() + most);
  }
  return false;
}

// One direction. The end of what comes is told to the other side, which may still have something to say.
Flow Client::carry(Stream& from, Stream& to, BodyRelay& relay) {
  const bool ended_before = relay.done() && to.out().empty();
  const Flow flow = pump(from, to, relay);
  if (from.in().empty()) from.in().drop();  // a tunnel is silent most of the time
  if (to.out().empty()) to.out().drop();
  if (flow == Flow::done && !ended_before) {
    ::shutdown(to.fd(), SHUT_WR);
    carried_ = 0;  // the time that is left now begins
  }
  return flow;
}

// The answer has begun and will not be complete: the caller must see that, and the record says why.
void Client::cut(FailureCause cause, std::string_view why) {
  account_.why = why;
  in_release_.cause = cause;
  if (home_) revision_->requests.fetch_add(1, std::memory_order_relaxed);  // it was served, to its end or not
  const bool whole = down_.done() && stream_.out().empty();
  const bool of_app = phase_ == Phase::relaying || phase_ == Phase::answering;
  if (answer_begun_ && of_app && !whole && down_.ends_with_connection()) {
    const ::linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(stream_.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  close();
}

}  // namespace marea::router
