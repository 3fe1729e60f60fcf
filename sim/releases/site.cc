#include "sim/releases/site.h"

#include <algorithm>
#include <cmath>

#include "router/outcome.h"

namespace marea::sim::releases {
namespace {

using model::FailureCause;
using model::Reason;

constexpr double kSigma = 0.7;  // of latencies, before users' own pace
constexpr std::size_t kQuantiles = 8192;
constexpr double kPerInstance = 25;  // requests a second that one instance takes
constexpr double kStart = 1.2;       // median seconds that a start takes
constexpr base::Duration kRestart = std::chrono::seconds(1);
constexpr double kRefusedAfter = 0.5;  // seconds in a queue until the platform gives up

base::Duration of_seconds(double value) {
  return base::Duration(static_cast<std::int64_t>(value * 1e9));
}

// The factor of the median below which a share of the latencies stays, by bisection of the normal distribution.
double quantile(double share) {
  double low = -6;
  double high = 6;
  while (high - low > 1e-6) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::numbers::sqrt2) / 2 < share ? low : high) = middle;
  }
  return std::exp(kSigma * low);
}

const std::vector<float>& latencies() {
  static const std::vector<float> all = [] {
    std::vector<float> out;
    for (std::size_t i = 0; i < kQuantiles; ++i) {
      out.push_back(static_cast<float>(quantile((static_cast<double>(i) + 0.5) / kQuantiles)));
    }
    return out;
  }();
  return all;
}

bool within(double second, double from, double until) {
  return second >= from && second < until;
}

}  // namespace

Site::Site(const Scenario& scenario, std::uint64_t seed) : scenario_(scenario), latencies_(latencies()) {
  if (scenario.canary.crashes <= 0) return;
  Chance chance(seed);
  for (double at = chance.exponential(scenario.canary.crashes); at < scenario.seconds;
       at += chance.exponential(scenario.canary.crashes)) {
    crashes_.push_back(of_seconds(at));
  }
}

void Site::canary_has(model::Weight weight, base::Duration at) {
  const double rate = scenario_.load.rate * weight / model::kWholeWeight;
  const auto wanted = static_cast<std::size_t>(std::ceil(rate / kPerInstance));
  if (born_.size() < wanted) born_.resize(wanted, static_cast<double>(at.count()) * 1e-9);
}

double Site::failing(const Version& version, const Person& person, double second) const {
  if (!person.frail) return 0;
  const Weather& weather = scenario_.weather;
  double share = weather.failing / scenario_.crowd.frail;
  if (weather.stumbles && std::fmod(second, 70) >= 60) share *= 20;
  if (weather.with_load) share *= load_at(scenario_.load.shape, second);
  if (person.hit) {
    const double whole = version.failing - 1;
    share *= 1 + (version.grows > 0 ? whole * std::min(1.0, second / version.grows) : whole);
  }
  if (weather.outage && within(second, 100, 200)) share = std::max(share, 0.5);
  return share;
}

double Site::slowness(const Version& version, double second, Draws& draws) const {
  double factor = version.slower;
  if (version.tail > 0 && draws.unit() < version.tail) factor *= kTailFactor;
  if (version.young > 0 && !born_.empty()) {
    const auto instance = static_cast<std::size_t>(draws.unit() * static_cast<double>(born_.size()));
    factor *= 1 + version.young * std::exp((born_[instance] - second) / kYouth);
  }
  return factor;
}

bool Site::platform_fails(bool canary, double second, Draws& draws) const {
  const double share = canary ? scenario_.weather.platform_canary : scenario_.weather.platform;
  if (share <= 0 || !(within(second, 100, 160) || within(second, 400, 430))) return false;
  return draws.unit() < share;
}

Answer Site::answer(const Request& request, const Person& person, bool canary) const {
  Draws draws(request.chance);
  const double second = static_cast<double>(request.at.count()) * 1e-9;
  const Version& version = canary ? scenario_.canary : scenario_.stable;
  const double failing_draw = draws.unit();
  const auto place = static_cast<std::size_t>(draws.unit() * kQuantiles);
  if (platform_fails(canary, second, draws)) {
    return {.latency = of_seconds(kRefusedAfter),
            .cause = router::cause_of_own_answer(503, Reason::machine_full, true),
            .cold = true};
  }
  double latency =
      scenario_.weather.median * double{latencies_[place]} * double{person.pace} * slowness(version, second, draws);
  Answer out;
  if (version.cold > 0 && draws.unit() < version.cold) {
    out.cold = true;
    latency += kStart * (0.5 + draws.unit());
  }
  out.latency = std::min(of_seconds(latency), kMostLatency);
  const bool fails = failing_draw < failing(version, person, second);
  out.cause = router::cause_of_app_answer(fails ? 500 : 200);
  return canary && !crashes_.empty() ? with_crashes(out, request.at) : out;
}

// Who is being served when the process exits gets no answer; who comes before it is back waits for it.
Answer Site::with_crashes(Answer answer, base::Duration at) const {
  const auto after = std::ranges::upper_bound(crashes_, at);
  if (after != crashes_.begin() && at < *std::prev(after) + kRestart) {
    answer.latency += *std::prev(after) + kRestart - at;
    answer.cold = true;
  }
  if (after != crashes_.end() && at + answer.latency > *after) {
    return {.latency = *after - at,
            .cause = router::cause_of_own_answer(502, Reason::app_exited, false),
            .cold = answer.cold};
  }
  answer.latency = std::min(answer.latency, kMostLatency);
  return answer;
}

}  // namespace marea::sim::releases
