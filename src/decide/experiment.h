// What an experiment shows: router's counts in, a verdict for each arm out, with its evidence. May be asked at any time
// and as often as one likes; each guarantee holds for the whole experiment.
//
//   feed(data, spec, counts, tick);            // each time that router tells
//   ExperimentReport report = report_of(data, spec);
//
// Arms are compared with the control, the first arm that has a weight, over users whom the split assigned. α is shared
// evenly by all comparisons (arms but the control, times conversions and measures), so that the probability that any
// statement of theirs is ever wrong is at most α (Bonferroni). What a comparison states (either arm's rate, the
// difference, the ratio) is read off one set of pairs of rates; a measure spends half of its share on the quantiles and
// half on the means. Outside of α: the intervals of latencies, each of which is right by itself with 1 - α; the split
// and the guardrails, which have an α of their own.
//
// Rates: intervals.h, of the keys whose window is over; the first conversion is what the verdict goes by. Measures: the
// interval of the difference of the quantile, and that of the means, which is asymptotic.
//
// When router forgot its keys (a new memory): who has a cookie counts once, since router tells by the cookie's time
// that he came before, and so sums of memories are sums of users. Who is known by a header would be counted again. So
// those memories are kept apart, and all of a report is of one, that with the most users. Whichever that is: the k-th
// memory spends share_of_memory(k) of α, and these shares sum to 1. Their evidence of harm is averaged by the same
// shares.
//
// The split: decide/sample_ratio.h, arm by arm: whether a key is of the first arm, and if not whether of the second,
// and so on. Each question's martingale grows by factors of mean 1 given the past, so their product is one as well.
// When router forgot its keys (a new memory) those who come again draw the same lot again, so evidence of memories is
// not multiplied: the k-th counts with the weight 2^-k, and a mean of martingales is one, however they depend on each
// other. A split that looked wrong once stays mistrusted.
//
// Guardrails: the test of a release's failures (relative_risk.h) of each arm against the control, with keys at risk;
// each report of router is a tick of it, and the weight that of the arm among the two. Their α is kGuardrailAlpha,
// shared by guardrails and arms.
//
// Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "decide/intervals.h"
#include "decide/relative_risk.h"
#include "model/experiment.h"

namespace marea::decide {

inline constexpr double kExperimentSplitAlpha = 0.001;
inline constexpr double kGuardrailAlpha = 0.01;

struct ExperimentData {
  model::ExperimentCounts now;                          // as router told last; its sums are of this memory
  std::vector<model::ArmOutcomes> split_before;         // of memories that are no more, by arm; empty: there were none
  std::vector<model::ArmOutcomes> led_before;           //
  std::uint64_t memory_before = 0;                      // where memories are apart: whose they are, the first is 0
  std::uint64_t untracked_before = 0;                   //
  std::uint64_t crossed_before = 0;                     //
  std::vector<double> split_logs;                       // ln of the evidence against the weights, by memory
  bool mistrusted = false;                              // it was reached once
  std::vector<std::vector<HarmState>> guards;           // by guardrail, by compared arm
  std::vector<std::vector<std::uint64_t>> breached_at;  // the tick, the same; 0: it was not
  std::vector<std::vector<double>> guards_before;       // ln of the evidence of other memories, where they are apart
  std::vector<std::vector<model::SegmentOutcomes>> segments_before;  // as led_before, by the arm's segments
};

// Of α, for the k-th memory of router where memories are kept apart.
double share_of_memory(std::uint64_t memory);

// False: the counts say nothing new, or are not of this experiment's form. `tick`: since the experiment began, in
// model::kReleaseTick; does not go back.
bool feed(ExperimentData& data, const model::ExperimentSpec& spec, const model::ExperimentCounts& counts,
          std::uint64_t tick);

enum class ArmVerdict : std::uint8_t { too_early, unclear, better, worse };
inline constexpr std::size_t kArmVerdicts = 4;
std::string_view to_string(ArmVerdict value);

// One outcome of one arm against the control.
struct OutcomeReport {
  std::string name;
  bool measure = false;                     // else a conversion
  Hits control;                             // of a conversion
  Hits arm;                                 //
  Interval control_rate;                    //
  Interval arm_rate;                        //
  Interval ratio;                           //
  Interval difference;                      // arm - control: of rates, or of the quantile of a measure
  Interval control_quantile;                // of a measure
  Interval arm_quantile;                    //
  std::optional<Interval> mean_difference;  // asymptotic
  ArmVerdict verdict = ArmVerdict::too_early;
};

struct GuardrailReport {
  model::GuardrailMetric metric = model::GuardrailMetric::failures;
  std::size_t arm = 0;
  double log_evidence = 0;
  double limit = 0;
  bool breached = false;
};

struct ArmReport {
  std::size_t arm = 0;
  std::vector<OutcomeReport> outcomes;  // conversions, then measures; empty for the control
};

struct ExperimentReport {
  std::vector<model::ArmOutcomes> split;  // by arm
  std::vector<model::ArmOutcomes> led;
  std::vector<std::vector<model::SegmentOutcomes>> segments;  // by arm, by its segments: of those in `led`
  // By arm: intervals of the median and of the quantile 0.95 of the latencies of keys, in milliseconds.
  std::vector<std::array<Interval, 2>> latencies;
  std::uint64_t untracked = 0;
  std::uint64_t crossed = 0;
  std::size_t control = 0;
  std::vector<ArmReport> compared;  // without the control
  std::vector<GuardrailReport> guardrails;
  double split_log = 0;
  double split_limit = 0;
  bool mistrusted = false;
};

ExperimentReport report_of(const ExperimentData& data, const model::ExperimentSpec& spec);

// The guardrail that an arm broke first, if one did.
std::optional<GuardrailReport> breach_of(const ExperimentData& data, const model::ExperimentSpec& spec);

// The report in a sentence or some that need no statistics: English, Spanish.
struct Summary {
  std::string english;
  std::string spanish;
};
Summary summary_of(const ExperimentReport& report, const model::ExperimentSpec& spec,
                   const model::ExperimentState& state);

}  // namespace marea::decide
