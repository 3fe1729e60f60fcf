#include <algorithm>

#include "net/http/codec.h"
#include "net/http/text.h"

namespace marea::net::http {

namespace {

unsigned hex_value(unsigned char c) {
  if (c <= '9') return c - '0';
  return (c | 0x20U) - 'a' + 10;
}

}  // namespace

std::expected<ChunkedDecoder::State, Violation> ChunkedDecoder::framing(unsigned char c) {
  constexpr auto bad = [](Violation violation = Violation::bad_chunk) { return std::unexpected(violation); };
  switch (state_) {
    case State::size_first:
    case State::size:
      if (text::is(static_cast<char>(c), text::kHex)) {
        if (state_ == State::size_first) left_ = line_bytes_ = 0;
        if (++line_bytes_ > kMostChunkLineBytes || left_ >> 59U != 0) return bad();  // stays below 2^63
        left_ = left_ << 4U | hex_value(c);
        return State::size;
      }
      if (c == '\n') return bad(Violation::bare_lf);
      if (state_ != State::size) return bad();
      if (c == '\r') return State::size_lf;
      return c == ';' ? std::expected<State, Violation>(State::extension_first) : bad();
    case State::extension_first:
    case State::extension:
      // RFC 9112 §7.1.1: what is not understood is ignored. Only its end matters, and that nobody else sees another.
      if (c == '\n') return bad(Violation::bare_lf);
      if (++line_bytes_ > kMostChunkLineBytes) return bad();
      if (state_ == State::extension && c == '\r') return State::size_lf;
      return text::is(static_cast<char>(c), state_ == State::extension ? text::kText : text::kToken)
                 ? std::expected<State, Violation>(State::extension)
                 : bad();
    case State::size_lf:
      if (c != '\n') return bad();
      return left_ == 0 ? State::trailer_first : State::data;
    case State::data_cr:
      if (c != '\r') return bad();
      return State::data_lf;
    case State::data_lf:
      if (c != '\n') return bad();
      return State::size_first;
    case State::trailer_first:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
    case State::last_lf: return trailer(c);
    case State::data:
    case State::done: return state_;
  }
  return bad();
}

std::expected<ChunkedDecoder::State, Violation> ChunkedDecoder::trailer(unsigned char c) {
  constexpr auto bad = [](Violation violation = Violation::bad_trailer) { return std::unexpected(violation); };
  if (++trailer_bytes_ > kMostTrailerBytes) return bad();
  const char ch = static_cast<char>(c);
  if (c == '\n' && state_ != State::trailer_lf && state_ != State::last_lf) return bad(Violation::bare_lf);
  if (state_ == State::trailer_first) {
    if (c == '\r') return State::last_lf;
    return text::is(ch, text::kToken) ? std::expected<State, Violation>(State::trailer_name) : bad();
  }
  if (state_ == State::trailer_name) {
    if (c == ':') return State::trailer_value;
    return text::is(ch, text::kToken) ? std::expected<State, Violation>(State::trailer_name) : bad();
  }
  if (state_ == State::trailer_value) {
    if (c == '\r') return State::trailer_lf;
    return text::is(ch, text::kText) ? std::expected<State, Violation>(State::trailer_value) : bad();
  }
  if (c != '\n') return bad();
  return state_ == State::last_lf ? State::done : State::trailer_first;
}

std::expected<ChunkedDecoder::Step, Violation> ChunkedDecoder::next(std::string_view input) {
  Step step;
  std::size_t trailer = input.npos;  // where it begins in the input
  while (step.consumed < input.size() && state_ != State::done) {
    if (state_ == State::data) {
      const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - step.consumed));
      step.data = input.substr(step.consumed, run);
      step.consumed += run;
      left_ -= run;
      if (left_ == 0) state_ = State::data_cr;
      break;
    }
    if (state_ >= State::trailer_first && trailer == input.npos) trailer = step.consumed;
    const std::expected<State, Violation> next = framing(static_cast<unsigned char>(input[step.consumed]));
    if (!next) return std::unexpected(next.error());
    state_ = *next;
    ++step.consumed;
  }
  if (trailer != input.npos) step.trailer = input.substr(trailer, step.consumed - trailer);
  step.done = state_ == State::done;
  return step;
}

ChunkPrefix chunk_prefix(std::uint64_t bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  ChunkPrefix prefix;
  std::size_t digits = 1;
  while (digits < 16 && bytes >> (4 * digits) != 0) ++digits;
  for (std::size_t i = digits; i-- > 0; bytes >>= 4U) prefix.text[i] = kDigits[bytes & 15U];
  prefix.text[digits] = '\r';
  prefix.text[digits + 1] = '\n';
  prefix.length = digits + 2;
  return prefix;
}

}  // namespace marea::net::http
