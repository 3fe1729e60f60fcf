// Moves a message's body from one connection to another, as much as both allow now. Nothing is read that the receiver
// has no room for: back-pressure reaches the sender through its own TCP window.
#pragma once

#include <cstdint>

#include "router/body_relay.h"
#include "router/stream.h"

namespace marea::router {

enum class Flow : std::uint8_t {
  blocked,        // until one of the two connections changes
  busy,           // it could go on at once, but others on this thread want their turn
  done,           // the body is through, and everything is written
  source_failed,  // it ended or broke its framing before the body was complete
  sink_failed,    // it cannot be written to any more
};

// How often one call moves a block (buffer.h) before it says busy: about a megabyte.
inline constexpr int kMostRounds = 8;

// Writes what is in sink.out() first, a head for instance; with a relay that is done() this is all it does.
Flow pump(Stream& source, Stream& sink, BodyRelay& relay);

}  // namespace marea::router
