// Sends the lines of a spool as they come, until the client leaves or there can come no more.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/json_lines.h"
#include "net/loop.h"
#include "telemetry/log_spool.h"

namespace marea::api {

class LogFollower : public std::enable_shared_from_this<LogFollower> {
 public:
  struct Source {
    telemetry::LogSpoolReader spool;
    telemetry::LogQuery query;
    std::function<std::string(const telemetry::LogLine&)> print;  // empty: the line is left out
    std::function<bool()> over = {};  // nothing is written any more; what is there is still sent
  };
  struct Start {
    std::vector<telemetry::LogLine> lines;
    telemetry::LogCursor cursor;
  };
  // Lives as long as the exchange, whose callbacks hold it.
  static void begin(net::Loop& loop, Source source, Start start, std::shared_ptr<JsonLines> lines);

  LogFollower(net::Loop& loop, Source source, Start start, std::shared_ptr<JsonLines> lines);

 private:
  void go_on();

  Source source_;
  std::vector<telemetry::LogLine> pending_;
  telemetry::LogCursor cursor_;
  std::size_t next_ = 0;
  bool last_round_ = false;
  std::shared_ptr<JsonLines> lines_;
  net::Timer again_;
};

}  // namespace marea::api
