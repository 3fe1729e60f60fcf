#include "decide/key_ledger.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "decide/latency_bucket.h"
#include "decide/split.h"

namespace marea::decide {

using model::FailureCause;

namespace {

// A key's state: its bucket, what happened to it, and the step (modulo 255, plus one) in which its latency was taken.
constexpr std::uint32_t kBucketBits = 14;
constexpr std::uint32_t kBucketMask = (1U << kBucketBits) - 1;
constexpr std::uint32_t kFailed = 1U << 14U;
constexpr std::uint32_t kJudged = 1U << 15U;
constexpr std::uint32_t kSlow = 1U << 16U;
constexpr std::uint32_t kStepShift = 24;
static_assert(kBuckets <= kBucketMask);

constexpr std::uint64_t kMostAhead = std::chrono::seconds(1) / model::kReleaseTick;

std::uint32_t step_mark(std::uint32_t step) {
  constexpr std::uint32_t kMarks = 255;
  return step % kMarks + 1;
}

model::ArmCounts& arm_of(model::StratumCounts& row, bool canary) {
  return canary ? row.canary : row.stable;
}

bool says_something(const model::ArmCounts& arm) {
  return arm.entered > 0 || arm.failed > 0 || arm.slow > 0 || arm.timed > 0 || arm.ended > 0 || arm.gone > 0;
}

bool says_something(const model::StratumCounts& row) {
  return says_something(row.stable) || says_something(row.canary);
}

bool says_something(const model::ReleaseTick& row) {
  return says_something(row.keyed) || says_something(row.keyless) || row.platform[0] + row.platform[1] > 0;
}

}  // namespace

void KeyLedger::AtRisk::count(std::uint32_t weight) {
  const auto split = by_bucket.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(weight, kAllBuckets));
  arms[1] = std::accumulate(by_bucket.begin(), split, 0U);
  arms[0] = std::accumulate(split, by_bucket.end(), 0U);
}

void KeyLedger::AtRisk::add(std::uint32_t bucket, bool canary) {
  ++by_bucket[bucket];
  ++arms.at(canary ? 1 : 0);
}

void KeyLedger::AtRisk::remove(std::uint32_t bucket, bool canary) {
  --by_bucket[bucket];
  --arms.at(canary ? 1 : 0);
}

KeyLedger::KeyLedger(Options options)
    : options_(options),
      now_(options.first_tick),
      closed_(options.first_tick),
      eras_{{.from = 0, .weight = options.weight, .step = options.step}},
      keys_(options.key_bytes),
      probation_(options.probation) {
  static_assert(AtRisk::kAllBuckets == kBuckets);
  for (model::LatencyShape& shape : shapes_) shape.buckets.resize(model::kLatencyBuckets);
}

void KeyLedger::change(std::uint64_t from, std::uint32_t weight, std::uint32_t step) {
  from = std::max(from, closed_);
  if (eras_.back().weight == weight && eras_.back().step == step) return;
  tell_firsts();
  if (eras_.back().from == from) {
    eras_.back() = {.from = from, .weight = weight, .step = step};
  } else {
    eras_.push_back({.from = from, .weight = weight, .step = step});
  }
}

const KeyLedger::Era& KeyLedger::era_at(std::uint64_t tick) const {
  const auto after = std::ranges::upper_bound(eras_, tick, {}, &Era::from);
  return after == eras_.begin() ? *after : *std::prev(after);
}

KeyLedger::Pending& KeyLedger::pending_at(std::uint64_t tick) {
  const auto index = static_cast<std::size_t>(tick - closed_);
  if (pending_.size() <= index) pending_.resize(index + 1);
  return pending_[index];
}

void KeyLedger::untold(bool canary, std::uint64_t requests) {
  model::ArmTotals& totals = totals_.at(canary ? 1 : 0);
  totals.requests += requests;
  totals.untracked += requests;
  pending_at(std::max(now_, closed_)).requests.at(canary ? 1 : 0) += static_cast<std::uint32_t>(requests);
}

