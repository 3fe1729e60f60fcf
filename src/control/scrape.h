// Collects router's numbers for those who ask for metrics: one question for all who ask meanwhile, and an answer after
// a moment also when router gives none.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "model/metric.h"
#include "net/loop.h"
#include "net/messages.h"

namespace marea::control {

inline constexpr base::Duration kScrapeWait = std::chrono::seconds(2);  // Prometheus itself waits for 10 s
inline constexpr std::size_t kMostScraped = 200'000;                    // values of router: 10,000 services have 70,000

class Scrape {
 public:
  // `complete`: router gave all it has.
  using Done = std::function<void(std::vector<model::MetricValue> values, bool complete)>;
  // `ask` sends the question; false: router is not there.
  Scrape(net::Loop& loop, std::function<bool(std::uint64_t number)> ask);

  void begin(Done done);
  void take(const net::msg::Metrics& part);

 private:
  void finish(bool complete);

  std::function<bool(std::uint64_t)> ask_;
  std::uint64_t number_ = 0;
  std::vector<Done> waiting_;
  std::vector<model::MetricValue> values_;
  net::Timer deadline_;
};

}  // namespace marea::control
