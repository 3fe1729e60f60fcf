// One client that watches: the changes of a kind from a version on, as lines of JSON. It has no queue of its own: it
// takes from the log of Views when the connection has room. One that falls behind the log gets a last line that says
// 410 Gone, and has to read the list again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/selector.h"
#include "api/table.h"
#include "api/views.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace marea::api {

inline constexpr std::size_t kMostWatches = 2'000;  // each is a connection; 1,000 are measured
// Of changes that the client has not taken; what comes later stays in the log.
inline constexpr std::size_t kMostWaitingBytes = 64U << 10;
inline constexpr base::Duration kBookmarkEvery = std::chrono::minutes(1);
inline constexpr base::Duration kLongestWatch = std::chrono::hours(1);

// What of a kind a client wants, and how.
struct Choice {
  Kind kind = Kind::service;
  LabelSelector labels;
  FieldSelector fields;
  std::optional<TableForm> table;

  bool takes(const std::string& name, const Labels& of_object, const Text& stored) const;
};

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  struct Options {
    Choice choice;
    std::uint64_t after = 0;
    bool initial = false;    // first what there is now, as if it had just been added
    bool bookmarks = false;  // tell the version from time to time, and after what there was
    base::Duration most = kLongestWatch;
  };
  // `views` is settled. Lives as long as the exchange.
  static void begin(net::Loop& loop, Views& views, Options options, net::Responder responder);

  Watch(net::Loop& loop, Views& views, Options options, net::Responder responder);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  void start();
  void go_on();
  bool send_initial();
  bool send(const Change& change);
  bool send_bookmark(bool initial_end);
  void finish(std::string last_line);
  void end_if_taken();
  Text line_of(const Change& change, const char* type) const;
  Text line(const char* type, const Text& stored) const;

  net::Loop& loop_;
  Views& views_;
  Options options_;
  net::Responder responder_;
  std::string form_;  // what its lines look like, for those who share them
  std::uint64_t seen_;
  std::string next_;  // name of the next initial object
  bool bookmark_due_ = false;
  bool initial_end_due_ = false;  // the next bookmark tells that what there was has been sent
  bool finishing_ = false;
  std::string last_;
  net::Timer bookmark_;
  net::Timer end_;
};

}  // namespace marea::api
