#include "net/http/head_writer.h"

#include "net/http/text.h"

namespace marea::net::http {

void HeadWriter::request_line(std::string_view method, std::string_view target) {
  ok_ = ok_ && !method.empty() && !target.empty() && text::all(method, text::kToken) &&
        text::skip_target(target.data(), target.data() + target.size()) == target.data() + target.size();
  if (!reserve(method.size() + target.size() + 12)) return;
  copy(method);
  copy(" ");
  copy(target);
  copy(" HTTP/1.1\r\n");
}

void HeadWriter::status_line(int status, std::string_view reason) {
  if (reason.empty()) reason = reason_phrase(status);
  ok_ = ok_ && status >= 100 && status <= 999 && text::all(reason, text::kText);
  if (!reserve(reason.size() + 15)) return;
  copy("HTTP/1.1 ");
  *p_++ = static_cast<char>('0' + status / 100);
  *p_++ = static_cast<char>('0' + status / 10 % 10);
  *p_++ = static_cast<char>('0' + status % 10);
  copy(" ");
  copy(reason);
  copy("\r\n");
}

void HeadWriter::field(std::string_view name, std::initializer_list<std::string_view> value) {
  std::size_t bytes = name.size() + 4;
  ok_ = ok_ && !name.empty() && text::all(name, text::kToken);
  for (const std::string_view piece : value) {
    bytes += piece.size();
    const char* const end = piece.data() + piece.size();
    ok_ = ok_ && text::skip_text(piece.data(), end) == end;
  }
  if (!reserve(bytes)) return;
  copy(name);
  copy(": ");
  for (const std::string_view piece : value) copy(piece);
  copy("\r\n");
}

void HeadWriter::field(std::string_view name, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  field(name, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void HeadWriter::framing(const Framing& framing) {
  switch (framing.kind) {
    case BodyKind::chunked: lines("Transfer-Encoding: chunked\r\n"); return;
    case BodyKind::length: field("Content-Length", framing.length); return;
    case BodyKind::none:
      if (framing.length_given) field("Content-Length", framing.length);
      return;
    case BodyKind::until_close: return;
  }
}

}  // namespace marea::net::http
