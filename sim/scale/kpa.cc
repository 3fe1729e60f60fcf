#include "sim/scale/kpa.h"

#include <algorithm>
#include <cmath>

namespace marea::sim::scale {
namespace {

using std::chrono::seconds;

constexpr base::Duration kTick = seconds(2);
constexpr base::Duration kReport = seconds(1);
constexpr int kStableSeconds = 60;
constexpr int kPanicSeconds = 6;
constexpr double kUtilisation = 0.7;
constexpr double kPanicThreshold = 2.0;
constexpr double kMostUp = 1000;
constexpr double kMostDown = 2;
constexpr double kTargetBurstCapacity = 211;
constexpr base::Duration kGrace = seconds(30);

}  // namespace

Kpa::Kpa(const LoadedService& service, double phase)
    : target_(service.concurrency * kUtilisation),
      capacity_(service.concurrency),
      phase_(static_cast<std::int64_t>(phase * static_cast<double>(kTick.count()))) {}

void Kpa::report(const Plant& plant, base::Instant now) {
  const double total = plant.request_seconds(now);
  buckets_.push_back(total - reported_);
  reported_ = total;
  if (std::ssize(buckets_) > kStableSeconds) buckets_.pop_front();
  next_report_ = now + kReport;
}

// Over the window, or over the time since the first report where that is shorter.
double Kpa::average(int window) const {
  const auto used = std::min<std::ptrdiff_t>(window, std::ssize(buckets_));
  if (used == 0) return 0;
  double sum = 0;
  for (auto i = std::ssize(buckets_) - used; i < std::ssize(buckets_); ++i)
    sum += buckets_[static_cast<std::size_t>(i)];
  return sum / static_cast<double>(used);
}

int Kpa::desired(int ready_pods, base::Instant now) {
  const double stable = average(kStableSeconds);
  const double panic = average(kPanicSeconds);
  const double ready = std::max(1, ready_pods);
  const double most = std::ceil(kMostUp * ready);
  const double least = std::floor(ready / kMostDown);
  const double wanted_panic = std::ceil(panic / target_);
  const auto bounded = [&](double pods) { return static_cast<int>(std::min(std::max(pods, least), most)); };
  int pods = bounded(std::ceil(stable / target_));
  const bool over = wanted_panic / ready >= kPanicThreshold;
  const bool panicking = panic_at_ != base::Instant::min();
  if (over) {
    panic_at_ = now;
  } else if (panicking && panic_at_ + seconds(kStableSeconds) < now) {
    panic_at_ = base::Instant::min();
    most_in_panic_ = 0;
  }
  if (panic_at_ != base::Instant::min()) {
    most_in_panic_ = std::max({most_in_panic_, pods, bounded(wanted_panic)});
    pods = most_in_panic_;
  }
  const double excess = std::floor(ready_pods * capacity_ - kTargetBurstCapacity - panic);
  const bool in_path = excess < 0;
  if (in_path && !activator_in_path_) in_path_since_ = now;
  activator_in_path_ = in_path;
  return pods;
}

std::vector<int> Kpa::surplus(const Plant& plant, int wanted) const {
  std::vector<int> serving;
  for (int i = 0; i < std::ssize(plant.instances()); ++i) {
    const PlantInstance& each = plant.instances()[static_cast<std::size_t>(i)];
    if (!each.gone && !each.draining) serving.push_back(i);
  }
  // Those that are not ready first, then the youngest without a request.
  std::ranges::stable_sort(serving, [&](int a, int b) {
    const PlantInstance& left = plant.instances()[static_cast<std::size_t>(a)];
    const PlantInstance& right = plant.instances()[static_cast<std::size_t>(b)];
    if (left.ready != right.ready) return !left.ready;
    if (left.in_flight != right.in_flight) return left.in_flight < right.in_flight;
    return left.ordered > right.ordered;
  });
  const auto excess = std::max<std::ptrdiff_t>(0, std::ssize(serving) - wanted);
  serving.resize(static_cast<std::size_t>(excess));
  return serving;
}

Advice Kpa::look(const Plant& plant, base::Instant now) {
  int ready = 0;
  for (const PlantInstance& each : plant.instances()) {
    ready += !each.gone && each.ready && !each.draining ? 1 : 0;
  }
  if (!awake_) {  // from zero: the activator reports its first request, and the autoscaler looks at once
    awake_ = true;
    activator_in_path_ = true;
    active_since_ = now;
    buckets_.assign(1, 1.0);
    reported_ = plant.request_seconds(now);
    next_report_ = now + kReport;
    wanted_ = std::max(1, desired(0, now));
    next_tick_ = now + phase_ + (phase_ < base::Duration(1) ? kTick : base::Duration{});
  }
  if (now >= next_report_) report(plant, now);
  std::vector<int> retire;
  if (now >= next_tick_) {
    next_tick_ = now + kTick;
    wanted_ = std::min(desired(ready, now), plant.service().max);
    if (wanted_ == 0) {
      const bool long_active = now - active_since_ >= seconds(kStableSeconds);
      const bool in_path = activator_in_path_ && now - in_path_since_ >= kGrace;
      if (!long_active || !in_path || plant.in_system() > 0) wanted_ = 1;
    }
    retire = surplus(plant, wanted_);
    if (wanted_ == 0) {
      awake_ = false;
      buckets_.clear();
      panic_at_ = base::Instant::min();
      most_in_panic_ = 0;
      return {.wanted = 0, .retire = retire, .next_look = base::Instant::max()};
    }
  }
  return {.wanted = wanted_, .retire = retire, .next_look = std::min(next_report_, next_tick_)};
}

}  // namespace marea::sim::scale
