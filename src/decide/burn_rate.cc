#include "decide/burn_rate.h"

#include <algorithm>
#include <chrono>

#include "model/release_policy.h"

namespace marea::decide {
namespace {

struct Windows {
  double rate;              // times the budget, which both windows must reach
  std::int64_t long_ones;   // minutes
  std::int64_t short_ones;  //
};
// 2 % of a month's budget within an hour, 5 % within six, 10 % within a day.
constexpr std::array<Windows, 3> kWindows = {{{14.4, 60, 5}, {6, 360, 30}, {3, 1440, 120}}};

std::int64_t minute_of(base::Instant now) {
  return std::max<std::int64_t>(0, std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count());
}

double rate_of(std::uint64_t requests, std::uint64_t failed, double budget) {
  return requests == 0 ? 0 : static_cast<double>(failed) / static_cast<double>(requests) / budget;
}

}  // namespace

std::string to_string(const Burn& burn) {
  return std::to_string(burn.failed) + " of " + std::to_string(burn.requests) + " requests within " +
         model::print_duration(burn.window) + " failed, " + std::to_string(static_cast<long long>(burn.rate)) +
         " times what may fail";
}

void BurnWindow::take(std::uint64_t requests, std::uint64_t failed, base::Instant now) {
  const std::int64_t minute = minute_of(now);
  for (std::int64_t each = std::max(newest_ + 1, minute - kMinutes + 1); each <= minute; ++each) slot(each) = {};
  newest_ = std::max(newest_, minute);
  slot(newest_).requests += std::max(requests, failed);  // what no app answered is no answered request
  slot(newest_).failed += failed;
}

BurnWindow::Minute BurnWindow::sum(std::int64_t minute, std::int64_t minutes) const {
  Minute out;
  for (std::int64_t each = std::max<std::int64_t>(0, minute - minutes + 1); each <= std::min(minute, newest_); ++each) {
    if (each <= newest_ - kMinutes) continue;  // overwritten
    const Minute& one = minutes_.at(static_cast<std::size_t>(each % kMinutes));
    out.requests += one.requests;
    out.failed += one.failed;
  }
  return out;
}

std::optional<Burn> BurnWindow::breach(base::Instant now, double budget) const {
  const std::int64_t minute = minute_of(now);
  for (const Windows& each : kWindows) {
    const Minute brief = sum(minute, each.short_ones);
    if (brief.failed < kLeastBurnt || rate_of(brief.requests, brief.failed, budget) < each.rate) continue;
    const Minute whole = sum(minute, each.long_ones);
    const double rate = rate_of(whole.requests, whole.failed, budget);
    if (rate < each.rate) continue;
    return Burn{.rate = rate,
                .requests = whole.requests,
                .failed = whole.failed,
                .window = std::chrono::minutes(each.long_ones)};
  }
  return std::nullopt;
}

}  // namespace marea::decide
