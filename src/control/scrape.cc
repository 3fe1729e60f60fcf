#include "control/scrape.h"

#include <algorithm>
#include <utility>

namespace marea::control {

Scrape::Scrape(net::Loop& loop, std::vector<Source> sources)
    : sources_(std::move(sources)), deadline_(loop, [this] { finish(); }) {}

void Scrape::begin(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;
  result_ = {};
  ++number_;
  for (const Source& source : sources_) {
    (source.ask(number_) ? awaited_ : result_.missing).push_back(source.role);
  }
  if (awaited_.empty()) {
    finish();
  } else {
    deadline_.arm_in(kScrapeWait);
  }
}

void Scrape::take(std::string_view role, const net::msg::Metrics& part) {
  const auto from = std::ranges::find(awaited_, role);
  if (part.number != number_ || from == awaited_.end()) return;  // too late
  const bool fits = result_.values.size() + part.values.size() <= kMostScraped;
  if (fits) result_.values.insert(result_.values.end(), part.values.begin(), part.values.end());
  if (fits && !part.last) return;
  if (!fits) result_.missing.push_back(*from);
  awaited_.erase(from);
  if (awaited_.empty()) finish();
}

void Scrape::finish() {
  deadline_.cancel();
  const std::vector<std::string> late = std::exchange(awaited_, {});
  result_.missing.insert(result_.missing.end(), late.begin(), late.end());
  const Result result = std::exchange(result_, {});
  const std::vector<Done> waiting = std::exchange(waiting_, {});
  for (const Done& done : waiting) done(result);
}

}  // namespace marea::control
