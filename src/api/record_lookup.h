// Looks for the record of a request while the loop turns, a slice of the records each time, then answers.
#pragma once

#include <functional>

#include "net/http_server.h"
#include "net/loop.h"
#include "telemetry/record_search.h"

namespace marea::api {

class RecordLookup {
 public:
  using Answer = std::function<net::HttpResponse(const telemetry::RecordSearch&)>;

  // `answer` is asked once, at the end, unless the client left before.
  RecordLookup(net::Loop& loop, telemetry::RecordSearch search, Answer answer, net::Responder responder);
  RecordLookup(const RecordLookup&) = delete;
  RecordLookup& operator=(const RecordLookup&) = delete;

  bool done() const { return done_; }

 private:
  void go_on();

  telemetry::RecordSearch search_;
  Answer answer_;
  net::Responder responder_;
  bool done_ = false;
  net::Timer next_;
};

}  // namespace marea::api
