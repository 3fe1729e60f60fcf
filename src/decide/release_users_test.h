// A world of users for tests of the release judge: who asks, whose requests fail and are slow, and what router would
// tell of it tick by tick. It draws requests and knows nothing of likelihoods: a user has an arm by his number and the
// weight, a rate and a temper, and what router tells is counted from what happened to each of them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "model/release_counts.h"

namespace marea::decide {

struct UsersTerms {
  std::size_t users = 2000;
  double requests = 200;  // a second
  double spread = 0;      // sigma of the log-normal rates of users; 0: all ask equally often
  double failing = 0.01;  // share of requests that fail at stable
  double slow = 0;        // share of requests that are slow at stable
  double frail = 1;       // share of users who have all the failures; a request of theirs fails 1/frail times as often
  double failing_factor = 1;  // of the canary
  double slow_factor = 1;
  double factors_from = 0;    // second from which both factors act; before it both are 1
  double keyless = 0;         // share of requests without a key
  double keyless_factor = 1;  // of failures of those at the canary
  double misled = 0;          // share of the canary's new users who come to stable instead
  std::function<std::uint32_t(double)> weight = [](double) { return 1000U; };  // by the second
};

class Users {
 public:
  Users(UsersTerms terms, std::uint64_t seed) : terms_(std::move(terms)), random_(seed), users_(terms_.users) {
    std::normal_distribution<double> normal;
    double sum = 0;
    for (User& user : users_) {
      sum += terms_.spread > 0 ? std::exp(terms_.spread * normal(random_)) : 1;
      user.rates_up_to = sum;
      user.bucket = static_cast<std::uint32_t>(chance_(random_) * 10'000);
      user.frail = chance_(random_) < terms_.frail;
      user.misled = chance_(random_) < terms_.misled;
    }
    next_request_ = gap();
  }

  double second() const { return static_cast<double>(number_) * 0.02; }

  model::ReleaseTick tick() {
    move_arms(terms_.weight(second()));
    model::ReleaseTick tick{.number = number_, .weight = weight_};
    firsts_ = {.number = number_, .weight = weight_};
    tick.keyed.stable = at_risk_[0];
    tick.keyed.canary = at_risk_[1];
    ++number_;
    while (next_request_ < second()) {
      request(tick);
      next_request_ += gap();
    }
    for (const bool canary : {false, true}) {
      const model::ArmCounts& told = canary ? tick.keyed.canary : tick.keyed.stable;
      at_risk_[canary] = {.at_risk = told.at_risk - told.failed, .at_risk_slow = told.at_risk_slow - told.slow};
    }
    return tick;
  }

  static bool tells(const model::ReleaseTick& tick) {
    const auto arm = [](const model::ArmCounts& counts) {
      return counts.entered + counts.failed + counts.slow + counts.timed > 0;
    };
    return arm(tick.keyed.stable) || arm(tick.keyed.canary) || arm(tick.keyless.stable) || arm(tick.keyless.canary);
  }

  // Of the last tick; all requests have ended in it.
  const model::FirstRequests& firsts() const { return firsts_; }
  std::uint64_t requests(bool canary) const { return requests_[canary]; }
  std::uint64_t number() const { return number_; }

 private:
  struct User {
    double rates_up_to = 0;
    std::uint32_t bucket = 0;
    bool frail = false;
    bool misled = false;
    bool entered = false;
    bool failed = false;
    bool slow = false;
  };

  double gap() { return std::exponential_distribution<double>(terms_.requests)(random_); }
  bool in_canary(const User& user) const { return user.bucket < weight_ && !user.misled; }

  void move_arms(std::uint32_t weight) {
    if (weight == weight_) return;
    weight_ = weight;
    at_risk_[0] = at_risk_[1] = {};
    for (const User& user : users_) {
      if (!user.entered) continue;
      at_risk_[in_canary(user)].at_risk += user.failed ? 0 : 1;
      at_risk_[in_canary(user)].at_risk_slow += user.slow ? 0 : 1;
    }
  }

  void first(bool canary, bool failed) {
    if (failed) ++(canary ? firsts_.canary_failed : firsts_.stable_failed);
  }

  void request(model::ReleaseTick& tick) {
    if (terms_.keyless > 0 && chance_(random_) < terms_.keyless) return keyless_request(tick);
    const double at = chance_(random_) * users_.back().rates_up_to;
    User& user = *std::ranges::upper_bound(users_, at, {}, &User::rates_up_to);
    const bool canary = in_canary(user);
    ++requests_[canary];
    ++tick.requests[canary];
    model::ArmCounts& counts = canary ? tick.keyed.canary : tick.keyed.stable;
    const bool is_first = !user.entered;
    if (is_first) {
      user.entered = true;
      ++counts.entered;
      ++counts.at_risk;
      ++counts.timed;
      ++counts.at_risk_slow;
    }
    const bool changed = canary && next_request_ >= terms_.factors_from;
    const double failing = user.frail ? terms_.failing / terms_.frail * (changed ? terms_.failing_factor : 1) : 0;
    const bool failed = chance_(random_) < failing;
    if (is_first) first(canary, failed);
    if (!user.failed && failed) {
      user.failed = true;
      ++counts.failed;
    }
    if (terms_.slow > 0 && !user.slow && chance_(random_) < terms_.slow * (changed ? terms_.slow_factor : 1)) {
      user.slow = true;
      ++counts.slow;
    }
  }

  void keyless_request(model::ReleaseTick& tick) {
    const bool canary = chance_(random_) * 10'000 < weight_;
    ++requests_[canary];
    ++tick.requests[canary];
    model::ArmCounts& counts = canary ? tick.keyless.canary : tick.keyless.stable;
    ++counts.entered;
    ++counts.at_risk;
    ++counts.timed;
    ++counts.at_risk_slow;
    const bool changed = canary && next_request_ >= terms_.factors_from;
    const bool failed = chance_(random_) < terms_.failing * (changed ? terms_.keyless_factor : 1);
    first(canary, failed);
    if (failed) ++counts.failed;
    if (terms_.slow > 0 && chance_(random_) < terms_.slow * (changed ? terms_.slow_factor : 1)) ++counts.slow;
  }

  UsersTerms terms_;
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> chance_;
  std::vector<User> users_;
  std::uint64_t number_ = 0;
  std::uint32_t weight_ = 0;
  double next_request_ = 0;
  std::array<model::ArmCounts, 2> at_risk_{};
  std::array<std::uint64_t, 2> requests_{};
  model::FirstRequests firsts_;
};

// 1 → 5 → 25 → 50 %, a quarter of `seconds` each.
inline std::function<std::uint32_t(double)> ladder(double seconds) {
  return [seconds](double second) {
    constexpr std::array<std::uint32_t, 4> kWeights{100, 500, 2500, 5000};
    return kWeights.at(std::min<std::size_t>(3, static_cast<std::size_t>(4 * second / seconds)));
  };
}

}  // namespace marea::decide
