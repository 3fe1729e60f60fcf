#include "app/cli_release_report.h"

#include <algorithm>

#include "app/cli_view.h"
#include "base/rfc3339.h"

namespace marea::app {
namespace {

std::optional<std::int64_t> count_at(const Json& value, std::initializer_list<std::string_view> path) {
  const Json* found = find(value, path);
  return found != nullptr && found->is_number() ? std::optional(found->get<std::int64_t>()) : std::nullopt;
}

double real_at(const Json& value, std::string_view key, double otherwise) {
  const Json* found = find(value, {key});
  return found != nullptr && found->is_number() ? found->get<double>() : otherwise;
}

std::optional<base::WallTime> time_at(const Json& release, std::string_view key) {
  return base::parse_rfc3339(text_at(release, {"status", key})).transform([](std::int64_t at) {
    return base::WallTime{at};
  });
}

const std::vector<Json>& list_at(const Json& value, std::initializer_list<std::string_view> path) {
  static const std::vector<Json> kNone;
  const Json* found = find(value, path);
  return found != nullptr && found->is_array() ? found->get_ref<const Json::array_t&>() : kNone;
}

std::optional<model::ReleasePhase> phase_from(std::string_view word) {
  for (std::size_t i = 0; i < model::kReleasePhases; ++i) {
    const auto phase = static_cast<model::ReleasePhase>(i);
    if (to_string(phase) == word) return phase;
  }
  return std::nullopt;
}

// Three digits are what the platform's buckets are worth.
std::string in_ms(double ms) {
  return ms < 100 ? fmt::format("{:.3g}", ms) : fmt::format("{:.0f}", ms);
}

ArmReport read_arm(const Json& release, std::string_view arm) {
  const auto count = [&](std::string_view what) { return count_at(release, {"status", "evidence", arm, what}); };
  const auto latency = [&](std::string_view of) {
    const Json* found = find(release, {"status", "evidence", arm, "latency", of});
    return found != nullptr && found->is_number() ? in_ms(found->get<double>()) : std::string();
  };
  return {.revision = text_at(release, {"spec", arm}),
          .requests = count("requests"),
          .keys = count("keys"),
          .failed = count("failed"),
          .slow = count("slow"),
          .p50 = latency("p50Ms"),
          .p95 = latency("p95Ms"),
          .p99 = latency("p99Ms")};
}

// Stable's share is what the canary leaves.
void read_weights(const Json& release, ReleaseReport& out) {
  const auto weight = model::parse_weight(text_at(release, {"status", "weight"}));
  if (!weight) return;
  out.canary.weight = model::print_weight(*weight);
  if (!out.stable.revision.empty()) out.stable.weight = model::print_weight(model::kWholeWeight - *weight);
}

LimitReport read_limit(const Json& value, std::string_view key = "eValue") {
  return {.value = real_at(value, key, 1), .limit = real_at(value, "limit", 0)};
}

TestReport read_test(const Json& test) {
  const Json* proof = find(test, {"proof"});
  const Json* absolute = find(test, {"absolute"});
  const bool distance = find(test, {"distance"}) != nullptr;
  return {.name = text_at(test, {"name"}),
          .distance = distance,
          .worse = read_limit(test, distance ? "distance" : "eValue"),
          .good = proof == nullptr ? LimitReport{} : read_limit(*proof),
          .absolute = absolute == nullptr ? LimitReport{} : read_limit(*absolute)};
}

void read_tests(const Json& release, ReleaseReport& out) {
  for (const Json& test : list_at(release, {"status", "evidence", "tests"})) out.tests.push_back(read_test(test));
  if (const Json* ratio = find(release, {"status", "evidence", "sampleRatio"})) out.split = read_limit(*ratio);
  if (const Json* bound = find(release, {"status", "riskBound"}); bound != nullptr && bound->is_number()) {
    out.risk_bound = bound->get<double>();
  }
}

// A step of the policy is its weight, or an object that has it.
void read_ladder(const Json& release, ReleaseReport& out) {
  const std::vector<Json>& left = list_at(release, {"status", "steps"});
  for (const Json& step : list_at(release, {"spec", "policy", "ladder"})) {
    RungReport rung{.weight = step.is_object()   ? text_at(step, {"weight"})
                              : step.is_string() ? step.get<std::string>()
                                                 : ""};
    if (out.ladder.size() < left.size()) rung.proof = text_at(left[out.ladder.size()], {"proof"});
    out.ladder.push_back(std::move(rung));
  }
  out.step = static_cast<int>(count_at(release, {"status", "step"}).value_or(0)) - 1;
}

void read_distances(const Json& release, ReleaseReport& out) {
  for (const Json& one : list_at(release, {"status", "evidence", "distances"})) {
    out.distances.push_back({.name = text_at(one, {"name"}),
                             .proven = text_at(one, {"proven"}) == "true",
                             .clean = count_at(one, {"clean"}),
                             .alike = count_at(one, {"alike"}),
                             .bad = count_at(one, {"bad"}),
                             .lost = count_at(one, {"lost"})});
  }
}

void read_times(const Json& release, base::WallTime now, ReleaseReport& out) {
  const auto since = time_at(release, "sinceTime");
  const auto deadline = time_at(release, "deadlineTime");
  if (since) out.in_phase = base::Duration(std::max<std::int64_t>(0, now.unix_ns - since->unix_ns));
  if (deadline) out.left = base::Duration(std::max<std::int64_t>(0, deadline->unix_ns - now.unix_ns));
  out.endless = out.phase == model::ReleasePhase::paused && !deadline;
}

void read_history(const Json& release, ReleaseReport& out) {
  const auto left_out = count_at(release, {"status", "historyLeftOut"}).value_or(0);
  out.history_left_out = static_cast<std::size_t>(std::max<std::int64_t>(0, left_out));
  for (const Json& line : list_at(release, {"status", "history"})) {
    out.history.push_back({.time = text_at(line, {"time"}),
                           .actor = text_at(line, {"actor"}),
                           .who = text_at(line, {"who"}),
                           .event = text_at(line, {"event"}),
                           .weight = text_at(line, {"weight"}),
                           .why = text_at(line, {"why"})});
  }
}

}  // namespace

bool ReleaseReport::promoted() const {
  using enum model::ReleasePhase;
  if (!phase) return false;
  if (*phase == watching || *phase == comparing || *phase == done) return true;
  const bool stands_still = *phase == paused || *phase == holding;
  return stands_still && step >= std::ssize(ladder);
}

ReleaseReport read_release_report(const Json& release, base::WallTime now) {
  ReleaseReport out{.name = name_of(release),
                    .service = text_at(release, {"spec", "service"}),
                    .phase = phase_from(text_at(release, {"status", "phase"})),
                    .cause = text_at(release, {"status", "cause"}),
                    .detail = text_at(release, {"status", "detail"}),
                    .verdict = text_at(release, {"status", "verdict"}),
                    .doubt = text_at(release, {"status", "evidence", "doubt"}),
                    .change = text_at(release, {"status", "evidence", "wouldChange"}),
                    .judged = text_at(release, {"status", "evidence", "verdict"}),
                    .missing_keys = count_at(release, {"status", "evidence", "missingKeys"}),
                    .gate = text_at(release, {"status", "gate", "name"}),
                    .stable = read_arm(release, "stable"),
                    .canary = read_arm(release, "canary"),
                    .last_known_stable = text_at(release, {"status", "lastKnownStable"}),
                    .marked_bad = text_at(release, {"status", "bad"}) == "true"};
  read_weights(release, out);
  read_tests(release, out);
  read_distances(release, out);
  read_ladder(release, out);
  read_times(release, now, out);
  read_history(release, out);
  for (const Json& line : list_at(release, {"status", "changes"})) {
    if (line.is_string()) out.changes.push_back(line.get<std::string>());
  }
  return out;
}

}  // namespace marea::app
