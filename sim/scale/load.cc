#include "sim/scale/load.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "sim/chance.h"

namespace marea::sim::scale {
namespace {

base::Duration seconds(double value) {
  return base::Duration(static_cast<std::int64_t>(value * 1e9));
}

// Service times are log-normal around a median; start times are the world's own.
struct Shape {
  double service = 0.1;
  double sigma = 0.5;
};

constexpr std::array kConcurrencies = {1, 1, 1, 2, 4, 10};

LoadedService draw(Chance& chance, Shape& shape) {
  shape = {.service = chance.log_between(0.1, 2), .sigma = chance.between(0.2, 0.6)};
  return {.concurrency = kConcurrencies[static_cast<std::size_t>(chance.whole(0, std::ssize(kConcurrencies) - 1))],
          .start = seconds(chance.log_between(0.2, 4)),
          .memory_gb = chance.log_between(0.125, 2),
          .requests = {}};
}

void ask(LoadedService& service, Chance& chance, const Shape& shape, double at) {
  service.requests.push_back({seconds(at), seconds(chance.log_normal(shape.service, shape.sigma))});
}

// Poisson arrivals whose rate at a moment is `rate(t)` ≤ most, by thinning.
void arrive(LoadedService& service, Chance& chance, const Shape& shape, double until, double most,
            const std::function<double(double)>& rate) {
  for (double t = chance.exponential(1 / most); t < until; t += chance.exponential(1 / most)) {
    if (chance.unit() * most < rate(t)) ask(service, chance, shape, t);
  }
}

// A load's unit is a whole instance's worth of requests, so that more concurrency does not mean less scaling.
double rate_of(const LoadedService& service, const Shape& shape, double instances) {
  return instances * service.concurrency / (shape.service * std::exp(shape.sigma * shape.sigma / 2));
}

// As many requests as a small world can carry, whatever is drawn.
constexpr double kMostRequests = 4'000;
double duration_for(double rate, double most) {
  return std::min(most, kMostRequests / rate);
}

Load steps(Chance& chance) {
  Shape shape;
  LoadedService service = draw(chance, shape);
  std::array<double, 6> levels{};
  for (double& level : levels) level = rate_of(service, shape, chance.log_between(0.3, 12));
  const double most = *std::ranges::max_element(levels);
  double sum = 0;
  for (const double level : levels) sum += level / 6;
  const double length = duration_for(sum, 900) / 6;
  arrive(service, chance, shape, 6 * length, most,
         [&](double t) { return levels[std::min<std::size_t>(5, static_cast<std::size_t>(t / length))]; });
  return {.name = kLoads[0], .horizon = seconds(6 * length + 120), .services = {std::move(service)}};
}

Load ramp(Chance& chance) {
  Shape shape;
  LoadedService service = draw(chance, shape);
  const double high = rate_of(service, shape, chance.log_between(3, 10));
  const double low = high / 10;
  const double hold = std::max(45.0, duration_for(high, 180));
  arrive(service, chance, shape, hold * 2 + 30 + 60, high, [&](double t) {
    if (t < hold) return low;
    if (t < hold + 30) return low + (high - low) * (t - hold) / 30;
    if (t < 2 * hold + 30) return high;
    return high + (low - high) * (t - 2 * hold - 30) / 60;
  });
  return {.name = kLoads[1], .horizon = seconds(2 * hold + 90 + 120), .services = {std::move(service)}};
}

// A day, pressed into an hour at most: still slow beside the windows of either scaler.
Load wave(Chance& chance) {
  Shape shape;
  LoadedService service = draw(chance, shape);
  const double high = rate_of(service, shape, chance.log_between(3, 10));
  const double low = high / chance.between(10, 50);
  const double day = duration_for(high / 2, 3600);
  arrive(service, chance, shape, day, high,
         [&](double t) { return low + (high - low) * (1 - std::cos(2 * std::numbers::pi * t / day)) / 2; });
  return {.name = kLoads[2], .horizon = seconds(day + 120), .services = {std::move(service)}};
}

// A quiet service and, at moments nobody knows, many at once.
Load bursts(Chance& chance) {
  Shape shape;
  LoadedService service = draw(chance, shape);
  const double quiet = rate_of(service, shape, chance.log_between(0.05, 0.5));
  const int size = static_cast<int>(service.concurrency * chance.log_between(5, 40));
  const double gap = chance.log_between(40, 400);
  const double end = duration_for(quiet + size / gap, 3600);
  arrive(service, chance, shape, end, quiet, [&](double) { return quiet; });
  for (double t = chance.exponential(gap); t < end; t += chance.exponential(gap)) {
    for (int i = 0; i < size; ++i) ask(service, chance, shape, t + chance.between(0, 0.2));
  }
  std::ranges::sort(service.requests, {}, &Request::at);
  return {.name = kLoads[3], .horizon = seconds(end + 120), .services = {std::move(service)}};
}

Load rare(Chance& chance) {
  constexpr double kEnd = 2 * 3600;
  Load load{.name = kLoads[4], .horizon = seconds(kEnd + 120), .services = {}};
  for (int i = 0; i < 12; ++i) {
    Shape shape;
    LoadedService service = draw(chance, shape);
    const double gap = chance.log_between(4, 3600);
    switch (chance.whole(0, 2)) {
      case 0:  // people
        arrive(service, chance, shape, kEnd, 1 / gap, [&](double) { return 1 / gap; });
        break;
      case 1:  // a timer
        for (double t = chance.between(0, gap); t < kEnd; t += gap)
          ask(service, chance, shape, t + chance.between(0, 1));
        break;
      default:  // sessions: some requests in a row, then silence
        for (double t = chance.exponential(gap * 5); t < kEnd; t += chance.exponential(gap * 5)) {
          double at = t;
          for (int n = chance.whole(2, 8); n > 0 && at < kEnd; --n, at += chance.exponential(5)) {
            ask(service, chance, shape, at);
          }
        }
        std::ranges::sort(service.requests, {}, &Request::at);
    }
    load.services.push_back(std::move(service));
  }
  return load;
}

}  // namespace

std::vector<Load> make_loads(std::uint64_t seed) {
  Chance chance(seed);
  std::vector<Load> out;
  for (auto* make : {steps, ramp, wave, bursts, rare}) {
    Chance own(chance.next());
    out.push_back(make(own));
  }
  return out;
}

}  // namespace marea::sim::scale
