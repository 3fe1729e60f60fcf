#include "model/experiment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "model/characters.h"
#include "model/release_readers.h"

namespace marea::model {
namespace {

constexpr std::array<std::string_view, 2> kBetter = {"lower", "higher"};
constexpr std::array<std::string_view, 2> kMetrics = {"failures", "slow"};
constexpr std::array<std::string_view, 2> kBreachRules = {"end", "warn"};
constexpr std::array<std::string_view, 2> kDeployRules = {"end", "refuse"};
constexpr std::array<std::string_view, kExperimentPhases> kExperimentWords = {"running", "ended"};
constexpr std::array<std::string_view, kExperimentEnds> kEnds = {"none",      "date",   "person",
                                                                 "guardrail", "deploy", "arm-gone"};
constexpr std::int64_t kNanosecond = 1'000'000'000;

std::string_view subject_word(MatchSubject subject) {
  constexpr std::array<std::string_view, 6> kSubjects = {"header", "cookie", "query", "path", "method", "client"};
  return word_of(kSubjects, subject);
}

Json texts_document(const std::vector<std::string>& texts) {
  return texts.size() == 1 ? Json(texts.front()) : Json(texts);
}

const char* kind_word(MatchKind kind) {
  return kind == MatchKind::regex ? "regex" : kind == MatchKind::prefix ? "prefix" : "exact";
}

// A segment with its conditions, as marea.dev/match has them.
Json segment_document(const Segment& segment) {
  Json out = Json::object();
  if (!segment.name.empty()) out["name"] = segment.name;
  for (const MatchCondition& each : segment.conditions) {
    const std::string field(subject_word(each.subject));
    if (each.subject == MatchSubject::method || each.subject == MatchSubject::client) {
      out[field] = texts_document(each.values);
      continue;
    }
    Json made = Json::object();
    if (!each.name.empty()) made["name"] = each.name;
    made[kind_word(each.kind)] = texts_document(each.values);
    if (each.subject == MatchSubject::path) {
      out[field] = std::move(made);
    } else {
      out[field].push_back(std::move(made));
    }
  }
  return out;
}

Json arm_document(const ExperimentArm& arm) {
  Json out = {{"name", arm.name}, {"revision", arm.revision.str()}};
  if (arm.weight > 0) out["weight"] = print_weight(arm.weight);
  if (arm.customers) {
    out["customers"] = {{std::string(subject_word(arm.customers->subject)), arm.customers->name},
                        {"ids", arm.customers->values}};
  }
  for (const auto& segment : arm.segments) out["segments"].push_back(segment_document(segment));
  return out;
}

std::string print_status(const OutcomeRoute& route) {
  if (route.least_status == route.most_status) return std::to_string(route.least_status);
  return std::to_string(route.least_status / 100) + "xx";
}

Json conversion_document(const Conversion& conversion) {
  Json out = {{"name", conversion.name}};
  if (!conversion.event.empty()) {
    out["event"] = conversion.event;
  } else {
    out["route"] = conversion.route.method + " " + conversion.route.path;
    out["status"] = print_status(conversion.route);
  }
  return out;
}

Json guardrail_document(const Guardrail& guardrail) {
  Json out = {{"metric", to_string(guardrail.metric)}, {"tolerance", guardrail.tolerance}};
  if (guardrail.metric == GuardrailMetric::slow) out["objective"] = print_duration(guardrail.objective);
  return out;
}

// So many digits of the text at `at`, as a number.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  const std::string_view part = text.substr(at, count);
  if (!std::ranges::all_of(part, is_digit)) return std::nullopt;
  int out = 0;
  std::from_chars(part.data(), part.data() + part.size(), out);
  return out;
}

// "Z", "+05:00": seconds east of Greenwich.
std::optional<int> offset_of(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const auto hours = digits(text, 1, 2);
  const auto minutes = digits(text, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (*hours * 3600 + *minutes * 60);
}

}  // namespace

bool matches_path(std::string_view pattern, std::string_view path) {
  for (;;) {
    if (pattern == "/**") return path.size() > 1 && path.front() == '/';
    if (pattern.empty() || path.empty()) return pattern.empty() && path.empty();
    if (pattern.front() != '/' || path.front() != '/') return false;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    const std::string_view wanted = pattern.substr(0, pattern.find('/'));
    const std::string_view has = path.substr(0, path.find('/'));
    if (wanted == "*" ? has.empty() : wanted != has) return false;
    pattern.remove_prefix(wanted.size());
    path.remove_prefix(has.size());
  }
}

std::vector<std::size_t> weighted_arms(const ExperimentSpec& spec) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < spec.arms.size(); ++i) {
    if (spec.arms[i].weight > 0) out.push_back(i);
  }
  return out;
}

