#include "sim/releases/people.h"

#include <cmath>
#include <numeric>
#include <string>

#include "router/key_cookie.h"
#include "sim/chance.h"

namespace marea::sim::releases {
namespace {

constexpr double kPaceSpread = 0.2;  // sigma of users' own factor of latencies: distance, what they have stored

std::string salt_of(std::uint64_t seed) {
  return base::SeededRandom(seed).suffix(16);
}

}  // namespace

People::People(const Scenario& scenario, std::uint64_t seed)
    : split_(salt_of(seed)), lanes_(0, seed * 0x9E3779B97F4A7C15U + 1), people_(scenario.crowd.users) {
  const Crowd& crowd = scenario.crowd;
  Chance chance(seed);
  std::vector<double> rates;
  rates.reserve(people_.size());
  for (Person& person : people_) {
    const bool picked = crowd.picked > 0 && chance.unit() < crowd.picked;
    do {
      person = with_key(chance.next(), chance.next());
    } while (picked && person.bucket >= kPickedBelow);
    person.frail = crowd.frail >= 1 || chance.unit() < crowd.frail;
    person.hit = chance.unit() < scenario.canary.hit;
    person.known = chance.unit() < crowd.known;
    person.pace = static_cast<float>(chance.log_normal(1, kPaceSpread));
    rates.push_back(crowd.spread > 0 ? chance.log_normal(1, crowd.spread) : 1);
  }
  weigh(std::move(rates));
}

Person People::with_key(std::uint64_t high, std::uint64_t low) const {
  const router::ClientKeyText key = router::key_text_of(high, low);
  return {.fingerprint = lanes_.fingerprint(key.view()),
          .bucket = static_cast<std::uint16_t>(split_.bucket(key.view()))};
}

Person People::stranger(std::uint64_t draw) const {
  Person out = with_key(draw, draw * 0xD1342543DE82EF95U);
  out.frail = true;
  out.hit = true;
  return out;
}

void People::weigh(std::vector<double> rates) {
  const double mean = std::accumulate(rates.begin(), rates.end(), 0.0) / static_cast<double>(rates.size());
  keep_.resize(rates.size());
  other_.resize(rates.size());
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::uint32_t i = 0; i < rates.size(); ++i) (rates[i] < mean ? small : large).push_back(i);
  while (!small.empty() && !large.empty()) {
    const std::uint32_t less = small.back();
    const std::uint32_t more = large.back();
    small.pop_back();
    keep_[less] = static_cast<float>(rates[less] / mean);
    other_[less] = more;
    rates[more] -= mean - rates[less];
    if (rates[more] >= mean) continue;
    large.pop_back();
    small.push_back(more);
  }
  for (const auto& rest : {small, large}) {
    for (const std::uint32_t i : rest) keep_[i] = 1;
  }
}

std::uint32_t People::pick(double draw) const {
  const double at = draw * static_cast<double>(people_.size());
  const auto column = static_cast<std::uint32_t>(at);
  return at - column < keep_[column] ? column : other_[column];
}

}  // namespace marea::sim::releases