void KeyLedger::admitted(const Admission& event) {
  if (event.tick > now_ + kMostAhead) advance(event.tick);
  const std::uint64_t tick = std::max(event.tick, closed_);
  Pending& pending = pending_at(tick);
  if (event.tick >= closed_) ++pending.open;  // one that comes after its tick was closed settles late, too
  model::ArmTotals& totals = totals_.at(event.canary ? 1 : 0);
  ++totals.requests;
  ++pending.requests.at(event.canary ? 1 : 0);
  if (event.key == 0) {
    const bool stray = event.canary != (event.bucket < era_at(tick).weight);
    if (stray) {
      ++totals.untracked;
    } else {
      ++arm_of(pending.keyless, event.canary).entered;
      ++arm_of(pending.keyless, event.canary).open;
    }
  } else if (event.bucket >= kBuckets || items_ + 2 > options_.most_items) {
    ++totals.untracked;
    refused_.insert(event.request);
  } else {
    items_ += 2;  // its outcome's place, too
    const bool stray = event.canary != (event.bucket < era_at(tick).weight);
    if (!stray && is_new(event)) ahead_request_.insert(event.request);
    pending.entries.push_back({.key = event.key,
                               .request = event.request,
                               .bucket = event.bucket,
                               .canary = event.canary,
                               .origin = event.origin});
  }
}

void KeyLedger::settled(const Settlement& event) {
  model::ArmTotals& totals = totals_.at(event.canary ? 1 : 0);
  if (event.cause != FailureCause::none) ++totals.failures.at(static_cast<std::size_t>(event.cause));
  if (event.cold) ++totals.cold;
  const bool late = event.tick < closed_;
  if (late) ++totals.late;
  Pending& pending = pending_at(late ? std::max(now_, closed_) : event.tick);
  if (!late && pending.open > 0) --pending.open;
  if (event.cause == FailureCause::platform) ++pending.platform.at(event.canary ? 1 : 0);
  if (event.key == 0) {
    // One that ends late keeps the arm that served it: it is no key that could have changed over.
    const bool stray = !late && event.canary != (event.bucket < era_at(event.tick).weight);
    if (!stray) keyless_outcome(event, late, pending);
    if (event.cause == FailureCause::app) failed_first(event);
    return;
  }
  const bool failed = event.cause == FailureCause::app;
  if (refused_.erase(event.request) > 0) return;
  if (ahead_request_.erase(event.request) > 0 && failed) failed_first(event);
  pending.outcomes.push_back({.key = event.key,
                              .request = event.request,
                              .canary = event.canary,
                              .failed = failed,
                              .good = event.cause == FailureCause::none,
                              .late = late,
                              .judged = event.judged,
                              .slow = event.judged && event.slow,
                              .shaped = !event.cold && event.cause == FailureCause::none,
                              .latency_bucket = static_cast<std::uint16_t>(latency_bucket(event.latency))});
}

void KeyLedger::keyless_outcome(const Settlement& event, bool late, Pending& pending) {
  model::ArmCounts& arm = arm_of(pending.keyless, event.canary);
  const bool failed = event.cause == FailureCause::app;
  const bool good = event.cause == FailureCause::none;
  if (failed || good) ++arm.at_risk;
  if (failed) ++arm.failed;
  if (!failed && !good) ++arm.gone;
  if (event.judged) ++arm.at_risk_slow;
  if (event.judged) ++arm.timed;
  if (event.judged && event.slow) ++arm.slow;
  if (late) {
    ++arm.ended;
    return;
  }
  if (arm.open > 0) --arm.open;
}

std::uint32_t KeyLedger::open() const {
  return std::accumulate(pending_.begin(), pending_.end(), 0U,
                         [](std::uint32_t sum, const Pending& each) { return sum + each.open; });
}

void KeyLedger::advance(std::uint64_t now) {
  now_ = std::max(now_, now);
  close();
  tell_firsts();
}

