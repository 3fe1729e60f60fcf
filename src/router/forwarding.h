// What a proxy changes in a message's head (RFC 9110 §7.6, RFC 7239, and the X-Forwarded-* fields that came before it).
// Pure: parsed values in, text out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/http/codec.h"
#include "net/http/head_writer.h"
#include "router/cookies.h"
#include "router/trace.h"

namespace marea::router {

inline constexpr std::size_t kMostRequestIdBytes = 128;
// What forwarding adds to a head, at most: three hosts, an id, addresses, a trace.
inline constexpr std::size_t kForwardingRoom = 2048;
static_assert(kForwardingRoom > 3 * net::http::kMostHostBytes + kMostRequestIdBytes + 512);

// Whom a request comes from.
struct Visitor {
  std::string_view address;  // "192.0.2.1", "2001:db8::1"
  bool ipv6 = false;
  std::string_view request_id;
  const Trace* trace = nullptr;
  OwnCookies own_cookies;  // that may be among his, and are not for the app
  std::string_view user;   // his token for the app (user_token.h); empty: he has none
};

// The field with the token; what a caller says in it does not go on.
inline constexpr std::string_view kUserField = "Marea-User";

// A request id that a caller sent and that may go into logs and headers as it is: 1 … kMostRequestIdBytes letters,
// digits, '-', '_', '.', ':', '/', '+', '='.
bool usable_request_id(std::string_view id);

// `id` as 32 hexadecimal digits, appended.
void append_hex(std::string& out, std::uint64_t high, std::uint64_t low);

// The request asks for a WebSocket, the one protocol that a connection may change to (RFC 6455 §4.1): GET, without a
// body, exactly one Upgrade field that names nothing else. All others end here, so that nobody reaches an app past the
// router with h2c.
bool asks_websocket(const net::http::RequestHead& request);
// What a proxy before us may take for one.
bool names_websocket(const net::http::RequestHead& request);
// The answer to such a request does change it.
bool grants_websocket(const net::http::ResponseHead& response);

// A body that the method gives no meaning to (RFC 9110 §9.3): an app may answer without having read it, and would then
// take it for the next request of its connection. So there must be none on that connection.
bool may_leave_body_unread(const net::http::RequestHead& request);

// Writes all but the end of the head that an instance gets. `scratch` is only there to be reused.
void write_request(net::http::HeadWriter& out, const net::http::RequestHead& request, const Visitor& visitor,
                   std::string& scratch);

// An OPTIONS that may go no further than here (RFC 9110 §7.6.2).
bool ends_here(const net::http::RequestHead& request);

// What the caller's side needs to know for the answer.
struct Caller {
  bool http10 = false;
  bool keep_alive = true;  // the connection can and will go on after this answer
  bool head = false;       // the method is HEAD
  std::string_view request_id;
};

// How the caller learns where the answer ends; `caller.keep_alive` is lowered where only the connection's end can tell.
net::http::Framing answer_framing(const net::http::ResponseHead& response, Caller& caller);

// The trailer fields of an answer go on where both sides frame it in chunks; those of a request never do, since apps
// are known that take them for fields of its head.
bool passes_trailers(const net::http::ResponseHead& response, const net::http::Framing& framing);

// The field in which an app says what the user of the request did (own_paths.h); no caller gets it.
inline constexpr std::string_view kEventField = "Marea-Event";

// Writes all but the end of the head that the caller gets.
void write_response(net::http::HeadWriter& out, const net::http::ResponseHead& response,
                    const net::http::Framing& framing, const Caller& caller);

// Caches that several people share may store the answer (RFC 9111 §5.2.2): public or s-maxage.
bool for_shared_caches(const net::http::ResponseHead& response);

// The whole head of a 1xx answer but its end; that of a 101 has `Connection` and the id, too.
void write_switch(net::http::HeadWriter& out, const net::http::ResponseHead& response, std::string_view request_id);
void write_interim(net::http::HeadWriter& out, const net::http::ResponseHead& response);

// The head of an answer that no app gave; text/plain.
struct OwnAnswer {
  int status = 0;
  std::size_t length = 0;  // of its body
  base::Duration retry_after{};
  std::string_view allow = {};  // the methods there are (RFC 9110 §10.2.1); empty: it does not say
};
// Any method but those that are not proxied goes to the app.
inline constexpr std::string_view kMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
void write_own_answer(net::http::HeadWriter& out, const OwnAnswer& answer, const Caller& caller);
// The head of a text that router has itself: 200, which caches ask for again each time; 204 where it has no bytes.
void write_own_text(net::http::HeadWriter& out, std::size_t length, std::string_view type, const Caller& caller);

}  // namespace marea::router