base::Duration slow_objective(const ExperimentSpec& spec) {
  const auto found = std::ranges::find(spec.guardrails, GuardrailMetric::slow, &Guardrail::metric);
  return found == spec.guardrails.end() ? base::Duration{0} : found->objective;
}

Json experiment_document(const ExperimentSpec& spec) {
  Json out = {{"service", spec.service.str()}};
  for (const ExperimentArm& arm : spec.arms) out["arms"].push_back(arm_document(arm));
  for (const Conversion& each : spec.conversions) out["conversions"].push_back(conversion_document(each));
  for (const Measure& each : spec.measures) {
    out["measures"].push_back(
        {{"name", each.name}, {"event", each.event}, {"quantile", each.quantile}, {"better", to_string(each.better)}});
  }
  out["guardrails"] = Json::array();
  for (const Guardrail& each : spec.guardrails) out["guardrails"].push_back(guardrail_document(each));
  out["onBreach"] = to_string(spec.breach);
  out["onDeploy"] = to_string(spec.deploys);
  out["ends"] = print_moment(spec.ends_unix_ns);
  out["alpha"] = spec.alpha;
  out["window"] = print_duration(spec.window);
  out["sticky"] = to_string(spec.sticky);
  if (spec.consent) {
    out["consent"] = {{std::string(subject_word(spec.consent->subject)), spec.consent->name},
                      {kind_word(spec.consent->kind), texts_document(spec.consent->values)}};
  }
  return {{"apiVersion", kOwnApiVersion},
          {"kind", "Experiment"},
          {"metadata", {{"name", spec.name}}},
          {"spec", std::move(out)}};
}

std::string_view to_string(Better value) {
  return word_of(kBetter, value);
}
std::string_view to_string(GuardrailMetric value) {
  return word_of(kMetrics, value);
}
std::string_view to_string(BreachRule value) {
  return word_of(kBreachRules, value);
}
std::string_view to_string(DeployRule value) {
  return word_of(kDeployRules, value);
}
std::string_view to_string(ExperimentPhase value) {
  return word_of(kExperimentWords, value);
}
std::string_view to_string(ExperimentEnd value) {
  return word_of(kEnds, value);
}

std::optional<std::int64_t> parse_moment(std::string_view text) {
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < 1970 || *year > 2200) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  std::int64_t seconds = days * 86'400;
  if (text.size() == 10) return seconds * kNanosecond;
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!hour || !minute || !second || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
      text[16] != ':' || *hour > 23 || *minute > 59 || *second > 59) {
    return std::nullopt;
  }
  std::size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && is_digit(text[at]);) ++at;
    if (at == 20) return std::nullopt;
  }
  const auto offset = offset_of(text.substr(at));
  if (!offset) return std::nullopt;
  seconds += *hour * 3600 + *minute * 60 + *second - *offset;
  return seconds < 0 ? std::nullopt : std::optional(seconds * kNanosecond);
}

std::string print_moment(std::int64_t unix_ns) {
  const std::chrono::sys_seconds moment{std::chrono::seconds(unix_ns / kNanosecond)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(moment - day);
  std::array<char, 40> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return out.data();
}

}  // namespace marea::model
