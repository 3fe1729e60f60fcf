#include "net/http/codec.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "net/http/field_names.h"
#include "net/http/text.h"

namespace marea::net::http {
namespace {

enum class Step : std::uint8_t { ok, more, refused };

struct Cursor {
  const char* p;
  const char* end;
  Violation why = Violation::bad_request_line;

  Step refuse(Violation violation) {
    why = violation;
    return Step::refused;
  }
  // Expects CR LF at p. `otherwise` is reported for any other character.
  Step line_end(Violation otherwise) {
    if (p == end) return Step::more;
    if (*p != '\r') return refuse(*p == '\n' ? Violation::bare_lf : otherwise);
    if (p + 1 == end) return Step::more;
    if (p[1] != '\n') return refuse(otherwise);
    p += 2;
    return Step::ok;
  }
};

struct Authority {
  std::string_view name;
  int port = -1;  // -1: none given
};

// What the fields say about framing and the connection.
struct Facts {
  unsigned hosts = 0;
  std::size_t connection_bytes = 0;
  bool has_length = false;
  bool chunked = false;
  bool close = false;
  bool keep_alive = false;
  bool upgrade_token = false;
  bool upgrade_field = false;
  bool names_others = false;  // Connection names fields beyond the well-known ones
  bool odd_names = false;     // a name has something beside letters, digits and '-'
  unsigned expectations = 0;
  bool expect_continue = false;
  std::uint64_t length = 0;
  std::string_view host;
  std::string_view target_authority;  // of an absolute-form target
  int target_port = 0;                // the default port of its scheme
};

std::optional<Authority> parse_authority(std::string_view text) {
  Authority result;
  std::size_t end = 0;
  if (!text.empty() && text.front() == '[') {
    end = text.find(']');
    if (end == text.npos) return std::nullopt;
    result.name = text.substr(1, end - 1);
    ++end;
    if (result.name.find(':') == result.name.npos) return std::nullopt;
    for (const char c : result.name) {
      if (!text::is(c, text::kHex) && c != ':' && c != '.') return std::nullopt;
    }
  } else {
    end = static_cast<std::size_t>(text::skip(text.data(), text.data() + text.size(), text::kHost) - text.data());
    result.name = text.substr(0, end);
  }
  if (result.name.empty() || result.name.size() > kMostHostBytes) return std::nullopt;
  if (end == text.size()) return result;
  const std::string_view port = text.substr(end);
  if (port.front() != ':' || port.size() > 6 || !text::all(port.substr(1), text::kDigit)) return std::nullopt;
  if (port.size() == 1) return result;  // RFC 3986 §3.2.3: an empty port is no port
  std::from_chars(port.data() + 1, port.data() + port.size(), result.port);
  if (result.port > 65535) return std::nullopt;
  return result;
}

Step note_length(Cursor& c, std::string_view value, Facts& facts) {
  if (facts.has_length || value.find(',') != value.npos) return c.refuse(Violation::several_lengths);
  facts.has_length = true;
  // 18 digits are far beyond any body and cannot overflow.
  if (value.empty() || value.size() > 18 || !text::all(value, text::kDigit)) return c.refuse(Violation::bad_length);
  std::from_chars(value.data(), value.data() + value.size(), facts.length);
  return Step::ok;
}

Step note_transfer_encoding(Cursor& c, std::string_view value, Facts& facts) {
  if (facts.chunked) return c.refuse(Violation::bad_transfer_encoding);
  facts.chunked = true;
  if (value.size() == 7 && same_token(value, "chunked")) return Step::ok;
  // RFC 9112 §6.1, §6.3: a list that ends in its only "chunked" is sound, we just do not know the other codings.
  bool tokens = true;
  unsigned elements = 0;
  unsigned chunked = 0;
  bool last_chunked = false;
  text::for_each_element(value, [&](std::string_view coding) {
    ++elements;
    tokens = tokens && text::all(coding, text::kToken);
    last_chunked = same_token(coding, "chunked");
    chunked += last_chunked ? 1U : 0U;
  });
  const bool sound = tokens && elements > 1 && chunked == 1 && last_chunked;
  return c.refuse(sound ? Violation::unknown_transfer_encoding : Violation::bad_transfer_encoding);
}

Step note_connection(Cursor& c, std::string_view value, Facts& facts) {
  facts.connection_bytes += value.size();
  if (facts.connection_bytes > kMostConnectionBytes) return c.refuse(Violation::bad_field_value);
  if (value.size() == 10 && reads(value.data(), "keep-alive")) {
    facts.keep_alive = true;
    return Step::ok;
  }
  text::for_each_element(value, [&](std::string_view token) {
    if (same_token(token, "close")) {
      facts.close = true;
    } else if (same_token(token, "keep-alive")) {
      facts.keep_alive = true;
    } else if (same_token(token, "upgrade")) {
      facts.upgrade_token = true;
    } else {
      facts.names_others = true;
    }
  });
  return Step::ok;
}

// Called for fields with an id of their own.
Step note(Cursor& c, Field& field, Facts& facts) {
  field.ends_here = ends_at_proxy(field.id);
  switch (field.id) {
    case FieldName::host:
      facts.host = field.value;
      return ++facts.hosts > 1 ? c.refuse(Violation::several_hosts) : Step::ok;
    case FieldName::content_length: return note_length(c, field.value, facts);
    case FieldName::transfer_encoding: return note_transfer_encoding(c, field.value, facts);
    case FieldName::connection: return note_connection(c, field.value, facts);
    case FieldName::upgrade: facts.upgrade_field = true; return Step::ok;
    case FieldName::expect:
      ++facts.expectations;
      facts.expect_continue = same_token(field.value, "100-continue");
      return Step::ok;
    case FieldName::other:
    case FieldName::te:
    case FieldName::keep_alive:
    case FieldName::proxy_connection:
    case FieldName::proxy:
    case FieldName::http2_settings:
    case FieldName::trailer:
    case FieldName::traceparent:
    case FieldName::tracestate:
    case FieldName::forwarded:
    case FieldName::x_forwarded_for:
    case FieldName::x_forwarded_host:
    case FieldName::x_forwarded_proto:
    case FieldName::x_request_id: return Step::ok;
  }
  return Step::ok;
}

// A line that does not begin with a name and a colon: the end of the head, or a fault.
Step not_a_field(Cursor& c, const char* start) {
  if (c.p != start) return c.refuse(Violation::bad_field_name);
  switch (*c.p) {
    case '\r': return c.line_end(Violation::bad_field_name);
    case '\n': return c.refuse(Violation::bare_lf);
    case ' ':
    case '\t': return c.refuse(Violation::obs_fold);
    default: return c.refuse(Violation::bad_field_name);
  }
}

// Reads the fields and the empty line after them.
Step parse_fields(Cursor& c, Head& head, Facts& facts) {
  Field* const fields = head.storage.at.data();
  std::size_t count = 0;
  for (;;) {
    const char* const name = c.p;
    c.p = text::skip(c.p, c.end, text::kPlain);
    if (c.p != c.end && text::is(*c.p, text::kToken)) {
      facts.odd_names = true;
      c.p = text::skip(c.p, c.end, text::kToken);
    }
    if (c.p == c.end) return Step::more;
    if (*c.p != ':' || c.p == name) {
      head.field_count = count;
      return not_a_field(c, name);
    }
    if (count == kMostFields) return c.refuse(Violation::too_many_fields);
    const char* const name_end = c.p++;
    while (c.p != c.end && text::is_blank(*c.p)) ++c.p;
    const char* const value = c.p;
    c.p = text::skip_text(c.p, c.end);
    const char* value_end = c.p;
    if (const Step step = c.line_end(Violation::bad_field_value); step != Step::ok) return step;
    while (value_end != value && text::is_blank(value_end[-1])) --value_end;

    Field& field = fields[count++];
    field.name = {name, static_cast<std::size_t>(name_end - name)};
    field.value = {value, static_cast<std::size_t>(value_end - value)};
    field.id = classify(field.name);
    field.ends_here = false;
    if (field.id == FieldName::other) continue;
    if (const Step step = note(c, field, facts); step != Step::ok) return step;
  }
}

void mark_named_by_connection(Head& head) {
  const std::span<Field> fields(head.storage.at.data(), head.field_count);
  for (const Field& connection : fields) {
    if (connection.id != FieldName::connection) continue;
    for (Field& field : fields) {
      if (field.ends_here || field.id == FieldName::host || field.id == FieldName::content_length) continue;
      field.ends_here = names_token(connection.value, field.name);
    }
  }
}

// CGI and what is modelled on it (WSGI, Rack, PHP) read a name in capitals with '_' for '-', some of them with '_' for
// whatever is no letter or digit (RFC 3875 §4.1.18): what one of them reads must be what all others read.
char as_apps_read(char c) {
  return text::is(c, text::kPlain) ? static_cast<char>(c | 0x20) : '-';
}

bool apps_read_the_same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, as_apps_read, as_apps_read);
}

