#include "net/http/codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/http/head_writer.h"

namespace marea::net::http {
namespace {

struct Refused {
  const char* sentence;
  std::string bytes;
  Violation why;
};

std::string request(const std::string& fields) {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

const std::vector<Refused>& refused_requests() {
  using enum Violation;
  static const std::vector<Refused> rows = {
      {"length and chunked together", request("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
       length_and_transfer_encoding},
      {"chunked and length together", request("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
       length_and_transfer_encoding},
      {"chunked in HTTP 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
       transfer_encoding_in_http10},
      {"an unknown coding", request("Transfer-Encoding: xchunked\r\n"), bad_transfer_encoding},
      {"identity coding", request("Transfer-Encoding: identity\r\n"), bad_transfer_encoding},
      {"an empty coding", request("Transfer-Encoding:\r\n"), bad_transfer_encoding},
      {"a quoted coding", request("Transfer-Encoding: \"chunked\"\r\n"), bad_transfer_encoding},
      {"a vertical tab before chunked",
       request("Transfer-Encoding: \x0b"
               "chunked\r\n"),
       bad_field_value},
      {"chunked twice in a list", request("Transfer-Encoding: chunked, chunked\r\n"), bad_transfer_encoding},
      {"chunked twice in two fields", request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
       bad_transfer_encoding},
      {"chunked that is not last", request("Transfer-Encoding: chunked, gzip\r\n"), bad_transfer_encoding},
      {"a chunked with a trailing comma", request("Transfer-Encoding: chunked,\r\n"), bad_transfer_encoding},
      {"gzip and then chunked", request("Transfer-Encoding: gzip, chunked\r\n"), unknown_transfer_encoding},
      {"white space before the colon of Transfer-Encoding", request("Transfer-Encoding : chunked\r\n"), bad_field_name},
      {"two different lengths", request("Content-Length: 5\r\nContent-Length: 6\r\n"), several_lengths},
      {"two identical lengths", request("Content-Length: 5\r\ncontent-length: 5\r\n"), several_lengths},
      {"a list of lengths", request("Content-Length: 5, 5\r\n"), several_lengths},
      {"a length with a plus", request("Content-Length: +5\r\n"), bad_length},
      {"a length with a minus", request("Content-Length: -5\r\n"), bad_length},
      {"a length with inner white space", request("Content-Length: 1 2\r\n"), bad_length},
      {"a hexadecimal length", request("Content-Length: 0x10\r\n"), bad_length},
      {"an empty length", request("Content-Length: \r\n"), bad_length},
      {"a length that overflows 64 bits", request("Content-Length: 18446744073709551621\r\n"), bad_length},
      {"no host", "GET / HTTP/1.1\r\nAccept: a\r\n\r\n", missing_host},
      {"no host and no field", "GET / HTTP/1.1\r\n\r\n", missing_host},
      {"two hosts", request("Host: b\r\n"), several_hosts},
      {"two hosts in HTTP 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", several_hosts},
      {"an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", bad_host},
      {"a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", bad_host},
      {"a host with user info", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", bad_host},
      {"a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", bad_host},
      {"a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", bad_host},
      {"a host outside ASCII", "GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", bad_host},
      {"a host with a word for a port", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", bad_host},
      {"a host with a port beyond 65535", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", bad_host},
      {"a host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", bad_host},
      {"an unclosed IPv6 host", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", bad_host},
      {"an IPv6 host with a zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", bad_host},
      {"a host longer than any name", "GET / HTTP/1.1\r\nHost: " + std::string(256, 'a') + "\r\n\r\n", bad_host},
      {"a target against the host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", host_against_target},
      {"a target port against the host", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", host_against_target},
      {"an absolute target without Host", "GET http://a/ HTTP/1.1\r\n\r\n", missing_host},
      {"a folded field", request("X: a\r\n b\r\n"), obs_fold},
      {"a field folded with a tab", request("X: a\r\n\tb\r\n"), obs_fold},
      {"a folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", obs_fold},
      {"a bare CR in a value", request("X: a\rb\r\n"), bad_field_value},
      {"a bare CR before a name", request("\rX: a\r\n"), bad_field_name},
      {"a bare CR at the end of a name", request("X\r: a\r\n"), bad_field_name},
      {"two CR before LF", request("X: a\r\r\n"), bad_field_value},
      {"a bare LF after a field", request("X: a\n"), bare_lf},
      {"a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", bare_lf},
      {"a bare LF as the last line", "GET / HTTP/1.1\r\nHost: a\r\n\n", bare_lf},
      {"bare LFs everywhere", "GET / HTTP/1.1\nHost: a\n\n", bare_lf},
      {"a space before the colon", request("X : a\r\n"), bad_field_name},
      {"a tab before the colon", request("X\t: a\r\n"), bad_field_name},
      {"a name with a space", request("X y: a\r\n"), bad_field_name},
      {"an empty name", request(": a\r\n"), bad_field_name},
      {"a line without a colon", request("abc\r\n"), bad_field_name},
      {"a name outside ASCII", request("\xc3\xa4: a\r\n"), bad_field_name},
      {"a NUL in a name", request(std::string("X\0y: a\r\n", 8)), bad_field_name},
      {"a NUL in a value", request(std::string("X: a\0b\r\n", 8)), bad_field_value},
      {"an escape in a value", request("X: \x1b[0m\r\n"), bad_field_value},
      {"a DEL in a value", request("X: a\x7f\r\n"), bad_field_value},
      {"a NUL deep in a long value", request("X: " + std::string(40, 'v') + std::string(1, '\0') + "\r\n"),
       bad_field_value},
      {"a length with an underscore", request("Content_Length: 5\r\n"), folded_name},
      {"a coding with an underscore", request("transfer_encoding: chunked\r\n"), folded_name},
      {"a coding with a dot", request("Transfer.Encoding: chunked\r\n"), folded_name},
      {"a proxy's field with underscores", request("X_Forwarded_For: 192.0.2.1\r\n"), folded_name},
      {"a proxy's field with one underscore", request("X-Forwarded_Proto: https\r\n"), folded_name},
      {"more odd names than are worth comparing",
       request(("A_" + std::string(600, 'a') + ": b\r\n") + ("B_" + std::string(600, 'b') + ": b\r\n")), folded_name},
      {"two names that an app reads alike", request("X-User: a\r\nX_USER: b\r\n"), folded_name},
      {"two names that an app reads alike, the odd one first", request("x+user: a\r\nX-User: b\r\n"), folded_name},
      {"an expectation that is unknown", request("Expect: 200-ok\r\n"), bad_expectation},
      {"an expectation behind a word", request("Expect: y 100-continue\r\n"), bad_expectation},
      {"an expectation in a list", request("Expect: 100-continue, x\r\n"), bad_expectation},
      {"an empty expectation", request("Expect:\r\n"), bad_expectation},
      {"two expectations", request("Expect: 100-continue\r\nExpect: 100-continue\r\n"), bad_expectation},
      {"two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request_line},
      {"two spaces after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", bad_request_line},
      {"a space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", bad_request_line},
      {"a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", bad_request_line},
      {"a tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", bad_request_line},
      {"a tab after the target", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request_line},
      {"two leading empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request_line},
      {"a leading bare LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", bare_lf},
      {"a leading CR without LF", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request_line},
      {"a request of HTTP 0.9", "GET /\r\n\r\n", bad_request_line},
      {"a method with a slash", "G/T / HTTP/1.1\r\nHost: a\r\n\r\n", bad_request_line},
      {"an endless method", std::string(100, 'G'), bad_request_line},
      {"a TLS hello", std::string("\x16\x03\x01\x02\x00\x01", 6), bad_request_line},
      {"a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a control character in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a DEL in the target", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a target outside ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a target outside ASCII, deep", "GET /0123456789abcdef\x80 HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"an authority as target", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a star target of GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a target of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a target with user info", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a target without host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a target with a query and no path", "GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n", bad_target},
      {"a target beyond the limit", "GET /" + std::string(kMostTargetBytes, 'a') + " HTTP/1.1\r\n", target_too_long},
      {"a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", bad_request_line},
      {"a truncated version", "GET / HTTP/1\r\nHost: a\r\n\r\n", bad_request_line},
      {"a version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", bad_request_line},
      {"version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", bad_version},
      {"version 2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", bad_version},
      {"version 0.9 in words", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", bad_version},
      {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", connect_or_trace},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", connect_or_trace},
      {"too many fields",
       [] {
         std::string fields;
         for (std::size_t i = 0; i < kMostFields; ++i) fields += "X: y\r\n";
         return request(fields);
       }(),
       too_many_fields},
      {"too large a head", request("X: " + std::string(kMostHeadBytes, 'v') + "\r\n"), head_too_large},
      {"an endless Connection field", request("Connection: " + std::string(kMostConnectionBytes + 1, ',') + "\r\n"),
       bad_field_value},
  };
  return rows;
}

// The outcome when the bytes arrive one at a time, as a connection calls the parser.
std::expected<bool, Violation> parse_slowly(const std::string& bytes, RequestHead& head) {
  std::expected<bool, Violation> result = false;
  for (std::size_t size = 1; size <= bytes.size() && result && !*result; ++size) {
    result = parse_request(std::string_view(bytes).substr(0, size), head, size - 1);
  }
  return result;
}

TEST(RequestHead, RefusesEveryMessageThatTwoReadersCouldUnderstandDifferently) {
  for (const Refused& row : refused_requests()) {
    SCOPED_TRACE(row.sentence);
    RequestHead head;
    const auto result = parse_request(row.bytes, head);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(to_string(result.error()), to_string(row.why));
  }
}

TEST(RequestHead, RefusesTheSameWayHoweverTheBytesAreSplit) {
  for (const Refused& row : refused_requests()) {
    if (row.bytes.find("\r\n\r\n") == std::string::npos && row.bytes.find('\n') != std::string::npos) continue;
    SCOPED_TRACE(row.sentence);
    RequestHead head;
    // An unfinished head may wait for its end before it is refused.
    const auto result = parse_slowly(row.bytes + "\r\n\r\n", head);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(to_string(result.error()), to_string(row.why));
  }
}

TEST(RequestHead, EveryViolationHasAWayToReachIt) {
  std::vector<bool> reached(kViolations);
  for (const Refused& row : refused_requests()) reached.at(static_cast<std::size_t>(row.why)) = true;
  for (const Violation elsewhere : {Violation::bad_status_line, Violation::bad_chunk, Violation::bad_trailer}) {
    reached.at(static_cast<std::size_t>(elsewhere)) = true;
  }
  for (std::size_t i = 0; i < kViolations; ++i) EXPECT_TRUE(reached[i]) << to_string(static_cast<Violation>(i));
}

TEST(RequestHead, AnswersMalformedMessagesWith400AndLimitsWithTheirOwnStatus) {
  EXPECT_EQ(status_of(Violation::bare_lf), 400);
  EXPECT_EQ(status_of(Violation::bad_transfer_encoding), 400);
  EXPECT_EQ(status_of(Violation::unknown_transfer_encoding), 501);
  EXPECT_EQ(status_of(Violation::connect_or_trace), 405);
  EXPECT_EQ(status_of(Violation::target_too_long), 414);
  EXPECT_EQ(status_of(Violation::head_too_large), 431);
  EXPECT_EQ(status_of(Violation::bad_version), 505);
  EXPECT_EQ(status_of(Violation::bad_expectation), 417);
}

RequestHead accepted(std::string_view bytes) {
  RequestHead head;
  const auto result = parse_request(bytes, head);
  EXPECT_TRUE(result.has_value()) << bytes << ": " << (result ? "" : to_string(result.error()));
  EXPECT_TRUE(result && *result) << bytes;
  return head;
}

TEST(RequestHead, GivesTheValuesOfAnOrdinaryRequest) {
  const std::string bytes =
      "PUT /a/b?c=d%20e HTTP/1.1\r\nHost: shop.example:8080\r\nX-Empty:\r\nX-Tabs: \t a\tb \t\r\ncontent-length: 12\r\n"
      "Expect: 100-Continue\r\n\r\nrest";
  const RequestHead head = accepted(bytes);
  EXPECT_EQ(head.method, "PUT");
  EXPECT_EQ(head.target, "/a/b?c=d%20e");
  EXPECT_EQ(head.host, "shop.example:8080");
  EXPECT_EQ(head.host_name, "shop.example");
  EXPECT_EQ(head.version, Version::http11);
  EXPECT_EQ(head.body.kind, BodyKind::length);
  EXPECT_EQ(head.body.length, 12U);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.expect_continue);
  EXPECT_EQ(head.bytes, bytes.size() - 4);
  EXPECT_EQ(head.find("x-empty"), "");
  EXPECT_EQ(head.find("X-TABS"), "a\tb");
  EXPECT_EQ(head.find("Absent"), std::nullopt);
  EXPECT_EQ(head.find(FieldName::expect), "100-Continue");
}

TEST(RequestHead, KeepsTheConnectionAsVersionAndConnectionFieldsSay) {
  EXPECT_TRUE(accepted("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(accepted("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(
      accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: x , Close\r\n\r\n").keep_alive);
}

TEST(RequestHead, UpgradesOnlyWhenBothFieldsSaySo) {
  EXPECT_TRUE(
      accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n").upgrade);
  EXPECT_FALSE(accepted("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").upgrade);
  EXPECT_FALSE(accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n").upgrade);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").upgrade);
}

TEST(RequestHead, MarksWhatEndsAtAProxyAndKeepsWhatMustNotBeDropped) {
  const RequestHead head = accepted(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Secret: 1\r\nConnection: x-secret, content-length, Host\r\nContent-Length: 3\r\n"
      "TE: trailers\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nX-Kept: 1\r\n\r\n");
  std::string kept;
  for (const Field& field : head.fields()) {
    if (!field.ends_here) kept += std::string(field.name) + " ";
  }
  EXPECT_EQ(kept, "Host Content-Length X-Kept ");
}

TEST(RequestHead, PassesNamesWithUnderscoresThatStandForNothingElse) {
  const RequestHead head = accepted("GET / HTTP/1.1\r\nHost: a\r\naccess_token: 1\r\nX_User: 2\r\nx_user: 3\r\n\r\n");
  EXPECT_EQ(head.field_count, 4U);
  EXPECT_EQ(head.find("X_USER"), "2");
}

TEST(RequestHead, EndsWhatWouldMisleadAnAppAtTheProxy) {
  const RequestHead head =
      accepted("GET / HTTP/1.1\r\nHost: a\r\nProxy: http://evil\r\nHTTP2-Settings: AAMAAABk\r\nUpgrade: h2c\r\n\r\n");
  for (const Field& field : head.fields()) EXPECT_EQ(field.ends_here, field.id != FieldName::host) << field.name;
}

TEST(RequestHead, ExpectsNothingWithoutABodyOrInHttp10) {
  EXPECT_FALSE(accepted("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expect_continue);
  EXPECT_FALSE(
      accepted("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n").expect_continue);
  EXPECT_FALSE(accepted("PUT / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n").expect_continue);
  EXPECT_TRUE(accepted(request("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n")).expect_continue);
}

TEST(RequestHead, StripsAbsoluteTargetsToWhatIsForwarded) {
  EXPECT_EQ(accepted("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n").target, "/b?c");
  EXPECT_EQ(accepted("GET HTTP://A:80/b HTTP/1.1\r\nHost: a\r\n\r\n").host_name, "A");
  EXPECT_EQ(accepted("GET https://a:443/b HTTP/1.1\r\nHost: a\r\n\r\n").host, "a:443");
  EXPECT_EQ(accepted("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").target, "/");
  EXPECT_EQ(accepted("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n").target, "*");
  EXPECT_EQ(accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").target, "*");
  EXPECT_EQ(accepted("GET http://a/x HTTP/1.0\r\n\r\n").host, "a");
}

TEST(RequestHead, ReadsHostsOfEveryForm) {
  EXPECT_EQ(accepted("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n").host_name, "2001:db8::1");
  EXPECT_EQ(accepted("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n").host_name, "127.0.0.1");
  EXPECT_EQ(accepted("GET / HTTP/1.1\r\nHost: a_b-c.localhost.:\r\n\r\n").host_name, "a_b-c.localhost.");
  EXPECT_EQ(accepted("GET / HTTP/1.0\r\n\r\n").host, "");
}

TEST(RequestHead, ToleratesOneEmptyLineBeforeTheRequest) {
  const RequestHead head = accepted("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.bytes, 29U);
}

TEST(RequestHead, AcceptsExactlyTheMostFields) {
  std::string fields;
  for (std::size_t i = 1; i < kMostFields; ++i) fields += "X: y\r\n";
  EXPECT_EQ(accepted(request(fields)).field_count, kMostFields);
}

TEST(RequestHead, NeedsMoreForEveryPrefixAndIsTheSameByteByByte) {
  const std::string bytes =
      "\r\nGET http://name.example/0123456789abcdef0123456789?q HTTP/1.1\r\nHost: name.example\r\n"
      "X-Long: 0123456789abcdef 0123456789abcdef\t0123456789abcdef\r\nTransfer-Encoding: Chunked\r\n\r\n";
  RequestHead whole;
  ASSERT_EQ(parse_request(bytes, whole), true);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    RequestHead head;
    const std::string prefix = bytes.substr(0, size);
    ASSERT_EQ(parse_request(prefix, head), false) << prefix;
  }
  RequestHead slow;
  ASSERT_EQ(parse_slowly(bytes, slow), true);
  EXPECT_EQ(slow.bytes, whole.bytes);
  EXPECT_EQ(slow.target, whole.target);
  EXPECT_EQ(slow.field_count, whole.field_count);
  EXPECT_EQ(slow.body.kind, BodyKind::chunked);
}

TEST(RequestHead, ForgetsTheMessageBefore) {
  RequestHead head;
  ASSERT_EQ(parse_request(request("Content-Length: 7\r\nConnection: close\r\nExpect: 100-continue\r\n"), head), true);
  ASSERT_EQ(parse_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", head), true);
  EXPECT_EQ(head.body.kind, BodyKind::none);
  EXPECT_FALSE(head.body.length_given);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expect_continue);
  EXPECT_EQ(head.field_count, 1U);
}

struct Answer {
  const char* sentence;
  std::string bytes;
  bool to_head;
  BodyKind kind;
  bool keep_alive;
};

TEST(ResponseHead, FramesBodiesAsTheStandardSays) {
  const std::vector<Answer> rows = {
      {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, BodyKind::length, true},
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, BodyKind::chunked, true},
      {"neither", "HTTP/1.1 200 OK\r\n\r\n", false, BodyKind::until_close, false},
      {"HEAD with a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, BodyKind::none, true},
      {"HEAD without", "HTTP/1.1 200 OK\r\n\r\n", true, BodyKind::none, true},
      {"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, BodyKind::none, true},
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", false, BodyKind::none, true},
      {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", false, BodyKind::none, true},
      {"100", "HTTP/1.1 100 Continue\r\n\r\n", false, BodyKind::none, true},
      {"101", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false, BodyKind::none,
       true},
      {"1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, BodyKind::length, false},
      {"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, BodyKind::length, true},
      {"an empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", false, BodyKind::length, true},
  };
  for (const Answer& row : rows) {
    SCOPED_TRACE(row.sentence);
    ResponseHead head;
    ASSERT_EQ(parse_response(row.bytes, row.to_head, head), true);
    EXPECT_EQ(head.body.kind, row.kind);
    EXPECT_EQ(head.keep_alive, row.keep_alive);
    EXPECT_EQ(head.bytes, row.bytes.size());
  }
}

TEST(ResponseHead, RefusesWhatCouldBeFramedInTwoWays) {
  using enum Violation;
  const std::vector<Refused> rows = {
      {"length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
       length_and_transfer_encoding},
      {"chunked in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", transfer_encoding_in_http10},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", several_lengths},
      {"gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", bad_transfer_encoding},
      {"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", bad_status_line},
      {"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", bad_status_line},
      {"a status below 100", "HTTP/1.1 099 OK\r\n\r\n", bad_status_line},
      {"another protocol", "ICY 200 OK\r\n\r\n", bad_status_line},
      {"version 2", "HTTP/2.0 200 OK\r\n\r\n", bad_version},
      {"a bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", bad_status_line},
      {"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", bare_lf},
      {"a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", obs_fold},
      {"a NUL in a value", std::string("HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", 24), bad_field_value},
  };
  for (const Refused& row : rows) {
    SCOPED_TRACE(row.sentence);
    ResponseHead head;
    const auto result = parse_response(row.bytes, false, head);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(to_string(result.error()), to_string(row.why));
  }
}

TEST(ResponseHead, KeepsTheLengthOfABodyThatIsNotSent) {
  ResponseHead head;
  ASSERT_EQ(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", true, head), true);
  EXPECT_TRUE(head.body.length_given);
  EXPECT_EQ(head.body.length, 77U);
}

TEST(ResponseHead, ForgetsALengthWhereNoneIsAllowed) {
  ResponseHead head;
  ASSERT_EQ(parse_response("HTTP/1.1 204 No Content\r\nContent-Length: 77\r\n\r\n", false, head), true);
  EXPECT_FALSE(head.body.length_given);
  EXPECT_EQ(head.body.length, 0U);
}

TEST(Words, HopByHopFieldsAndConnectionTokensAreKnownInAnyCase) {
  EXPECT_TRUE(is_hop_by_hop("TRANSFER-encoding"));
  EXPECT_TRUE(is_hop_by_hop("te"));
  EXPECT_FALSE(is_hop_by_hop("Content-Length"));
  EXPECT_FALSE(is_hop_by_hop("ta"));
  EXPECT_TRUE(names_token("close , X-Y", "x-y"));
  EXPECT_FALSE(names_token("close, X-Y", "X"));
  EXPECT_EQ(field_name("X-Forwarded-PROTO"), FieldName::x_forwarded_proto);
  EXPECT_EQ(field_name("keep\ralive"), FieldName::other);
}

}  // namespace
}  // namespace marea::net::http
