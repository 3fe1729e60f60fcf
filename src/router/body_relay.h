// One message body on its way from one connection to another: checked against its framing, and framed anew where the
// two sides differ (chunked, by length, until close). Holds no bytes itself; moves them between the buffers it is
// given, or says how many may go directly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/http/codec.h"
#include "router/buffer.h"

namespace marea::router {

class BodyRelay {
 public:
  // How the receiving side learns where the body ends: `framed` by Content-Length or by the end of the connection,
  // both of which need nothing between the bytes; `chunked`; `chunked_with_trailers`: the trailer fields go on too,
  // those of net::http::next_trailer() that may.
  enum class Form { framed, chunked, chunked_with_trailers };
  // A chunked body of more than `most` bytes is broken, and too_long().
  void start(const net::http::Framing& from, Form to, std::uint64_t most = UINT64_MAX);

  // Everything was taken from the source. (What was moved to the sink's buffer may still be there.)
  bool done() const { return done_; }
  // The source violates its framing: the message cannot be completed.
  bool broken() const { return broken_; }
  bool too_long() const { return broken_ && seen_ > most_; }

  // Only the end of the sink's connection tells that the body is complete, so a broken one must end in another way.
  bool ends_with_connection() const;

  // Bytes at the front of `input` that may be written to the sink as they are. Call took() with what was.
  std::string_view direct(std::string_view input) const;
  void took(std::size_t bytes);
  // Where bytes must be framed anew: moves what fits from `in` to `out`. True: something moved.
  bool move(Buffer& in, Buffer& out);
  // The source has ended, and its buffer is used up.
  void source_ended(Buffer& out);

 private:
  bool put(std::string_view data, Buffer& out) const;
  void put_end(Buffer& out);

  net::http::BodyKind from_ = net::http::BodyKind::none;
  Form to_ = Form::framed;
  bool done_ = true;
  bool broken_ = false;
  std::uint64_t left_ = 0;  // BodyKind::length only
  std::uint64_t seen_ = 0;  // BodyKind::chunked only
  std::uint64_t most_ = UINT64_MAX;
  net::http::ChunkedDecoder decoder_;
  std::string trailer_;  // what came of the trailer section, where it goes on
};

}  // namespace marea::router
