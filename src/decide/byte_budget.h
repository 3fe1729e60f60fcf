// So many bytes a second, and a burst of them after a rest: whether more may be taken now. What is taken is told
// afterwards, since its size is not known before; the debt delays the next. A value; pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace marea::decide {

class ByteBudget {
 public:
  static constexpr std::int64_t kBurstSeconds = 2;  // of the rate: a start that tells much is no flood
  explicit ByteBudget(std::int64_t bytes_per_second)
      : rate_(bytes_per_second), left_(bytes_per_second * kBurstSeconds) {}

  bool open(base::Instant now) {
    if (now > at_) {
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - at_).count();
      const std::int64_t most = rate_ * kBurstSeconds;
      constexpr std::int64_t kHour = 3'600'000;  // beyond it every debt is paid, and the product stays small
      if (ms >= kHour) left_ = most;
      const std::int64_t gain = rate_ * std::min(ms, kHour) / 1000;
      if (gain > 0) {
        left_ = std::min(most, left_ + gain);
        at_ = now;
      }
    }
    return left_ > 0;
  }
  void spend(std::int64_t bytes) { left_ -= bytes; }

 private:
  std::int64_t rate_;
  std::int64_t left_;
  base::Instant at_{};
};

}  // namespace marea::decide