void KeyLedger::close() {
  while (closed_ + 1 < now_) {
    const bool old = closed_ + kWatermark <= now_;
    if (!pending_.empty() && pending_.front().open > 0 && !old) return;
    if (pending_.empty()) {  // nobody came for a while
      closed_ = now_ - 1;
      enter_era(closed_ - 1);
      return;
    }
    close_next();
  }
}

// Will enter with this request, as far as can be told before its tick closes.
bool KeyLedger::is_new(const Admission& event) {
  if (event.origin == KeyOrigin::returning || find(event.key) != nullptr) return false;
  if (event.origin == KeyOrigin::elsewhere && keys_.size() >= keys_.room()) return false;
  return ahead_.insert(event.key).second;
}

void KeyLedger::failed_first(const Settlement& event) {
  const Era& present = eras_.back();
  if (event.tick < present.from || event.canary != (event.bucket < present.weight)) return;
  ++(event.canary ? failed_firsts_.canary_failed : failed_firsts_.stable_failed);
}

void KeyLedger::tell_firsts() {
  if (failed_firsts_ == model::FirstRequests{}) return;
  failed_firsts_.number = std::max(now_, next_firsts_);
  failed_firsts_.weight = eras_.back().weight;
  next_firsts_ = failed_firsts_.number + 1;
  firsts_.push_back(std::exchange(failed_firsts_, {}));
}

void KeyLedger::enter_era(std::uint64_t tick) {
  bool changed = false;
  bool new_step = false;
  while (eras_.size() > 1 && eras_[1].from <= tick) {
    new_step = new_step || eras_[1].step != eras_[0].step;
    changed = true;
    eras_.pop_front();
  }
  if (changed) {
    risk_.count(eras_.front().weight);
    slow_risk_.count(eras_.front().weight);
  }
  if (new_step) {
    for (model::LatencyShape& shape : shapes_) std::ranges::fill(shape.buckets, 0U);
    observed_.clear();
  }
}

void KeyLedger::close_next() {
  enter_era(closed_);
  const Pending pending = std::move(pending_.front());
  pending_.pop_front();
  for (const Entry& entry : pending.entries) ahead_.erase(entry.key);
  items_ -= pending.entries.size() + pending.outcomes.size();
  model::ReleaseTick row{.number = closed_, .weight = eras_.front().weight, .keyed = {}, .keyless = pending.keyless};
  ++closed_;
  // A key may have come back in the tick in which it was minted, and be told first by another worker.
  minted_now_ = 0;
  for (const bool minted : {true, false}) {
    for (const Entry& entry : pending.entries) {
      if ((entry.origin == KeyOrigin::minted) == minted) enter(entry, row.keyed);
    }
  }
  for (const Outcome& outcome : pending.outcomes) count(outcome, row.keyed);
  row.keyed.stable.at_risk = risk_.arms[0];
  row.keyed.canary.at_risk = risk_.arms[1];
  row.keyed.stable.at_risk_slow = slow_risk_.arms[0];
  row.keyed.canary.at_risk_slow = slow_risk_.arms[1];
  leave_risk();
  row.platform = pending.platform;
  for (std::size_t arm = 0; arm < requests_.size(); ++arm) requests_.at(arm) += pending.requests.at(arm);
  if (!says_something(row)) return;
  row.requests = std::exchange(requests_, {});
  ticks_.push_back(row);
}

void KeyLedger::enter(const Entry& entry, model::StratumCounts& row) {
  const bool stray = entry.canary != (entry.bucket < eras_.front().weight);
  std::uint32_t* const state = stray ? nullptr : find_or_enter(entry, row);
  if (state == nullptr) {
    ++totals_.at(entry.canary ? 1 : 0).untracked;
    return;
  }
  const std::uint32_t mark = step_mark(eras_.front().step);
  if (*state >> kStepShift == mark) return;
  *state = (*state & ((1U << kStepShift) - 1)) | mark << kStepShift;
  observed_.insert(entry.request);
}

std::uint32_t* KeyLedger::find(std::uint64_t key) {
  std::uint32_t* const state = keys_.find(key);
  return state != nullptr ? state : probation_.find(key);
}