bool stands_for_another(const Field& odd, std::span<const Field> fields) {
  std::array<char, 32> plain;
  if (odd.name.size() <= plain.size()) {
    std::ranges::transform(odd.name, plain.begin(), as_apps_read);
    if (classify({plain.data(), odd.name.size()}) != FieldName::other) return true;
  }
  return std::ranges::any_of(fields, [&](const Field& other) {
    return !same_token(other.name, odd.name) && apps_read_the_same(other.name, odd.name);
  });
}

bool has_folded_names(const Head& head) {
  constexpr std::size_t kMostOddBytes = 1024;  // each is compared with each field
  std::size_t odd = 0;
  return std::ranges::any_of(head.fields(), [&](const Field& field) {
    if (text::all(field.name, text::kPlain)) return false;
    odd += field.name.size();
    return odd > kMostOddBytes || stands_for_another(field, head.fields());
  });
}

Step finish(Cursor& c, Head& head, const Facts& facts) {
  const bool http11 = head.version == Version::http11;
  if (facts.chunked && !http11) return c.refuse(Violation::transfer_encoding_in_http10);
  if (facts.chunked && facts.has_length) return c.refuse(Violation::length_and_transfer_encoding);
  head.keep_alive = !facts.close && (http11 || facts.keep_alive);
  head.upgrade = http11 && facts.upgrade_token && facts.upgrade_field;
  head.body = {.kind = facts.chunked      ? BodyKind::chunked
                       : facts.has_length ? BodyKind::length
                                          : BodyKind::none,
               .length = facts.length,
               .length_given = facts.has_length};
  if (facts.names_others) mark_named_by_connection(head);
  return Step::ok;
}

