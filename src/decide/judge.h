// Whether a release's canary is worse than stable: asked again and again while the release runs, and never more often
// wrong than its policy allows, however often it is asked. One value per release; it reads no clock.
//
//   Judge judge(policy, JudgeState{});              // or the state that was stored
//   const Verdict verdict = judge.feed(counts);     // each time router tells; then store judge.state()
//   switch (verdict.answer) …
//
// Exactly once: ticks that were eaten are skipped, so counts may be fed twice, and a control that dies between storing
// and acknowledging loses and doubles nothing. JudgeState is plain, finite numbers; all that verdict() says follows
// from it.
//
// bad is final: the first tick at which a test falls, if it was judged and the split was trusted then. Everything else
// may change with the next counts: proven_good is taken back when later counts speak against it. What is missing is
// never taken for good or bad: see Doubt. In this order: bad, Doubt's, proven_good, not_yet.
//
// mostly_failing is no finding at alpha, but a reason not to go on by time: at least kLeastSeen of the canary's units
// were judged, more than half of them failed, and no more than half of stable's did. The next that are served well take
// it back.
//
// A router that begins anew has forgotten its keys; those that come again are taken for other users. What was found
// out before stays: a rollback must not wait because router died. Its ticks are numbered by the wall clock as it was
// when it began: where that was put back they begin below those that were eaten, and the judge's time goes back with
// them. Ticks that were lost take evidence of harm with them, so what spoke for the canary is forgotten with them, and
// what spoke against it is not.
//
// Platform's failures are summed over ticks, in half minutes of the release's own: whether a tick is judged depends on
// the minute before it, not on how many ticks come at once. A step in which platform was in trouble says nothing by its
// shape any more, which holds the latencies of that time, too.
//
// Strata. Units with and without a key prove the canary good each by themselves, where they matter: those with a key
// from kLeastAsked units on, those without if they are a tenth of all as well. What was asked once is always asked.
//
// The tests: relative_risk.h (failures, and the share slower than the objective), first_requests.h, absolute_rate.h,
// slower_shape.h, sample_ratio.h. Why the unit is the key, and what was weighed: docs/decisions/0046.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decide/absolute_rate.h"
#include "decide/first_requests.h"
#include "decide/judge_policy.h"
#include "decide/relative_risk.h"
#include "decide/sample_ratio.h"
#include "decide/slower_shape.h"
#include "model/release_counts.h"

