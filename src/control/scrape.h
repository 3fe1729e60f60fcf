// Collects the numbers that other roles count for those who ask for metrics: one question to each role for all who ask
// meanwhile, and an answer after a moment also when some give none.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/metric.h"
#include "net/loop.h"
#include "net/messages.h"

namespace marea::control {

inline constexpr base::Duration kScrapeWait = std::chrono::seconds(2);  // Prometheus itself waits for 10 s
inline constexpr std::size_t kMostScraped = 200'000;                    // values: router has 70,000 of 10,000 services

class Scrape {
 public:
  struct Source {
    std::string role;
    std::function<bool(std::uint64_t number)> ask;  // sends the question; false: the role is not there
  };
  struct Result {
    std::vector<model::MetricValue> values;
    std::vector<std::string> missing;  // roles that did not give all they have
  };
  using Done = std::function<void(Result result)>;
  Scrape(net::Loop& loop, std::vector<Source> sources);

  const std::vector<Source>& sources() const { return sources_; }
  void begin(Done done);
  void take(std::string_view role, const net::msg::Metrics& part);

 private:
  void finish();

  std::vector<Source> sources_;
  std::uint64_t number_ = 0;
  std::vector<Done> waiting_;
  std::vector<std::string> awaited_;  // roles
  Result result_;
  net::Timer deadline_;
};

}  // namespace marea::control
