#include "decide/experiment_ledger.h"

#include <algorithm>

#include "decide/latency_bucket.h"

namespace marea::decide {
namespace {

// The state of a key, a word.
constexpr std::uint32_t kEntered = 1U;
constexpr unsigned kArmShift = 1;
constexpr std::uint32_t kArmMask = 7U;
constexpr std::uint32_t kLed = 1U << 4U;
constexpr std::uint32_t kKeyFailed = 1U << 5U;
constexpr std::uint32_t kTimed = 1U << 6U;
constexpr std::uint32_t kKeySlow = 1U << 7U;
constexpr std::uint32_t kDue = 1U << 8U;
constexpr unsigned kMeasureShift = 9;
constexpr unsigned kConversionShift = kMeasureShift + model::kMostMeasures;

static_assert(model::kMostArms <= kArmMask + 1);
static_assert(kConversionShift + model::kMostConversions <= 32);

std::uint32_t place_of(std::uint8_t arm, bool led) {
  return kEntered | std::uint32_t{arm} << kArmShift | (led ? kLed : 0U);
}

constexpr std::uint32_t kPlace = kEntered | kArmMask << kArmShift | kLed;

void add_value(model::ValueCounts& counts, std::uint64_t value, base::Duration as_latency) {
  if (counts.buckets.empty()) counts.buckets.resize(model::kLatencyBuckets);
  ++counts.buckets[latency_bucket(as_latency)];
  ++counts.n;
  counts.sum += value;
  counts.sum_of_squares += value * value;
}

}  // namespace

ExperimentLedger::ExperimentLedger(Options options)
    : options_(options), keys_(options.key_bytes), probation_(options.probation) {
  model::ArmOutcomes none;
  none.converted.resize(options_.conversions);
  none.converted_in_due.resize(options_.conversions);
  none.measures.resize(options_.measures);
  counts_.split.assign(options_.arms, none);
  counts_.led.assign(options_.arms, none);
}

// Null: it is not known, or not any more. A minted key that comes back moves to the table.
std::uint32_t* ExperimentLedger::find(std::uint64_t key) {
  if (std::uint32_t* state = keys_.find(key)) return state;
  const std::optional<std::uint32_t> state = probation_.take(key);
  if (!state) return nullptr;
  bool added = false;
  std::uint32_t* place = keys_.find_or_add(key, added);
  if (place != nullptr) *place = *state;
  return place;
}

// Null: there is no room.
std::uint32_t* ExperimentLedger::enter(const ExperimentRequest& event, base::Duration now) {
  if (windows_.size() >= options_.windows) return nullptr;
  const std::uint32_t state = place_of(event.arm, event.led);
  std::uint32_t* place = nullptr;
  if (event.origin == KeyOrigin::minted) {
    probation_.add(event.key, state);
    place = probation_.find(event.key);
  } else {
    bool added = false;
    place = keys_.find_or_add(event.key, added);
    if (place == nullptr) return nullptr;
    *place = state;
  }
  ++outcomes_of(state).keys;
  windows_.push_back({.key = event.key, .until = now + options_.window});
  return place;
}

model::ArmOutcomes& ExperimentLedger::outcomes_of(std::uint32_t state) {
  auto& way = (state & kLed) != 0 ? counts_.led : counts_.split;
  return way.at((state >> kArmShift) & kArmMask);
}

void ExperimentLedger::convert(std::uint32_t& state, std::uint32_t conversions, model::ArmOutcomes& out) const {
  for (std::size_t i = 0; i < options_.conversions; ++i) {
    const std::uint32_t bit = 1U << (kConversionShift + i);
    if ((conversions >> i & 1U) == 0 || (state & bit) != 0) continue;
    state |= bit;
    ++out.converted[i];
  }
}

void ExperimentLedger::request(const ExperimentRequest& event, base::Duration now) {
  if (event.arm >= options_.arms) return;
  std::uint32_t* state = find(event.key);
  const bool first = state == nullptr && event.origin != KeyOrigin::returning;
  if (first) state = enter(event, now);
  if (state == nullptr) {
    ++counts_.untracked;
    return;
  }
  if ((*state & kPlace) != place_of(event.arm, event.led)) {
    ++counts_.crossed;
    return;
  }
  model::ArmOutcomes& out = outcomes_of(*state);
  ++out.requests;
  if (event.cause != model::FailureCause::none) ++out.failures.at(static_cast<std::size_t>(event.cause));
  if (event.cause == model::FailureCause::app && (*state & kKeyFailed) == 0) {
    *state |= kKeyFailed;
    ++out.failed;
  }
  if (event.timed && (*state & kTimed) == 0) {
    *state |= kTimed;
    ++out.timed;
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(event.latency).count();
    add_value(
        out.latency,
        std::min<std::uint64_t>(static_cast<std::uint64_t>(std::max<std::int64_t>(0, milliseconds)), model::kMostValue),
        event.latency);
  }
  if (event.timed && event.slow && (*state & kKeySlow) == 0) {
    *state |= kKeySlow;
    ++out.slow;
  }
  convert(*state, event.conversions, out);
  if (first) windows_.back().first = *state;
}

void ExperimentLedger::posted(const ExperimentPost& event) {
  std::uint32_t* state = find(event.key);
  if (state == nullptr) {
    ++counts_.untracked;
    return;
  }
  model::ArmOutcomes& out = outcomes_of(*state);
  convert(*state, event.conversions, out);
  if (!event.measure || *event.measure >= options_.measures) return;
  const std::uint32_t bit = 1U << (kMeasureShift + *event.measure);
  if ((*state & bit) != 0) return;
  *state |= bit;
  const std::uint64_t value = std::min(event.value, model::kMostValue);
  add_value(out.measures[*event.measure], value, std::chrono::milliseconds(value));
}

void ExperimentLedger::advance(base::Duration now) {
  while (!windows_.empty() && windows_.front().until <= now) {
    close(windows_.front());
    windows_.pop_front();
  }
}

// What it has done until now was within its window. One that is not followed any more never came back.
void ExperimentLedger::close(const Window& window) {
  std::uint32_t* state = keys_.find(window.key);
  if (state == nullptr) state = probation_.find(window.key);
  if (state != nullptr) *state |= kDue;
  const std::uint32_t known = state != nullptr ? *state : window.first;
  model::ArmOutcomes& out = outcomes_of(known);
  ++out.due;
  for (std::size_t i = 0; i < options_.conversions; ++i) {
    if ((known >> (kConversionShift + i) & 1U) != 0) ++out.converted_in_due[i];
  }
}

}  // namespace marea::decide
