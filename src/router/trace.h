// The place of a request in a distributed trace (W3C Trace Context, https://www.w3.org/TR/trace-context/; the flag
// `random` is that of level 2). router is one hop of the trace: what it is sent is continued with a span of its own,
// what cannot be read is begun anew, and the app always gets one traceparent. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "net/http/codec.h"

namespace marea::router {

inline constexpr std::size_t kMostTraceMembers = 32;  // of tracestate (§3.3.1.1)

class Trace {
 public:
  // Of what came with a request; what is new about it is made of random numbers.
  static Trace of(const net::http::RequestHead& head, const std::function<std::uint64_t()>& random);

  // The traceparent that the app gets: this hop is its parent.
  std::string_view parent() const { return {text_.data(), text_.size()}; }
  // The span of the caller that this hop continues, 16 digits; empty when the trace begins here.
  std::string_view caller_span() const { return continues_ ? std::string_view(span_.data(), span_.size()) : ""; }
  // What vendors noted on the way goes on: the trace is continued, and tracestate has the form of §3.3.
  bool keeps_state() const { return keeps_state_; }

 private:
  std::array<char, 55> text_{};
  std::array<char, 16> span_{};
  bool continues_ = false;
  bool keeps_state_ = false;
};

}  // namespace marea::router
