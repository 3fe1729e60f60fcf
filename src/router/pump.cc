#include "router/pump.h"

namespace marea::router {

Flow pump(Stream& source, Stream& sink, BodyRelay& relay) {
  for (int reads = 0;;) {
    if (!relay.done()) relay.move(source.in(), sink.out());
    const std::string_view direct = relay.direct(source.in().view());
    if (const std::size_t taken = sink.flush(direct); taken > 0) {
      source.in().consume(taken);
      relay.took(taken);
    }
    if (sink.deaf()) return Flow::sink_failed;
    if (relay.broken()) return Flow::source_failed;
    if (relay.done() && sink.out().empty()) return Flow::done;
    const bool pending = !sink.out().empty() || (!relay.done() && !source.in().empty());
    if (pending && !sink.writable()) return Flow::blocked;
    if (pending) continue;
    if (source.ended()) {
      relay.source_ended(sink.out());
      continue;
    }
    if (source.failed()) return Flow::source_failed;
    if (reads == kMostRounds) return Flow::busy;
    ++reads;
    if (!source.fill()) return Flow::blocked;
  }
}

}  // namespace marea::router
