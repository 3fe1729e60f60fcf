// Requests and responses of the control API as owned values: what an application of HttpServer reads and gives. The
// data plane does not use these; it works on net/http's views.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http/codec.h"

namespace marea::net {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpPeer {
  std::string address;       // "127.0.0.1:40123", "[::1]:40123", "unix"
  std::optional<uid_t> uid;  // Unix sockets only (SO_PEERCRED)
  std::optional<pid_t> pid;
  bool tls = false;
};

struct HttpRequest {
  std::string method;
  std::string target;                 // as received: "/apis/x%2Fy?a=1"
  std::vector<std::string> segments;  // of the path, percent-decoded UTF-8: {"apis", "x/y"}; empty ones are dropped
  HttpFields query;                   // percent-decoded UTF-8, '+' is a space, in order; "a" has the value ""
  HttpFields fields;                  // as received
  std::string host;
  std::optional<std::uint64_t> content_length;  // absent for chunked bodies and for none
  HttpPeer peer;
  std::string body;  // WholeBody only

  // The first of that name; field names in any case.
  std::optional<std::string_view> field(std::string_view name) const;
  std::optional<std::string_view> parameter(std::string_view name) const;
};

// The request of a parsed head. Nothing when its target cannot be decoded: a bad percent escape, NUL, invalid UTF-8, or
// a segment "." or "..".
std::optional<HttpRequest> make_http_request(const http::RequestHead& head, const HttpPeer& peer);

// The decoded form of one path segment or query word, or nothing as above.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

struct HttpResponse {
  int status = 200;
  HttpFields fields;  // without Content-Length, Transfer-Encoding, Connection and Date, which the server writes
  std::string body;
};

// A Kubernetes Status object that says what is wrong.
HttpResponse status_response(int status, std::string_view message);

// The Date field's value (RFC 9110 §5.6.7).
std::string http_date(std::int64_t unix_seconds);

}  // namespace marea::net