// Whether a full parse can come to an end now: the end of the head, a bare LF or the size limit is in sight. This is
// all that is done while a head trickles in.
bool worth_parsing(std::string_view input, std::size_t from) {
  if (from == 0 || input.size() >= kMostHeadBytes) return true;
  for (std::size_t at = input.find('\n', from); at != input.npos; at = input.find('\n', at + 1)) {
    if (at == 0 || input[at - 1] != '\r') return true;
    if (at >= 3 && input[at - 2] == '\n') return true;
  }
  return false;
}

std::expected<bool, Violation> outcome(Step step, const Cursor& c, std::string_view input) {
  if (step == Step::ok) return true;
  if (step == Step::refused) return std::unexpected(c.why);
  if (input.size() >= kMostHeadBytes) return std::unexpected(Violation::head_too_large);
  return false;
}

Cursor cursor_of(std::string_view input) {
  return {.p = input.data(), .end = input.data() + std::min(input.size(), kMostHeadBytes)};
}

// Reads "HTTP/1.1" and leaves the cursor behind it.
Step parse_version(Cursor& c, Version& version, Violation malformed) {
  constexpr std::string_view kForm = "HTTP/1.1";
  const auto have = static_cast<std::size_t>(c.end - c.p);
  if (have >= kForm.size() && std::memcmp(c.p, kForm.data(), kForm.size()) == 0) {
    version = Version::http11;
    c.p += kForm.size();
    return Step::ok;
  }
  for (std::size_t i = 0; i < std::min(have, kForm.size()); ++i) {
    const bool fits = i == 5 || i == 7 ? text::is(c.p[i], text::kDigit) : c.p[i] == kForm[i];
    if (!fits) return c.refuse(malformed);
  }
  if (have < kForm.size()) return Step::more;
  if (c.p[5] != '1' || c.p[7] != '0') return c.refuse(Violation::bad_version);
  version = Version::http10;
  c.p += kForm.size();
  return Step::ok;
}

