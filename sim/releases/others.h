// What marea is compared with: a policy of fixed thresholds, and a test that is looked at too often. Both see every
// answer at once and without a mistake, which neither has in the field (a scrape of metrics is 15 s to a minute late).
// Neither knows whose fault a 5xx is.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/releases/rule.h"

namespace marea::sim::releases {

// Flagger's canary analysis with the figures of its documentation: each minute success >= 99 % and p99 <= 500 ms over
// that minute, the fifth failed check rolls back at the minute after it, a passed one moves 10 % more to the canary, up
// to 50 %, and then promotes. A minute without requests is a failed check; failed ones are not forgiven.
// Sources: fluxcd/flagger docs/gitbook/usage/{metrics,how-it-works}.md, pkg/controller/scheduler.go.
class FixedThresholds final : public Rule {
 public:
  // `fixed`: the canary has 10 % throughout.
  explicit FixedThresholds(bool fixed) : fixed_(fixed) {}

  model::Weight weight(base::Duration /*at*/) override { return weight_; }
  void began(Visit& /*visit*/) override {}
  void ended(const Visit& visit, const Answer& answer, base::Duration at) override;
  void canary_crashed(base::Duration /*at*/) override {}
  void look(base::Duration at) override;
  const Standing& standing() const override { return standing_; }

 private:
  bool passes();
  void end(Way way, base::Duration at);

  bool fixed_;
  model::Weight weight_ = 10 * model::kOnePercent;
  int failed_checks_ = 0;
  base::Duration checked_{};
  std::uint64_t failures_ = 0;    // of this minute
  std::vector<float> latencies_;  // the same: seconds
  Standing standing_;
};

// A two-proportion z-test of requests at one-sided 1 %, looked at every second as if it were the only look. A request
// is bad that failed or took longer than 500 ms. marea's ladder, each step for its maximum and with counts of its own.
class NaiveTest final : public Rule {
 public:
  explicit NaiveTest(const model::ReleasePolicy& policy) : ladder_(policy.ladder) {}

  model::Weight weight(base::Duration /*at*/) override { return weight_; }
  void began(Visit& /*visit*/) override {}
  void ended(const Visit& visit, const Answer& answer, base::Duration at) override;
  void canary_crashed(base::Duration /*at*/) override {}
  void look(base::Duration at) override;
  const Standing& standing() const override { return standing_; }

 private:
  bool significant() const;

  std::vector<model::LadderStep> ladder_;
  std::size_t step_ = 0;
  model::Weight weight_ = ladder_.front().weight;
  base::Duration step_since_{};
  base::Duration looked_{};
  std::array<double, 2> requests_{};  // stable, canary
  std::array<double, 2> bad_{};
  Standing standing_;
};

}  // namespace marea::sim::releases