namespace marea::decide {

enum class Answer : std::uint8_t {
  not_yet,      // stay in the step until its maximum
  proven_good,  // the next step may come early
  bad,          // roll back now
  cannot_know   // Doubt says why
};

// Why nothing can be known, worst first.
enum class Doubt : std::uint8_t {
  none,
  sample_ratio,      // the arms' new keys are not split as the weights say: never trusted again in this release
  platform_trouble,  // platform itself failed too many requests in the last minute; its ticks are not judged
  lost_ticks,        // ticks were lost within the last minute that was told: harm may have been in them
  mostly_failing,    // too little is known to call it bad, but most of what was seen of the canary failed
  no_stable,         // stable has had no unit: nothing to compare with
  too_few_keys,      // Verdict::missing_keys more must come
  untimed,           // of too few units a latency counted: no objective yet, all waited for a start, or none ended well
  few_busy_users,    // most keys have failed already, in both arms: they cannot tell the arms apart any more
  untracked          // too many requests of keys for which router had no memory
};

enum class JudgedMetric : std::uint8_t { failures, slow, shape };
inline constexpr std::size_t kJudgedMetrics = 3;

// What one metric says, with what it was found by. E-values are bounded by 1e300.
struct Evidence {
  JudgedMetric metric = JudgedMetric::failures;
  // Since the release began, of the ticks that were judged; of the shape: in this step, `hits` are 0.
  std::uint64_t canary_units = 0;
  std::uint64_t canary_hits = 0;
  std::uint64_t stable_units = 0;
  std::uint64_t stable_hits = 0;
  // Bad when e_value reached the limit. Of the shape: the distance of the distributions and the band.
  double e_value = 1;
  double limit = 0;
  std::optional<std::uint64_t> fell_at;  // the tick
  // Of failures: the rule on first requests, by which it is bad as well (first_requests.h).
  double firsts = 1;
  double firsts_limit = 0;
  // Of the stratum that has the least. Proven good while one of both is at its limit; no limits for the shape, which
  // only must not have fallen.
  double proof = 1;
  double proof_limit = 0;
  double absolute = 1;
  double absolute_limit = 0;
  std::optional<std::uint64_t> proven_at;  // the tick since which it is proven
  // Relative risks from this one on are ruled out at 1 - beta at any time; none: no risk is.
  std::optional<double> risk_below;
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

struct Verdict {
  Answer answer = Answer::cannot_know;
  Doubt doubt = Doubt::too_few_keys;   // of cannot_know
  std::optional<JudgedMetric> metric;  // of bad: the first that fell
  std::uint64_t tick = 0;              // at which the answer fell: of bad its own, else the last eaten one
  std::vector<Evidence> evidence;      // of the judged metrics, in the enum's order
  std::uint64_t missing_keys = 0;      // of too_few_keys and no_stable: units that the smaller arm lacks
  double split = 1;                    // E-value of the sample ratio
  double split_limit = 0;
  double platform_share = 0;  // of the arm in which it is larger, in the last minute
  // The largest of the metrics' and strata's; none: of one of them nothing is ruled out. One of which unproven_share()
  // is ruled out is left out, and 0 where all are: so it may be less than an Evidence's own.
  std::optional<double> risk_below;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Whether a step that is at its maximum may be left without proof: neither bad nor in doubt, and a relative risk of
// the policy's limit is ruled out, or so many times the share of failing (slow) units that is good whatever stable's
// is: where nearly nothing fails, a multiple of it cannot be ruled out in a day.
bool may_advance_unproven(const JudgePolicy& policy, const Verdict& verdict);

// "too few keys", and the sentence that tells what would change it.
std::string_view to_string(Answer answer);
std::string_view to_string(Doubt doubt);
std::string_view to_string(JudgedMetric metric);
std::string_view remedy(Doubt doubt);

// A stratum with fewer units need not prove itself, and is proven by nothing.
inline constexpr std::uint64_t kLeastAsked = 200;

// Of the canary's units, before they can be mostly failing.
inline constexpr std::uint64_t kLeastSeen = 2;

// Requests of both arms at a tick.
struct RequestMark {
  std::uint64_t tick = 0;
  std::array<std::uint64_t, 2> requests{};  // stable, canary
  std::array<std::uint64_t, 2> platform{};
  friend bool operator==(const RequestMark&, const RequestMark&) = default;
};

// Units that were judged by one metric.
struct UnitCounts {
  std::uint64_t units = 0;
  std::uint64_t hits = 0;
  friend bool operator==(const UnitCounts&, const UnitCounts&) = default;
};

// A metric of risk: failures, slow ones.
struct RiskMetricState {
  KeylessPool pool;
  HarmState harm;
  ProofState proof;
  BoundState bound;
  std::array<AbsoluteState, kStrata> absolute;
  std::array<AbsoluteState, kStrata> tolerable;  // against unproven_share()
  std::array<bool, kStrata> asked{};             // must prove themselves, since when they mattered first
  std::array<UnitCounts, 2> keyed;               // stable, canary
  std::array<UnitCounts, 2> keyless;             // the same
  std::optional<std::uint64_t> fell_at;
  std::optional<std::uint64_t> proven_at;
  friend bool operator==(const RiskMetricState&, const RiskMetricState&) = default;
};

struct Fall {
  JudgedMetric metric = JudgedMetric::failures;
  std::uint64_t tick = 0;
  friend bool operator==(const Fall&, const Fall&) = default;
};

struct JudgeState {
  std::string release;                   // of the first counts; those of other releases are not eaten
  std::uint64_t memory = 0;              // of router: with another one keys enter anew, and the split is tested anew
  std::uint64_t closed = 0;              // ticks of this memory below this number are eaten
  std::uint64_t skipped = 0;             // told ticks that were not judged, since platform was in trouble
  std::array<RiskMetricState, 2> risks;  // failures, slow
  FirstsState firsts;
  bool firsts_over = false;  // router began anew: its keys' first requests are no first ones
  ShapeState shape;
  std::optional<std::uint32_t> muted;  // the step whose shapes say nothing: platform was in trouble in it
  SampleRatioState split;
  std::array<std::uint64_t, 2> entered{};     // units: stable, canary
  std::uint64_t keys = 0;                     // keyed ones that entered, in router's present memory
  std::uint64_t keys_at_risk = 0;             // of them: have not failed, as far as they were followed
  std::array<std::uint64_t, kStrata> open{};  // first requests of the canary's units that have not ended
  // Sums of told ticks, at the end of the half minute before last, of the last one, and now.
  RequestMark older;
  RequestMark newer;
  RequestMark told;
  RequestMark last;                      // router's own totals, for people
  std::uint64_t untracked = 0;           // requests of both arms
  std::uint64_t lost = 0;                // ticks, in router's present memory
  std::optional<std::uint64_t> lost_at;  // the tick that was closed when the last loss was told
  std::optional<Fall> bad;               // said, and final
  friend bool operator==(const JudgeState&, const JudgeState&) = default;
};

class Judge {
 public:
  // `policy` is valid (faults_of) and the one with which `state` began.
  Judge(JudgePolicy policy, JudgeState state);

