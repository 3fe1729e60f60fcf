// HTTP heads and chunked bodies. However the bytes are split, the outcome is the same; what is accepted and written
// anew, as the router does it, means the same to the next reader.
//
// Input: a letter (q request, r response, h response to HEAD, c chunked body), a byte that seeds the split, the bytes.
// modules: net/http
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "must.h"
#include "net/http/codec.h"
#include "net/http/head_writer.h"

namespace {

using namespace marea::net::http;

// Lengths of pieces, from one byte of seed.
class Split {
 public:
  explicit Split(unsigned seed) : state_(seed * 2654435761U + 1) {}
  std::size_t next() {
    state_ = state_ * 1664525U + 1013904223U;
    return 1 + (state_ >> 24U) % (1U << (state_ >> 20U & 7U));
  }

 private:
  unsigned state_;
};

void same(const Head& a, const Head& b) {
  MUST(a.version == b.version && a.keep_alive == b.keep_alive && a.upgrade == b.upgrade);
  MUST(a.body.kind == b.body.kind && a.body.length == b.body.length && a.body.length_given == b.body.length_given);
  MUST(a.bytes == b.bytes && a.field_count == b.field_count);
  for (std::size_t i = 0; i < a.field_count; ++i) {
    const Field& x = a.fields()[i];
    const Field& y = b.fields()[i];
    MUST(x.name == y.name && x.value == y.value && x.id == y.id && x.ends_here == y.ends_here);
  }
}

void same(const RequestHead& a, const RequestHead& b) {
  same(static_cast<const Head&>(a), static_cast<const Head&>(b));
  MUST(a.method == b.method && a.target == b.target && a.host == b.host && a.host_name == b.host_name);
  MUST(a.expect_continue == b.expect_continue);
}

void same(const ResponseHead& a, const ResponseHead& b) {
  same(static_cast<const Head&>(a), static_cast<const Head&>(b));
  MUST(a.status == b.status && a.reason == b.reason);
}

// Feeds growing prefixes, as a connection does.
template <class H, class Parse>
std::optional<H> check_split(std::string_view input, Split split, Parse parse) {
  H whole;
  const auto at_once = parse(input, whole, 0);
  H grown;
  std::expected<bool, Violation> slowly = false;
  for (std::size_t seen = 0; slowly && !*slowly && seen < input.size();) {
    const std::size_t size = std::min(input.size(), seen + split.next());
    slowly = parse(input.substr(0, size), grown, seen);
    seen = size;
  }
  if (!at_once) {
    // An unfinished head may be refused only when its end arrives.
    MUST(!slowly ? slowly.error() == at_once.error() : !*slowly);
    return std::nullopt;
  }
  MUST(slowly.has_value() && *slowly == *at_once);
  if (!*at_once) return std::nullopt;
  MUST(whole.bytes <= input.size() && whole.bytes <= kMostHeadBytes);
  same(whole, grown);
  return whole;
}

void forward_fields(HeadWriter& writer, const Head& head) {
  for (const Field& field : head.fields()) {
    if (!field.ends_here && field.id != FieldName::host && field.id != FieldName::content_length) writer.forward(field);
  }
  writer.framing(head.body);
}

void same_forwarded(const Head& a, const Head& b) {
  MUST(a.body.kind == b.body.kind && a.body.length == b.body.length);
  std::size_t next = 0;
  for (const Field& field : a.fields()) {
    if (field.ends_here || field.id == FieldName::host || field.id == FieldName::content_length) continue;
    while (next < b.field_count && b.fields()[next].id == FieldName::host) ++next;
    MUST(next < b.field_count && b.fields()[next].name == field.name && b.fields()[next].value == field.value);
    ++next;
  }
}

void request(std::string_view input, Split split) {
  const auto head = check_split<RequestHead>(
      input, split,
      [](std::string_view bytes, RequestHead& out, std::size_t from) { return parse_request(bytes, out, from); });
  if (!head) return;
  MUST(!head->method.empty() && (head->target.front() == '/' || head->target == "*"));
  std::string out;
  MUST(append_head(out, 2 * kMostHeadBytes, [&](HeadWriter& writer) {
    writer.request_line(head->method, head->target);
    writer.field("Host", head->host.empty() ? "none" : head->host);
    forward_fields(writer, *head);
  }));
  if (out.size() > kMostHeadBytes || head->field_count == kMostFields) return;  // grew by a space after a colon
  RequestHead again;
  const auto parsed = parse_request(out, again);
  MUST(parsed.has_value() && *parsed && again.bytes == out.size());
  MUST(again.method == head->method && again.target == head->target);
  MUST(head->host.empty() || (again.host == head->host && again.host_name == head->host_name));
  same_forwarded(*head, again);
}

void response(std::string_view input, Split split, bool answers_head) {
  const auto head = check_split<ResponseHead>(
      input, split, [answers_head](std::string_view bytes, ResponseHead& out, std::size_t from) {
        return parse_response(bytes, answers_head, out, from);
      });
  if (!head) return;
  std::string out;
  MUST(append_head(out, 2 * kMostHeadBytes, [&](HeadWriter& writer) {
    writer.status_line(head->status, head->reason);
    forward_fields(writer, *head);
  }));
  if (out.size() > kMostHeadBytes) return;
  ResponseHead again;
  const auto parsed = parse_response(out, answers_head, again);
  MUST(parsed.has_value() && *parsed && again.bytes == out.size());
  MUST(again.status == head->status);
  same_forwarded(*head, again);
}

struct Body {
  std::string data;
  std::size_t consumed = 0;
  std::string trailer;
  bool done = false;
  std::optional<Violation> why;
  bool operator==(const Body&) const = default;
};

template <class NextPiece>
Body decode(std::string_view input, NextPiece next_piece) {
  Body body;
  ChunkedDecoder decoder;
  while (body.consumed < input.size() && !body.done) {
    const auto step = decoder.next(input.substr(body.consumed, next_piece()));
    if (!step) {
      body.why = step.error();
      body.consumed = 0;  // how far it got depends on the split
      body.trailer.clear();
      return body;
    }
    MUST(step->consumed > 0);
    body.consumed += step->consumed;
    body.data += step->data;
    body.trailer += step->trailer;
    body.done = step->done;
    MUST(body.done == decoder.done());
  }
  return body;
}

void chunked(std::string_view input, Split split) {
  const Body body = decode(input, [&] { return input.size(); });
  MUST(decode(input, [&] { return split.next(); }) == body);
  std::string again_trailer;
  if (body.done) {
    std::string_view section = body.trailer;
    MUST(section.ends_with("\r\n"));
    while (const std::optional<Field> field = next_trailer(section)) {
      MUST(!field->name.empty());
      again_trailer.append(field->name).append(":").append(field->value).append("\r\n");
    }
    MUST(section == "\r\n");
  }
  std::string again;
  for (std::string_view rest = body.data; !rest.empty();) {
    const std::string_view piece = rest.substr(0, split.next());
    again.append(chunk_prefix(piece.size()).view()).append(piece).append("\r\n");
    rest.remove_prefix(piece.size());
  }
  again.append("0\r\n").append(again_trailer).append("\r\n");
  const Body second = decode(again, [&] { return again.size(); });
  MUST(second.done && second.data == body.data && second.consumed == again.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Split split(data[1]);
  switch (data[0] % 4) {
    case 'q' % 4: request(input, split); break;
    case 'r' % 4: response(input, split, false); break;
    case 'h' % 4: response(input, split, true); break;
    default: chunked(input, split); break;
  }
  return 0;
}
