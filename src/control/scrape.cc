#include "control/scrape.h"

#include <utility>

namespace marea::control {

Scrape::Scrape(net::Loop& loop, std::function<bool(std::uint64_t number)> ask)
    : ask_(std::move(ask)), deadline_(loop, [this] { finish(false); }) {}

void Scrape::begin(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;
  values_.clear();
  if (!ask_(++number_)) {
    finish(false);
    return;
  }
  deadline_.arm_in(kScrapeWait);
}

void Scrape::take(const net::msg::Metrics& part) {
  if (waiting_.empty() || part.number != number_) return;  // too late
  values_.insert(values_.end(), part.values.begin(), part.values.end());
  if (values_.size() > kMostScraped) {
    finish(false);
  } else if (part.last) {
    finish(true);
  }
}

void Scrape::finish(bool complete) {
  deadline_.cancel();
  const std::vector<Done> waiting = std::exchange(waiting_, {});
  for (const Done& done : waiting) done(values_, complete);
}

}  // namespace marea::control
