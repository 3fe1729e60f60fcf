#include "router/body_relay.h"

#include <algorithm>

namespace marea::router {
namespace {

using net::http::BodyKind;

// Beyond this the sink has enough to write for now.
constexpr std::size_t kEnough = 64U << 10;
constexpr std::size_t kMostFraming = 18 + 2 + 5;  // chunk prefix, CR LF, last chunk
static_assert(kEnough + kMostFraming + net::http::kMostTrailerBytes <= kLargeBlock);

}  // namespace

void BodyRelay::start(const net::http::Framing& from, Form to, std::uint64_t most) {
  seen_ = 0;
  most_ = most;
  from_ = from.kind;
  to_ = to;
  broken_ = false;
  left_ = from.kind == BodyKind::length ? from.length : 0;
  done_ = from.kind == BodyKind::none || (from.kind == BodyKind::length && left_ == 0);
  decoder_ = {};
  trailer_.clear();
}

bool BodyRelay::ends_with_connection() const {
  return to_ == Form::framed && (from_ == BodyKind::chunked || from_ == BodyKind::until_close);
}

std::string_view BodyRelay::direct(std::string_view input) const {
  if (done_ || broken_ || to_ != Form::framed) return {};
  switch (from_) {
    case BodyKind::length:
      return input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
    case BodyKind::until_close: return input;
    case BodyKind::none:
    case BodyKind::chunked: return {};
  }
  return {};
}

void BodyRelay::took(std::size_t bytes) {
  if (from_ != BodyKind::length) return;
  left_ -= bytes;
  done_ = left_ == 0;
}

bool BodyRelay::put(std::string_view data, Buffer& out) const {
  if (to_ == Form::framed) return out.append(data);
  return out.append(net::http::chunk_prefix(data.size()).view()) && out.append(data) && out.append("\r\n");
}

void BodyRelay::put_end(Buffer& out) {
  if (to_ == Form::framed) return;
  out.append("0\r\n");
  std::string_view section = trailer_;
  while (const auto field = net::http::next_trailer(section)) {
    if (field->ends_here) continue;
    for (const std::string_view part : {field->name, std::string_view(": "), field->value, std::string_view("\r\n")}) {
      out.append(part);
    }
  }
  out.append("\r\n");
}

bool BodyRelay::move(Buffer& in, Buffer& out) {
  const bool decodes = from_ == BodyKind::chunked;
  if (!decodes && (from_ != BodyKind::until_close || to_ == Form::framed)) return false;
  bool moved = false;
  while (!done_ && !broken_ && !in.empty() && out.size() < kEnough) {
    // What is taken now must fit, whatever framing it needs.
    const std::string_view piece = in.view().substr(0, kEnough - out.size());
    moved = true;
    if (!decodes) {
      put(piece, out);
      in.consume(piece.size());
      continue;
    }
    const auto step = decoder_.next(piece);
    if (!step) {
      broken_ = true;
      break;
    }
    seen_ += step->data.size();
    if (seen_ > most_) {
      broken_ = true;
      break;
    }
    if (!step->data.empty()) put(step->data, out);
    if (to_ == Form::chunked_with_trailers) trailer_ += step->trailer;
    in.consume(step->consumed);
    if (step->done) {
      done_ = true;
      put_end(out);
    }
  }
  return moved;
}

void BodyRelay::source_ended(Buffer& out) {
  if (done_) return;
  if (from_ != BodyKind::until_close) {
    broken_ = true;
    return;
  }
  done_ = true;
  put_end(out);
}

}  // namespace marea::router
