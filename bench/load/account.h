// What became of each request. Everyone that was planned is in it once, by its number.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/load/mix.h"
#include "bench/load/schedule.h"

namespace marea::load {

enum class Outcome : std::uint8_t {
  app,      // whole, and the app has named the request's number
  marea,    // whole, and no app had to do with it
  wrong,    // another request's, malformed, or not what was asked for
  reset,    // a reset before the answer was whole
  eof,      // an end before the answer was whole
  refused,  // no connection
  late,     // no whole answer in time
};
inline constexpr std::size_t kOutcomes = static_cast<std::size_t>(Outcome::late) + 1;
const char* to_string(Outcome outcome);

struct Request {
  std::uint64_t number = 0;
  const Kind* kind = nullptr;
  std::size_t stage = 0;
  Nanoseconds planned{};  // all four of the monotonic clock
  Nanoseconds opened{};   // its connection
  Nanoseconds sent{};
  Nanoseconds ended{};
  bool kept = false;  // on a connection that had served another one before
  int status = 0;     // zero: no head of an answer came
  std::string request_id;
  std::string instance;  // the app's word
  std::string why;       // marea's, or ours
};

class Account {
 public:
  // What no app answered is written to stdout at once, as a JSON line.
  void add(const Request& request, Outcome outcome);
  void connected() { ++connections_; }
  void closed_at_rest() { ++closed_at_rest_; }
  std::uint64_t ended() const { return ended_; }
  std::uint64_t by_app() const { return by_app_; }
  // {"requests", "outcomes", "kinds": {NAME: …}, "stages": […], "connections", …}; latencies from the planned time, in
  // ms.
  std::string summary(std::uint64_t planned) const;

  struct Part {
    std::map<std::string, std::uint64_t> outcomes;
    std::vector<float> latencies;  // ms; of those that an app answered
    std::set<std::string> instances;
  };

 private:
  std::map<std::string, Part> kinds_;
  std::map<std::size_t, Part> stages_;
  Part all_;
  std::uint64_t ended_ = 0;
  std::uint64_t by_app_ = 0;
  std::uint64_t connections_ = 0;
  std::uint64_t closed_at_rest_ = 0;
  std::vector<std::pair<Nanoseconds, Nanoseconds>> silences_;  // from, until
  Nanoseconds last_answer_{};
  Nanoseconds most_behind_{};  // how long after its time a request was sent, where we are the cause
};

}  // namespace marea::load
