// When each request is due: an open loop, in which no answer moves a later request. Stages follow each other; within
// one the rate is constant or changes linearly, or a number of requests is due at once. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace marea::load {

using Nanoseconds = std::chrono::nanoseconds;

struct Stage {
  double seconds = 0;
  double from = 0;  // requests per second
  double to = 0;
  int burst = 0;  // due at its beginning, beside the rate
};

// "SECONDS:RATE", "SECONDS:FROM-TO" or "SECONDS:=COUNT"; nothing when it is none of them.
std::optional<Stage> parse_stage(std::string_view text);

class Schedule {
 public:
  explicit Schedule(std::vector<Stage> stages) : stages_(std::move(stages)) {}

  struct Due {
    Nanoseconds at{};  // from the start
    std::size_t stage = 0;
  };
  // The next request; nothing after the last one.
  std::optional<Due> next();
  Nanoseconds length() const;

 private:
  std::vector<Stage> stages_;
  std::size_t stage_ = 0;
  double begin_ = 0;   // of the stage, seconds from the start
  double inside_ = 0;  // of the stage, where the next request is due
  int burst_ = 0;      // of the stage, given out
};

}  // namespace marea::load