  Verdict feed(const model::ReleaseCounts& counts);
  // As of the last feed.
  Verdict verdict() const;

  const JudgePolicy& policy() const { return policy_; }
  const JudgeState& state() const { return state_; }

 private:
  struct Limits {
    double harm = 0;  // natural logarithms
    double firsts = 0;
    double proof = 0;
    double absolute = 0;
  };
  Limits limits(JudgedMetric metric) const;
  double platform_share() const;
  bool judged() const { return platform_share() <= policy_.platform_limit; }
  void begin_memory(const model::ReleaseCounts& counts);
  void go_back_to(std::uint64_t tick);
  void note_totals(const model::ReleaseCounts& counts);
  void turn_marks(std::uint64_t tick);
  void eat_firsts(const std::vector<model::FirstRequests>& firsts);
  void eat(const model::ReleaseTick& tick, std::uint32_t step);
  void eat_risk(JudgedMetric metric, const model::ReleaseTick& tick);
  void eat_absolute(JudgedMetric metric, Stratum stratum, const model::ArmCounts& canary);
  void eat_shape(const model::ReleaseCounts& counts);
  void fall(JudgedMetric metric, std::uint64_t tick);
  bool judges(JudgedMetric metric) const { return policy_.latency || metric == JudgedMetric::failures; }
  const RiskMetricState& risk(JudgedMetric metric) const { return state_.risks.at(static_cast<std::size_t>(metric)); }
  double absolute(JudgedMetric metric, Stratum stratum) const;
  double absolute(JudgedMetric metric) const;
  double proof(JudgedMetric metric) const;
  std::optional<double> bound(JudgedMetric metric) const;
  std::optional<double> unproven_bound() const;
  bool proven(JudgedMetric metric) const;
  bool tolerable(JudgedMetric metric, Stratum stratum) const;
  Doubt distrust() const;
  bool mostly_failing() const;
  Doubt lack() const;
  std::uint64_t missing_units(JudgedMetric metric) const;
  Evidence evidence(JudgedMetric metric) const;
  Evidence shape_evidence() const;

  JudgePolicy policy_;
  JudgeState state_;
  HarmTest harm_;
  FirstsRule firsts_;
  ProofTest proof_;
  std::array<AbsoluteTest, 2> few_;        // failures, slow
  std::array<AbsoluteTest, 2> tolerable_;  // the same
  ShapeTest shape_;
};

}  // namespace marea::decide
