// An experiment (A/B test): named arms, who gets which, and what is compared: an Experiment (marea.dev/v1) in YAML or
// JSON, and its values. Parsing finds every fault at once, each with its line and path; a field that nobody knows is a
// fault. What it is to do (ExperimentSpec) never changes while it runs, but its end and what deploys mean to it.
//
// Arms with a weight divide the users by their key, at random, and are compared. Arms with segments or customers get
// those that the rules name; what they did is counted apart, since nobody drew lots for them. Pure: text in, values
// out.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"
#include "model/experiment_counts.h"
#include "model/manifest.h"
#include "model/match_rule.h"
#include "model/release_policy.h"

namespace marea::model {

inline constexpr base::Duration kMostExperimentTime = std::chrono::hours(24 * 366);
inline constexpr base::Duration kMostExperimentWindow = std::chrono::hours(24);  // keys wait so long in memory

struct Segment {
  std::string name;                        // may be empty
  std::vector<MatchCondition> conditions;  // all hold
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct ExperimentArm {
  std::string name;
  base::RevisionName revision;
  Weight weight = 0;                        // of all that no rule leads; 0: rules alone
  std::optional<MatchCondition> customers;  // an allow-list: their ids, and where a request says its own
  std::vector<Segment> segments;            // whoever is in one of them
  friend bool operator==(const ExperimentArm&, const ExperimentArm&) = default;
};

// What a user may do once: counted once a key.
struct Conversion {
  std::string name;
  OutcomeRoute route;  // by a request and its answer;
  std::string event;   // or, where not empty, by this event
  friend bool operator==(const Conversion&, const Conversion&) = default;
};

enum class Better : std::uint8_t { lower, higher };

// A number that a page or the app posts, one of each key: the first.
struct Measure {
  std::string name;
  std::string event;
  double quantile = 0.75;  // which is compared, beside the mean; three quarters is what Core Web Vitals go by
  Better better = Better::lower;
  friend bool operator==(const Measure&, const Measure&) = default;
};

enum class GuardrailMetric : std::uint8_t {
  failures,  // keys that met a failure of the app
  slow       // keys that met an answer slower than the objective
};

// No arm may harm users beyond it, compared with the first.
struct Guardrail {
  GuardrailMetric metric = GuardrailMetric::failures;
  double tolerance = 1.2;      // relative risk that is no harm
  base::Duration objective{};  // of slow
  friend bool operator==(const Guardrail&, const Guardrail&) = default;
};

enum class BreachRule : std::uint8_t { end, warn };
// What a deploy that makes a new revision means: it ends the experiment, or it is refused while that runs.
enum class DeployRule : std::uint8_t { end, refuse };

struct ExperimentSpec {
  std::string name;
  base::ServiceName service;
  std::vector<ExperimentArm> arms;  // the first with a weight is the control: what others are compared with
  std::vector<Conversion> conversions;
  std::vector<Measure> measures;
  std::vector<Guardrail> guardrails = {Guardrail{}};
  BreachRule breach = BreachRule::end;
  DeployRule deploys = DeployRule::end;
  std::int64_t ends_unix_ns = 0;
  double alpha = 0.05;  // of any comparison of conversions and measures being wrong, over the whole experiment
  base::Duration window = std::chrono::minutes(30);  // a conversion counts that comes so soon after the first request
  StickyRule sticky;                                 // cookie or header; who has no such header takes no part
  std::optional<MatchCondition> consent;             // of a header or cookie; who does not fulfil it takes no part
  friend bool operator==(const ExperimentSpec&, const ExperimentSpec&) = default;
};

// The arms that are compared, by their place in spec.arms; the first is the control.
std::vector<std::size_t> weighted_arms(const ExperimentSpec& spec);
// Of all slow guardrails there is one; zero: none.
base::Duration slow_objective(const ExperimentSpec& spec);

enum class ExperimentPhase : std::uint8_t { running, ended };
inline constexpr std::size_t kExperimentPhases = 2;

enum class ExperimentEnd : std::uint8_t {
  none,
  date,       // spec.ends is past
  person,     //
  guardrail,  // an arm harmed users
  deploy,     // a new revision came: releases win
  arm_gone,   // the revision of an arm is no more
};
inline constexpr std::size_t kExperimentEnds = 6;

struct ExperimentState {
  ExperimentPhase phase = ExperimentPhase::running;
  ExperimentEnd cause = ExperimentEnd::none;
  std::string detail;  // the cause in words
  std::string who;     // of a person
  std::int64_t began_unix_ns = 0;
  std::int64_t ended_unix_ns = 0;
  friend bool operator==(const ExperimentState&, const ExperimentState&) = default;
};

struct ExperimentDocument {
  ExperimentSpec spec;
  Json document;  // as the user wrote it
  std::vector<Fault> notices;
};

// One or more YAML documents or one JSON value; the result keeps their order. That spec.ends is past is no fault here:
// what was stored is read again.
std::expected<std::vector<ExperimentDocument>, Faults> parse_experiments(std::string_view text);
std::expected<ExperimentDocument, Faults> parse_experiment(Json document);
// Of a document that may have faults: what of it can be read.
ExperimentSpec experiment_wish(const Json& document);

// As parse_experiment() reads it back; without `status`.
Json experiment_document(const ExperimentSpec& spec);

std::string_view to_string(Better value);
std::string_view to_string(GuardrailMetric value);
std::string_view to_string(BreachRule value);
std::string_view to_string(DeployRule value);
std::string_view to_string(ExperimentPhase value);
std::string_view to_string(ExperimentEnd value);

// RFC 3339: "2026-12-24T18:00:00Z", with any offset, fractions dropped; or a day, whose beginning in UTC is meant.
std::optional<std::int64_t> parse_moment(std::string_view text);
// To the second, in UTC.
std::string print_moment(std::int64_t unix_ns);

}  // namespace marea::model
