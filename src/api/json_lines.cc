#include "api/json_lines.h"

#include <utility>

namespace marea::api {
namespace {

std::string text_of(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::shared_ptr<JsonLines> JsonLines::begin(net::Responder responder, std::string type) {
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): make_shared cannot reach the constructor
  std::shared_ptr<JsonLines> lines(new JsonLines(std::move(responder)));
  lines->responder_.begin({.status = 200, .fields = {{"Content-Type", std::move(type)}}, .body = {}});
  // Lives as long as its exchange, so that a slow client still gets the last line.
  lines->responder_.on_writable([lines] { lines->flush(); });
  return lines;
}

bool JsonLines::offer(const Json& line) {
  return responder_.write(text_of(line));
}

void JsonLines::finish(const Json& line) {
  last_ = text_of(line);
  finish();
}

void JsonLines::finish() {
  finishing_ = true;
  flush();
}

void JsonLines::on_room(std::function<void()> callback) {
  on_room_ = std::move(callback);
}

void JsonLines::flush() {
  const std::shared_ptr<JsonLines> self = shared_from_this();
  if (finishing_) {
    if (!last_.empty() && responder_.open() && !responder_.write(last_)) return;  // again when there is room
    last_.clear();
    responder_.end();
  } else if (on_room_) {
    on_room_();
  }
}

}  // namespace marea::api