// RFC 9112 §3.2: origin-form, absolute-form, or "*" of OPTIONS. Sets head.target to what is forwarded.
Step sort_target(Cursor& c, RequestHead& head, Facts& facts) {
  const std::string_view target = head.target;
  if (target.front() == '/') return Step::ok;
  const bool options = head.method == "OPTIONS";
  if (target == "*") return options ? Step::ok : c.refuse(Violation::bad_target);
  const bool plain = target.size() > 7 && same_token(target.substr(0, 7), "http://");
  const bool secure = target.size() > 8 && same_token(target.substr(0, 8), "https://");
  if (!plain && !secure) return c.refuse(Violation::bad_target);
  const std::string_view rest = target.substr(plain ? 7 : 8);
  const std::size_t path = rest.find('/');
  facts.target_authority = rest.substr(0, path);
  facts.target_port = plain ? 80 : 443;
  // "http://host?query" would need a slash that is not in the buffer: refused together with user:password@host.
  if (!parse_authority(facts.target_authority)) return c.refuse(Violation::bad_target);
  head.target = path != rest.npos ? rest.substr(path) : std::string_view(options ? "*" : "/");
  return Step::ok;
}

Step parse_request_line(Cursor& c, RequestHead& head, Facts& facts) {
  if (c.p != c.end && *c.p == '\r') {  // RFC 9112 §2.2: one empty line before the request is tolerated
    if (const Step step = c.line_end(Violation::bad_request_line); step != Step::ok) return step;
  }
  const char* const method = c.p;
  c.p = text::skip(c.p, c.end, text::kToken);
  const auto method_bytes = static_cast<std::size_t>(c.p - method);
  if (method_bytes > kMostMethodBytes) return c.refuse(Violation::bad_request_line);
  if (c.p == c.end) return Step::more;
  if (*c.p != ' ' || method_bytes == 0) {
    return c.refuse(*c.p == '\n' ? Violation::bare_lf : Violation::bad_request_line);
  }
  head.method = {method, method_bytes};
  if (head.method == "CONNECT" || head.method == "TRACE") return c.refuse(Violation::connect_or_trace);

  const char* const target = ++c.p;
  c.p = text::skip_target(c.p, c.end);
  head.target = {target, static_cast<std::size_t>(c.p - target)};
  if (head.target.size() > kMostTargetBytes) return c.refuse(Violation::target_too_long);
  if (c.p == c.end) return Step::more;
  if (*c.p == '\n') return c.refuse(Violation::bare_lf);
  if (*c.p == '\r' || head.target.empty()) return c.refuse(Violation::bad_request_line);
  if (*c.p != ' ') return c.refuse(Violation::bad_target);
  if (const Step step = sort_target(c, head, facts); step != Step::ok) return step;
  ++c.p;
  if (const Step step = parse_version(c, head.version, Violation::bad_request_line); step != Step::ok) return step;
  return c.line_end(Violation::bad_request_line);
}

