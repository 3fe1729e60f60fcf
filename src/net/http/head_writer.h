// Writes the head of a request or response into room that the caller owns; allocates nothing. What does not fit, and
// what could end a line early (CR, LF, NUL), is refused: finish() then gives false and nothing must be sent.
//
//   std::array<char, 4096> room;
//   HeadWriter head(room);
//   head.request_line("GET", "/path");
//   head.field("Host", host);
//   for (const Field& field : request.fields()) if (!field.ends_here) head.forward(field);
//   head.framing(request.body);
//   if (head.finish()) send(head.view());
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "net/http/codec.h"

namespace marea::net::http {

class HeadWriter {
 public:
  explicit HeadWriter(std::span<char> room) : begin_(room.data()), p_(room.data()), end_(room.data() + room.size()) {}

  // Both with HTTP/1.1.
  void request_line(std::string_view method, std::string_view target);
  // An empty reason stands for the standard one.
  void status_line(int status, std::string_view reason = {});

  // The name must be a token, the value field text.
  void field(std::string_view name, std::string_view value) { field(name, {value}); }
  // The value in pieces: field("Forwarded", {"for=", address, ";proto=http"}).
  void field(std::string_view name, std::initializer_list<std::string_view> value);
  void field(std::string_view name, std::uint64_t value);
  // A field as parse_request or parse_response gave it: checked there, copied here.
  void forward(const Field& field) {
    const std::size_t bytes = field.name.size() + field.value.size() + 4;
    if (!reserve(bytes)) return;
    copy(field.name);
    copy(": ");
    copy(field.value);
    copy("\r\n");
  }
  // "Content-Length: N" or "Transfer-Encoding: chunked", where the message needs one of them.
  void framing(const Framing& framing);
  // Lines that are known to be sound, with their CR LF: "Server: marea\r\n".
  void lines(std::string_view sound) {
    if (reserve(sound.size())) copy(sound);
  }
  // Ends the head with an empty line. False: something was refused or did not fit.
  bool finish() {
    lines("\r\n");
    return ok_;
  }

  bool ok() const { return ok_; }
  std::string_view view() const { return {begin_, static_cast<std::size_t>(p_ - begin_)}; }

 private:
  bool reserve(std::size_t bytes) {
    ok_ = ok_ && static_cast<std::size_t>(end_ - p_) >= bytes;
    return ok_;
  }
  void copy(std::string_view bytes) { p_ += bytes.copy(p_, bytes.size()); }

  char* begin_;
  char* p_;
  char* end_;
  bool ok_ = true;
};

// Appends a head of at most `most` bytes to a string: `write` gets the HeadWriter and calls all but finish(). False:
// refused, `out` is as before. Allocates only while `out` has less capacity than its size plus `most`.
template <class Write>
bool append_head(std::string& out, std::size_t most, Write&& write) {
  const std::size_t before = out.size();
  bool sound = false;
  out.resize_and_overwrite(before + most, [&](char* data, std::size_t size) {
    HeadWriter writer(std::span<char>(data, size).subspan(before));
    write(writer);
    sound = writer.finish();
    return sound ? before + writer.view().size() : before;
  });
  return sound;
}

}  // namespace marea::net::http
