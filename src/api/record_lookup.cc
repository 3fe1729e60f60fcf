#include "api/record_lookup.h"

#include <utility>

namespace marea::api {

RecordLookup::RecordLookup(net::Loop& loop, telemetry::RecordSearch search, Answer answer, net::Responder responder)
    : search_(std::move(search)),
      answer_(std::move(answer)),
      responder_(std::move(responder)),
      next_(loop, [this] { go_on(); }) {
  next_.arm_in(base::Duration{0});
}

void RecordLookup::go_on() {
  if (!responder_.open()) {
    done_ = true;
    return;
  }
  if (search_.step() == telemetry::RecordSearch::State::searching) {
    next_.arm_in(base::Duration{0});
    return;
  }
  done_ = true;
  responder_.send(answer_(search_));
}

}  // namespace marea::api
