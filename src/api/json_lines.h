// An answer that grows line by line: one JSON value each, or text. A client that reads too slowly loses lines that were
// only offered, never the last one.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/errors.h"
#include "net/http_server.h"

namespace marea::api {

class JsonLines : public std::enable_shared_from_this<JsonLines> {
 public:
  static std::shared_ptr<JsonLines> begin(net::Responder responder, std::string type = "application/x-ndjson");

  // False: the client is behind, the line is dropped.
  bool offer(const Json& line);
  bool offer_text(std::string_view line) { return responder_.write(line); }
  // The last line; the answer ends when the client has taken it.
  void finish(const Json& line);
  // Ends without one.
  void finish();
  bool open() const { return responder_.open(); }
  // When the client goes away before the end.
  void on_closed(std::function<void()> callback) { responder_.on_closed(std::move(callback)); }
  // After a refused offer: there is room again.
  void on_room(std::function<void()> callback);

 private:
  explicit JsonLines(net::Responder responder) : responder_(std::move(responder)) {}
  void flush();

  net::Responder responder_;
  std::string last_;
  bool finishing_ = false;
  std::function<void()> on_room_;
};

}  // namespace marea::api
