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
constexpr unsigned kCrossedShift = kConversionShift + model::kMostConversions;
constexpr std::uint32_t kCrossed = 1U << kCrossedShift;  // it was in two places: whose its events are nobody knows
constexpr unsigned kSegmentShift = kCrossedShift + 1;    // from 1 on; 0: none
constexpr std::uint32_t kSegmentMask = 31U;

static_assert(model::kMostSegments <= kSegmentMask);
static_assert(kSegmentShift + 5 <= 32);

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
  counts_.segments.resize(options_.arms);
  for (std::size_t arm = 0; arm < options_.arms && arm < options_.segments.size(); ++arm) {
    model::SegmentOutcomes nobody;
    nobody.converted.resize(options_.conversions);
    counts_.segments[arm].assign(std::min(options_.segments[arm], model::kMostSegments), nobody);
  }
}

// Null: it is not known, or not any more. A minted key that comes back moves to the table; one whose window is over
// only where that has a place to spare.
std::uint32_t* ExperimentLedger::find(std::uint64_t key, bool comes_back) {
  if (key == 0) return nullptr;
  if (std::uint32_t* state = keys_.find(key)) return state;
  std::uint32_t* state = probation_.find(key);
  if (state == nullptr || !comes_back) return state;
  const bool due = (*state & kDue) != 0;
  if (due && keys_.size() + waiting_ >= keys_.room()) return state;
  bool added = false;
  std::uint32_t* place = keys_.find_or_add(key, added);
  if (place == nullptr) return state;
  *place = *state;
  probation_.take(key);
  if (!due) --waiting_;
  return place;
}

// Until its window is over. The ring forgets a key when as many came after it as it has places.
bool ExperimentLedger::has_room(KeyOrigin origin) const {
  if (keys_.size() + waiting_ >= keys_.room()) return false;
  return origin != KeyOrigin::minted || windows_.size() < probation_.places();
}

void ExperimentLedger::enter(const ExperimentEntrant& event, base::Duration now) {
  if (event.arm >= options_.arms || event.origin == KeyOrigin::returning) return;
  const std::uint32_t place = place_of(event.arm, event.led);
  const bool in_segment = event.led && event.segment <= counts_.segments[event.arm].size();
  const std::uint32_t state = place | (in_segment ? std::uint32_t{event.segment} << kSegmentShift : 0U);
  if (std::uint32_t* known = find(event.key, event.origin != KeyOrigin::minted)) {
    if ((*known & kPlace) != place) *known |= kCrossed;
    return;
  }
  if (!has_room(event.origin)) return;  // its requests will be untracked
  if (event.origin == KeyOrigin::minted) {
    probation_.add(event.key, state);
    ++waiting_;
  } else {
    bool added = false;
    std::uint32_t* at = keys_.find_or_add(event.key, added);
    if (at == nullptr) return;
    *at = state;
  }
  ++outcomes_of(state).keys;
  if (auto* segment = segment_of(state)) ++segment->keys;
  windows_.push_back({.key = event.key, .until = now + options_.window});
}

model::ArmOutcomes& ExperimentLedger::outcomes_of(std::uint32_t state) {
  auto& way = (state & kLed) != 0 ? counts_.led : counts_.split;
  return way.at((state >> kArmShift) & kArmMask);
}

// Null: no segment led it.
model::SegmentOutcomes* ExperimentLedger::segment_of(std::uint32_t state) {
  const std::uint32_t segment = state >> kSegmentShift & kSegmentMask;
  return segment == 0 ? nullptr : &counts_.segments.at((state >> kArmShift) & kArmMask).at(segment - 1);
}

void ExperimentLedger::convert(std::uint32_t& state, std::uint32_t conversions, model::ArmOutcomes& out) {
  for (std::size_t i = 0; i < options_.conversions; ++i) {
    const std::uint32_t bit = 1U << (kConversionShift + i);
    if ((conversions >> i & 1U) == 0 || (state & bit) != 0) continue;
    state |= bit;
    ++out.converted[i];
    if (auto* segment = segment_of(state)) ++segment->converted[i];
  }
}

void ExperimentLedger::measure(std::uint32_t& state, std::size_t measure, std::uint64_t value,
                               model::ArmOutcomes& out) const {
  if (measure >= options_.measures) return;
  const std::uint32_t bit = 1U << (kMeasureShift + measure);
  if ((state & bit) != 0) return;
  state |= bit;
  value = std::min(value, model::kMostValue);
  add_value(out.measures[measure], value, std::chrono::milliseconds(value));
}

void ExperimentLedger::request(const ExperimentRequest& event) {
  if (event.arm >= options_.arms) return;
  std::uint32_t* state = find(event.key, event.origin != KeyOrigin::minted);
  if (state == nullptr) {
    ++counts_.untracked;
    return;
  }
  if ((*state & kPlace) != place_of(event.arm, event.led)) {
    *state |= kCrossed;
    ++counts_.crossed;
    return;
  }
  model::ArmOutcomes& out = outcomes_of(*state);
  ++out.requests;
  if (event.cause != model::FailureCause::none) ++out.failures.at(static_cast<std::size_t>(event.cause));
  if (event.cause == model::FailureCause::app && (*state & kKeyFailed) == 0) {
    *state |= kKeyFailed;
    ++out.failed;
    if (auto* segment = segment_of(*state)) ++segment->failed;
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
  for (std::size_t i = 0; i < event.values.size(); ++i) {
    if ((event.measured >> i & 1U) != 0) measure(*state, i, event.values.at(i), out);
  }
}

void ExperimentLedger::posted(const ExperimentPost& event) {
  std::uint32_t* state = find(event.key, true);
  if (state == nullptr) {
    ++counts_.untracked;
    return;
  }
  if ((*state & kCrossed) != 0) {
    ++counts_.crossed;
    return;
  }
  model::ArmOutcomes& out = outcomes_of(*state);
  convert(*state, event.conversions, out);
  if (event.measure) measure(*state, *event.measure, event.value, out);
}

void ExperimentLedger::advance(base::Duration now) {
  while (!windows_.empty() && windows_.front().until <= now) {
    close(windows_.front());
    windows_.pop_front();
  }
}

// What it has done until now was within its window.
void ExperimentLedger::close(const Window& window) {
  std::uint32_t* state = keys_.find(window.key);
  if (state == nullptr) {
    state = probation_.find(window.key);
    if (state == nullptr) return;  // cannot be: enter() saw to that
    --waiting_;
  }
  *state |= kDue;
  model::ArmOutcomes& out = outcomes_of(*state);
  ++out.due;
  for (std::size_t i = 0; i < options_.conversions; ++i) {
    if ((*state >> (kConversionShift + i) & 1U) != 0) ++out.converted_in_due[i];
  }
}

}  // namespace marea::decide