Step finish_request(Cursor& c, RequestHead& head, const Facts& facts) {
  head.host = {};
  head.host_name = {};
  if (facts.hosts == 0 && head.version == Version::http11) return c.refuse(Violation::missing_host);
  std::optional<Authority> host;
  if (facts.hosts != 0) {
    host = parse_authority(facts.host);
    if (!host) return c.refuse(Violation::bad_host);
    head.host = facts.host;
    head.host_name = host->name;
  }
  if (!facts.target_authority.empty()) {
    const std::optional<Authority> target = parse_authority(facts.target_authority);
    const auto port = [&](const Authority& of) { return of.port < 0 ? facts.target_port : of.port; };
    if (host && (!same_token(host->name, target->name) || port(*host) != port(*target))) {
      return c.refuse(Violation::host_against_target);
    }
    head.host = facts.target_authority;
    head.host_name = target->name;
  }
  if (facts.odd_names && has_folded_names(head)) return c.refuse(Violation::folded_name);
  if (facts.expectations > 1 || (facts.expectations == 1 && !facts.expect_continue)) {
    return c.refuse(Violation::bad_expectation);
  }
  const Step step = finish(c, head, facts);
  head.expect_continue = facts.expect_continue && head.version == Version::http11 && has_body(head.body);
  return step;
}

Step parse_status_line(Cursor& c, ResponseHead& head) {
  if (const Step step = parse_version(c, head.version, Violation::bad_status_line); step != Step::ok) return step;
  int status = 0;
  for (int i = 0; i < 4; ++i, ++c.p) {
    if (c.p == c.end) return Step::more;
    if (*c.p == '\n') return c.refuse(Violation::bare_lf);
    if (i == 0 ? *c.p != ' ' : !text::is(*c.p, text::kDigit)) return c.refuse(Violation::bad_status_line);
    if (i != 0) status = status * 10 + (*c.p - '0');
  }
  if (status < 100) return c.refuse(Violation::bad_status_line);
  head.status = status;
  head.reason = {};
  // The space before an empty reason is often left out; nothing is ambiguous in that.
  if (c.p != c.end && *c.p == ' ') {
    const char* const reason = ++c.p;
    c.p = text::skip_text(c.p, c.end);
    head.reason = {reason, static_cast<std::size_t>(c.p - reason)};
  }
  return c.line_end(Violation::bad_status_line);
}

// RFC 9112 §6.3, in its order.
void frame_response(ResponseHead& head, bool answers_head) {
  const bool bodiless = head.status < 200 || head.status == 204 || head.status == 304;
  if (bodiless || answers_head) {
    head.body.kind = BodyKind::none;
    if (head.status < 200 || head.status == 204) head.body = {};  // RFC 9110 §8.6: no Content-Length here
  } else if (head.body.kind == BodyKind::none) {
    head.body.kind = BodyKind::until_close;
    head.keep_alive = false;
  }
}

}  // namespace

std::expected<bool, Violation> parse_request(std::string_view input, RequestHead& head, std::size_t from) {
  if (!worth_parsing(input, from)) return false;
  Cursor c = cursor_of(input);
  Facts facts;
  Step step = parse_request_line(c, head, facts);
  if (step == Step::ok) step = parse_fields(c, head, facts);
  if (step == Step::ok) step = finish_request(c, head, facts);
  head.bytes = static_cast<std::size_t>(c.p - input.data());
  return outcome(step, c, input);
}

std::expected<bool, Violation> parse_response(std::string_view input, bool answers_head, ResponseHead& head,
                                              std::size_t from) {
  if (!worth_parsing(input, from)) return false;
  Cursor c = cursor_of(input);
  Facts facts;
  Step step = parse_status_line(c, head);
  if (step == Step::ok) step = parse_fields(c, head, facts);
  if (step == Step::ok) step = finish(c, head, facts);
  if (step == Step::ok) frame_response(head, answers_head);
  head.bytes = static_cast<std::size_t>(c.p - input.data());
  return outcome(step, c, input);
}

}  // namespace marea::net::http
