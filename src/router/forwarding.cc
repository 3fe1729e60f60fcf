#include "router/forwarding.h"

#include <algorithm>
#include <charconv>

namespace marea::router {
namespace {

using net::http::BodyKind;
using net::http::Field;
using net::http::FieldName;
using net::http::Framing;

// Every quoted string of it ends (RFC 9110 §5.6.4): what is appended to it cannot become part of it.
bool quotes_end(std::string_view value) {
  bool quoted = false;
  for (std::size_t at = 0; at < value.size(); ++at) {
    if (value[at] == '"') quoted = !quoted;
    if (quoted && value[at] == '\\') ++at;
  }
  return !quoted;
}

// The values of all fields of that name as one list, with a comma after it when it is not empty.
void append_list(std::string& out, const net::http::Head& head, FieldName id) {
  for (const Field& field : head.fields()) {
    if (field.id != id || field.value.empty() || !quotes_end(field.value)) continue;
    out += field.value;
    out += ", ";
  }
}

bool names_websocket_alone(const net::http::Head& head) {
  const auto names = [](const Field& field) { return field.id == FieldName::upgrade; };
  return std::ranges::count_if(head.fields(), names) == 1 &&
         net::http::same_token(*head.find(FieldName::upgrade), "websocket");
}

// One less (RFC 9110 §7.6.2). What is no number means nothing to anybody and stays; what is larger than we count
// becomes the largest that we do.
void write_max_forwards(net::http::HeadWriter& out, const Field& field) {
  constexpr std::uint64_t kMost = 1'000'000'000;
  if (field.value.empty() || field.value.find_first_not_of("0123456789") != std::string_view::npos) {
    out.forward(field);
    return;
  }
  std::uint64_t hops = kMost;
  std::from_chars(field.value.data(), field.value.data() + field.value.size(), hops);
  out.field("Max-Forwards", std::min(hops, kMost) - (hops > 0 ? 1 : 0));
}

void write_connection(net::http::HeadWriter& out, const Caller& caller) {
  out.field("X-Request-Id", caller.request_id);
  if (!caller.keep_alive) {
    out.lines("Connection: close\r\n");
  } else if (caller.http10) {
    out.lines("Connection: keep-alive\r\n");
  }
}

}  // namespace

bool names_websocket(const net::http::RequestHead& request) {
  return request.upgrade && std::ranges::any_of(request.fields(), [](const Field& field) {
           return field.id == FieldName::upgrade && net::http::names_token(field.value, "websocket");
         });
}

bool asks_websocket(const net::http::RequestHead& request) {
  return request.upgrade && request.method == "GET" && !has_body(request.body) && names_websocket_alone(request);
}

bool grants_websocket(const net::http::ResponseHead& response) {
  return response.status == 101 && response.upgrade && names_websocket_alone(response);
}

bool may_leave_body_unread(const net::http::RequestHead& request) {
  const std::string_view method = request.method;
  return has_body(request.body) && (method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS");
}

bool usable_request_id(std::string_view id) {
  constexpr std::string_view kMarks = "-_.:/+=";
  return !id.empty() && id.size() <= kMostRequestIdBytes && std::all_of(id.begin(), id.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

void append_hex(std::string& out, std::uint64_t high, std::uint64_t low) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::uint64_t half : {high, low}) {
    for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[(half >> static_cast<unsigned>(shift)) & 15U];
  }
}

bool ends_here(const net::http::RequestHead& request) {
  if (request.method != "OPTIONS") return false;
  const auto hops = request.find("max-forwards");
  return hops && !hops->empty() && hops->find_first_not_of('0') == std::string_view::npos;
}

void write_request(net::http::HeadWriter& out, const net::http::RequestHead& request, const Visitor& visitor,
                   std::string& scratch) {
  out.request_line(request.method, request.target);
  out.field("Host", request.host);
  bool forwarded_before = false;
  const bool options = request.method == "OPTIONS";
  for (const Field& field : request.fields()) {
    switch (field.id) {
      case FieldName::host:
      case FieldName::content_length:
      case FieldName::x_request_id:
      case FieldName::x_forwarded_host:
      case FieldName::x_forwarded_proto:
      case FieldName::traceparent:
      case FieldName::trailer: continue;
      case FieldName::expect:
        if (!request.expect_continue) continue;
        break;
      case FieldName::tracestate:
        if (!visitor.trace->keeps_state()) continue;
        break;
      case FieldName::forwarded:
      case FieldName::x_forwarded_for: forwarded_before = true; continue;
      default: break;
    }
    if (field.ends_here) continue;
    if (visitor.own_cookies.any() && net::http::same_token(field.name, "cookie")) {
      forward_cookies(out, field, visitor.own_cookies, scratch);
    } else if (field.id == FieldName::other && net::http::same_token(field.name, kUserField)) {
      continue;
    } else if (options && net::http::same_token(field.name, "max-forwards")) {
      write_max_forwards(out, field);
    } else {
      out.forward(field);
    }
  }
  out.framing(request.body);
  if (asks_websocket(request)) {
    out.lines("Connection: upgrade\r\nUpgrade: websocket\r\n");
  } else if (may_leave_body_unread(request)) {
    out.lines("Connection: close\r\n");
  }
  const std::string_view open = visitor.ipv6 ? "\"[" : "";
  const std::string_view close = visitor.ipv6 ? "]\"" : "";
  scratch.clear();
  if (forwarded_before) append_list(scratch, request, FieldName::forwarded);
  out.field("Forwarded", {scratch, "for=", open, visitor.address, close, ";host=\"", request.host, "\";proto=http"});
  scratch.clear();
  if (forwarded_before) append_list(scratch, request, FieldName::x_forwarded_for);
  out.field("X-Forwarded-For", {scratch, visitor.address});
  out.field("X-Forwarded-Host", request.host);
  out.lines("X-Forwarded-Proto: http\r\n");
  out.field("X-Request-Id", visitor.request_id);
  if (!visitor.user.empty()) out.field(kUserField, visitor.user);
  out.field("traceparent", visitor.trace->parent());
}

bool passes_trailers(const net::http::ResponseHead& response, const Framing& framing) {
  return response.body.kind == BodyKind::chunked && framing.kind == BodyKind::chunked;
}

Framing answer_framing(const net::http::ResponseHead& response, Caller& caller) {
  Framing framing = response.body;
  const bool endless = framing.kind == BodyKind::chunked || framing.kind == BodyKind::until_close;
  if (!endless) return framing;
  if (caller.http10) {
    caller.keep_alive = false;
    framing.kind = BodyKind::until_close;
  } else {
    framing.kind = BodyKind::chunked;
  }
  return framing;
}

void write_response(net::http::HeadWriter& out, const net::http::ResponseHead& response, const Framing& framing,
                    const Caller& caller) {
  out.status_line(response.status, response.reason);
  for (const Field& field : response.fields()) {
    if (field.ends_here || field.id == FieldName::content_length || field.id == FieldName::x_request_id) continue;
    if (field.id == FieldName::trailer && !passes_trailers(response, framing)) continue;
    if (field.id == FieldName::other && net::http::same_token(field.name, kEventField)) continue;
    out.forward(field);
  }
  out.framing(framing);
  write_connection(out, caller);
}

bool for_shared_caches(const net::http::ResponseHead& response) {
  return std::ranges::any_of(response.fields(), [](const Field& field) {
    if (!net::http::same_token(field.name, "cache-control")) return false;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const std::string_view part = rest.substr(0, end);
      const std::string_view name = without_spaces(part.substr(0, part.find('=')));
      if (net::http::same_token(name, "public") || net::http::same_token(name, "s-maxage")) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
  });
}

void write_interim(net::http::HeadWriter& out, const net::http::ResponseHead& response) {
  out.status_line(response.status, response.reason);
  for (const Field& field : response.fields()) {
    if (field.ends_here || field.id == FieldName::content_length || field.id == FieldName::x_request_id) continue;
    if (field.id == FieldName::other && net::http::same_token(field.name, kEventField)) continue;
    out.forward(field);
  }
}

void write_switch(net::http::HeadWriter& out, const net::http::ResponseHead& response, std::string_view request_id) {
  write_interim(out, response);
  out.lines("Connection: upgrade\r\nUpgrade: websocket\r\n");
  out.field("X-Request-Id", request_id);
}

void write_own_answer(net::http::HeadWriter& out, const OwnAnswer& answer, const Caller& caller) {
  out.status_line(answer.status);
  out.lines("Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n");
  out.field("Content-Length", answer.length);
  if (!answer.allow.empty()) out.field("Allow", answer.allow);  // RFC 9110 §15.5.6 and §9.3.7
  if (answer.retry_after > base::Duration{0}) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(answer.retry_after);
    out.field("Retry-After", static_cast<std::uint64_t>(seconds.count()));
  }
  write_connection(out, caller);
}

void write_own_text(net::http::HeadWriter& out, std::size_t length, std::string_view type, const Caller& caller) {
  out.status_line(length == 0 ? 204 : 200);
  if (length > 0) {
    out.field("Content-Type", type);
    out.lines("Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n");
    out.field("Content-Length", length);
  }
  write_connection(out, caller);
}

}  // namespace marea::router
