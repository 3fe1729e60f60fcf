// Names, sentences and numbers of HTTP: what codec.h declares beside the parsers.
#include <algorithm>
#include <array>

#include "net/http/codec.h"
#include "net/http/field_names.h"
#include "net/http/text.h"

namespace marea::net::http {
namespace {

// RFC 9110 §6.5.1, beside those of FieldName, which frame and route.
constexpr std::array<std::string_view, 27> kNeverTrailing = {"age",
                                                             "authorization",
                                                             "cache-control",
                                                             "content-encoding",
                                                             "content-language",
                                                             "content-location",
                                                             "content-range",
                                                             "content-type",
                                                             "cookie",
                                                             "date",
                                                             "expires",
                                                             "if-match",
                                                             "if-modified-since",
                                                             "if-none-match",
                                                             "if-range",
                                                             "if-unmodified-since",
                                                             "location",
                                                             "max-forwards",
                                                             "pragma",
                                                             "proxy-authenticate",
                                                             "proxy-authorization",
                                                             "range",
                                                             "retry-after",
                                                             "set-cookie",
                                                             "vary",
                                                             "warning",
                                                             "www-authenticate"};

}  // namespace

std::string_view to_string(Violation violation) {
  switch (violation) {
    case Violation::bad_request_line: return "the request line is not \"METHOD TARGET HTTP/1.1\" with single spaces";
    case Violation::bad_status_line: return "the status line is not \"HTTP/1.1 CODE REASON\"";
    case Violation::bad_version: return "the HTTP version is neither 1.0 nor 1.1";
    case Violation::bad_target: return "the request target has a form or a character that is not allowed";
    case Violation::target_too_long: return "the request target is too long";
    case Violation::bad_field_name: return "a field name is not a token, or white space stands before its colon";
    case Violation::bad_field_value: return "a field value has a control character";
    case Violation::obs_fold: return "a field value is folded over several lines";
    case Violation::folded_name:
      return "a field name with '_' or the like stands for another field in apps that read it as '-'";
    case Violation::bare_lf: return "a line ends in LF without CR";
    case Violation::too_many_fields: return "the message has too many fields";
    case Violation::head_too_large: return "the head of the message is too large";
    case Violation::missing_host: return "the Host field is missing";
    case Violation::several_hosts: return "there is more than one Host field";
    case Violation::bad_host: return "the Host field is not a host name with an optional port";
    case Violation::host_against_target: return "the Host field and the request target name different hosts";
    case Violation::several_lengths: return "there is more than one Content-Length";
    case Violation::bad_length: return "Content-Length is not a decimal number";
    case Violation::length_and_transfer_encoding: return "both Content-Length and Transfer-Encoding are given";
    case Violation::bad_transfer_encoding: return "Transfer-Encoding is not exactly \"chunked\"";
    case Violation::unknown_transfer_encoding: return "Transfer-Encoding names a coding other than \"chunked\"";
    case Violation::transfer_encoding_in_http10: return "Transfer-Encoding is given in an HTTP/1.0 message";
    case Violation::bad_chunk: return "the chunked body is malformed";
    case Violation::bad_trailer: return "the trailer section of the chunked body is malformed";
    case Violation::bad_expectation: return "Expect is not exactly \"100-continue\"";
    case Violation::connect_or_trace: return "the methods CONNECT and TRACE are not allowed";
  }
  return "the message is malformed";
}

int status_of(Violation violation) {
  switch (violation) {
    case Violation::bad_version: return 505;
    case Violation::target_too_long: return 414;
    case Violation::too_many_fields:
    case Violation::head_too_large: return 431;
    case Violation::unknown_transfer_encoding: return 501;
    case Violation::connect_or_trace: return 405;
    case Violation::bad_expectation: return 417;
    case Violation::bad_request_line:
    case Violation::bad_status_line:
    case Violation::bad_target:
    case Violation::bad_field_name:
    case Violation::bad_field_value:
    case Violation::obs_fold:
    case Violation::folded_name:
    case Violation::bare_lf:
    case Violation::missing_host:
    case Violation::several_hosts:
    case Violation::bad_host:
    case Violation::host_against_target:
    case Violation::several_lengths:
    case Violation::bad_length:
    case Violation::length_and_transfer_encoding:
    case Violation::bad_transfer_encoding:
    case Violation::transfer_encoding_in_http10:
    case Violation::bad_chunk:
    case Violation::bad_trailer: return 400;
  }
  return 400;
}

bool same_token(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

FieldName field_name(std::string_view name) {
  return text::all(name, text::kToken) ? classify(name) : FieldName::other;
}

bool is_hop_by_hop(std::string_view name) {
  return ends_at_proxy(field_name(name));
}

std::optional<Field> next_trailer(std::string_view& section) {
  const std::size_t colon = section.find(':');
  if (colon == section.npos) return std::nullopt;
  const std::size_t end = section.find("\r\n", colon);
  Field field{.name = section.substr(0, colon), .value = text::trim(section.substr(colon + 1, end - colon - 1))};
  section.remove_prefix(end + 2);
  field.id = classify(field.name);
  field.ends_here =
      field.id != FieldName::other || !text::all(field.name, text::kPlain) ||
      std::ranges::any_of(kNeverTrailing, [&](std::string_view each) { return same_token(each, field.name); });
  return field;
}

bool names_token(std::string_view connection, std::string_view name) {
  bool found = false;
  text::for_each_element(connection, [&](std::string_view token) { found = found || same_token(token, name); });
  return found;
}

std::optional<std::string_view> Head::find(std::string_view name) const {
  for (const Field& field : fields()) {
    if (same_token(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Head::find(FieldName id) const {
  for (const Field& field : fields()) {
    if (field.id == id) return field.value;
  }
  return std::nullopt;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    case 511: return "Network Authentication Required";
    default: return "Unknown";
  }
}

}  // namespace marea::net::http
