#include "net/http_message.h"

#include <array>
#include <charconv>
#include <ctime>

#include "base/log.h"

namespace marea::net {
namespace {

std::optional<unsigned> hex_pair(std::string_view text) {
  unsigned value = 0;
  if (text.size() < 2) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 2, value, 16);
  if (error != std::errc{} || end != text.data() + 2) return std::nullopt;
  return value;
}

// RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto at = [&](std::size_t index) {
      return index < text.size() ? static_cast<unsigned char>(text[index]) : static_cast<unsigned char>(0);
    };
    const unsigned lead = at(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((at(i + k) & 0xC0U) != 0x80) return false;
    }
    const unsigned second = at(i + 1);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return false;
    if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return false;
    i += length;
  }
  return true;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 400: return "BadRequest";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "NotFound";
    case 405: return "MethodNotAllowed";
    case 408: return "Timeout";
    case 409: return "Conflict";
    case 413: return "RequestEntityTooLarge";
    case 422: return "Invalid";
    case 429: return "TooManyRequests";
    case 500: return "InternalError";
    case 503: return "ServiceUnavailable";
    default: return "";
  }
}

bool decode_path(std::string_view path, std::vector<std::string>& segments) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view raw = path.substr(0, path.find('/'));
    path.remove_prefix(raw.size());
    if (raw.empty()) continue;
    std::optional<std::string> segment = percent_decoded(raw, false);
    if (!segment || *segment == "." || *segment == "..") return false;
    segments.push_back(std::move(*segment));
  }
  return true;
}

bool decode_query(std::string_view query, HttpFields& parameters) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::optional<std::string> name = percent_decoded(pair.substr(0, equals), true);
    std::optional<std::string> value = percent_decoded(pair.substr(std::min(pair.size(), equals + 1)), true);
    if (!name || !value) return false;
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const std::optional<unsigned> value = hex_pair(text.substr(i + 1));
      if (!value || *value == 0) return std::nullopt;
      out += static_cast<char>(*value);
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

std::optional<std::string_view> HttpRequest::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (http::same_token(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> HttpRequest::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<HttpRequest> make_http_request(const http::RequestHead& head, const HttpPeer& peer) {
  HttpRequest request;
  const std::size_t question = std::min(head.target.find('?'), head.target.size());
  if (head.target != "*" && !decode_path(head.target.substr(0, question), request.segments)) return std::nullopt;
  if (question < head.target.size() && !decode_query(head.target.substr(question + 1), request.query)) {
    return std::nullopt;
  }
  request.method = head.method;
  request.target = head.target;
  request.host = head.host;
  request.peer = peer;
  for (const http::Field& field : head.fields()) request.fields.emplace_back(field.name, field.value);
  if (head.body.kind == http::BodyKind::length) request.content_length = head.body.length;
  return request;
}

HttpResponse status_response(int status, std::string_view message) {
  std::string body = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":")";
  base::append_json_escaped(body, message);
  body += R"(","reason":")";
  body += reason_of(status);
  body += R"(","code":)" + std::to_string(status) + "}\n";
  return {.status = status, .fields = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

std::string http_date(std::int64_t unix_seconds) {
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 24> rest{};  // strftime's names would follow the locale
  std::string date(kDays.substr(static_cast<std::size_t>(parts.tm_wday) * 3, 3));
  date.append(rest.data(), std::strftime(rest.data(), rest.size(), ", %d ", &parts));
  date += kMonths.substr(static_cast<std::size_t>(parts.tm_mon) * 3, 3);
  date.append(rest.data(), std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT", &parts));
  return date;
}

}  // namespace marea::net
