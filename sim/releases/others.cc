#include "sim/releases/others.h"

#include <algorithm>
#include <cmath>

namespace marea::sim::releases {
namespace {

constexpr base::Duration kInterval = std::chrono::minutes(1);
constexpr int kThreshold = 5;
constexpr model::Weight kStepWeight = 10 * model::kOnePercent;
constexpr model::Weight kMaxWeight = 50 * model::kOnePercent;
constexpr double kLeastSuccess = 0.99;
constexpr double kMostP99 = 0.5;  // seconds
constexpr base::Duration kSlow = std::chrono::milliseconds(500);

// One-sided 1 % of the normal distribution.
constexpr double kCritical = 2.326;
// The textbook's condition for the normal approximation, in its weakest form.
constexpr double kLeastRequests = 30;
constexpr double kLeastBad = 5;
constexpr base::Duration kLook = std::chrono::seconds(1);

bool failed(const Answer& answer) {
  return answer.cause == model::FailureCause::app || answer.cause == model::FailureCause::platform;
}

}  // namespace

void FixedThresholds::ended(const Visit& visit, const Answer& answer, base::Duration /*at*/) {
  if (!visit.canary) return;
  failures_ += failed(answer) ? 1 : 0;
  latencies_.push_back(static_cast<float>(static_cast<double>(answer.latency.count()) * 1e-9));
}

bool FixedThresholds::passes() {
  if (latencies_.empty()) return false;
  const auto all = static_cast<double>(latencies_.size());
  if (static_cast<double>(failures_) > (1 - kLeastSuccess) * all) return false;
  const auto p99 = latencies_.begin() + static_cast<std::ptrdiff_t>(0.99 * (all - 1));
  std::nth_element(latencies_.begin(), p99, latencies_.end());
  return double{*p99} <= kMostP99;
}

void FixedThresholds::look(base::Duration at) {
  if (at - checked_ < kInterval || standing_.finished) return;
  checked_ += kInterval;
  if (failed_checks_ >= kThreshold) {
    end(Way::rolled_back, at);
    return;
  }
  const bool passed = passes();
  failures_ = 0;
  latencies_.clear();
  if (!passed) {
    ++failed_checks_;
  } else if (!fixed_ && weight_ < kMaxWeight) {
    weight_ += kStepWeight;
  } else if (!fixed_) {
    end(Way::promoted, at);
  }
}

void FixedThresholds::end(Way way, base::Duration at) {
  weight_ = way == Way::promoted ? model::kWholeWeight : 0;
  standing_.way = way;
  standing_.since = at;
  standing_.finished = true;
  if (way == Way::promoted) standing_.promoted = at;
}

void NaiveTest::ended(const Visit& visit, const Answer& answer, base::Duration /*at*/) {
  const std::size_t arm = visit.canary ? 1 : 0;
  requests_.at(arm) += 1;
  bad_.at(arm) += failed(answer) || answer.latency > kSlow ? 1 : 0;
}

bool NaiveTest::significant() const {
  const double all = requests_[0] + requests_[1];
  const double bad = bad_[0] + bad_[1];
  if (std::min(requests_[0], requests_[1]) < kLeastRequests || bad < kLeastBad || bad >= all) return false;
  const double pooled = bad / all;
  const double error = std::sqrt(pooled * (1 - pooled) * (1 / requests_[0] + 1 / requests_[1]));
  return (bad_[1] / requests_[1] - bad_[0] / requests_[0]) / error > kCritical;
}

void NaiveTest::look(base::Duration at) {
  if (at - looked_ < kLook || standing_.finished) return;
  looked_ = at;
  if (significant()) {
    weight_ = 0;
    standing_ = {.way = Way::rolled_back, .since = at, .promoted = {}, .proven = {}, .finished = true};
    return;
  }
  if (at - step_since_ < ladder_[step_].maximum) return;
  step_since_ = at;
  requests_ = bad_ = {};
  if (++step_ < ladder_.size()) {
    weight_ = ladder_[step_].weight;
  } else {
    weight_ = model::kWholeWeight;
    standing_ = {.way = Way::promoted, .since = at, .promoted = at, .proven = {}, .finished = true};
  }
}

}  // namespace marea::sim::releases