// Null: it is untracked.
std::uint32_t* KeyLedger::find_or_enter(const Entry& entry, model::StratumCounts& row) {
  bool added = false;
  if (std::uint32_t* const known = find(entry.key); known != nullptr) {
    if (entry.origin == KeyOrigin::minted || probation_.find(entry.key) == nullptr) return known;
    // It came back. Where the table is full it stays on probation.
    std::uint32_t* const place = keys_.find_or_add(entry.key, added);
    if (place == nullptr) return known;
    *place = *known;
    probation_.take(entry.key);
    return place;
  }
  if (entry.origin == KeyOrigin::returning) return nullptr;
  if (entry.origin == KeyOrigin::minted) {
    if (!mint(entry)) return nullptr;
  } else {
    std::uint32_t* const place = keys_.find_or_add(entry.key, added);
    if (place == nullptr) return nullptr;
    *place = entry.bucket;
  }
  ++arm_of(row, entry.canary).entered;
  ++arm_of(row, entry.canary).open;
  first_.insert(entry.request);
  risk_.add(entry.bucket, entry.canary);
  return find(entry.key);
}

// False: all on probation were minted in this very tick, and have entered in it.
bool KeyLedger::mint(const Entry& entry) {
  if (minted_now_ == probation_.places()) return false;
  ++minted_now_;
  const std::optional<std::uint32_t> left = probation_.add(entry.key, entry.bucket);
  if (left) censor(*left);
  return true;
}

// Before the tick's outcomes count, and by its mints alone.
void KeyLedger::censor(std::uint32_t state) {
  const std::uint32_t bucket = state & kBucketMask;
  const bool canary = bucket < eras_.front().weight;
  if ((state & kFailed) == 0) risk_.remove(bucket, canary);
  if ((state & kJudged) != 0 && (state & kSlow) == 0) slow_risk_.remove(bucket, canary);
}

void KeyLedger::count(const Outcome& outcome, model::StratumCounts& row) {
  const bool observed = observed_.erase(outcome.request) > 0;
  if (first_.erase(outcome.request) > 0) first_ended(outcome, row);
  std::uint32_t* const state = find(outcome.key);
  if (state == nullptr) return;  // untracked, or it has left
  const std::uint32_t bucket = *state & kBucketMask;
  const bool canary = bucket < eras_.front().weight;
  if (canary != outcome.canary) return;  // the other arm's doing: the key has changed over meanwhile
  if (outcome.failed && (*state & kFailed) == 0) {
    *state |= kFailed;
    ++arm_of(row, canary).failed;
    failed_now_.push_back(bucket);
  }
  if (observed && outcome.shaped) ++shapes_.at(canary ? 1 : 0).buckets[outcome.latency_bucket];
  if (!outcome.judged) return;
  if ((*state & kJudged) == 0) {
    *state |= kJudged;
    ++arm_of(row, canary).timed;
    slow_risk_.add(bucket, canary);
  }
  if (outcome.slow && (*state & kSlow) == 0) {
    *state |= kSlow;
    ++arm_of(row, canary).slow;
    slow_now_.push_back(bucket);
  }
}

void KeyLedger::first_ended(const Outcome& outcome, model::StratumCounts& row) {
  model::ArmCounts& arm = arm_of(row, outcome.canary);
  if (!outcome.failed && !outcome.good) ++arm.gone;
  if (outcome.late) {
    ++arm.ended;
  } else if (arm.open > 0) {
    --arm.open;
  }
}

void KeyLedger::leave_risk() {
  const std::uint32_t weight = eras_.front().weight;
  for (const std::uint32_t bucket : std::exchange(failed_now_, {})) risk_.remove(bucket, bucket < weight);
  for (const std::uint32_t bucket : std::exchange(slow_now_, {})) slow_risk_.remove(bucket, bucket < weight);
}

std::vector<model::ReleaseTick> KeyLedger::take_ticks() {
  return std::exchange(ticks_, {});
}

std::vector<model::FirstRequests> KeyLedger::take_firsts() {
  return std::exchange(firsts_, {});
}

}  // namespace marea::decide
