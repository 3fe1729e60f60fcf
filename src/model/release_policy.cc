#include "model/release_policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "model/characters.h"
#include "model/names.h"
#include "model/release_readers.h"
#include "model/tree.h"

namespace marea::model {
namespace {

constexpr std::array kStrategies = {std::string_view("none"), std::string_view("canary"),
                                    std::string_view("blue-green"), std::string_view("all-at-once")};
constexpr std::array kUnknownRules = {std::string_view("advance"), std::string_view("hold"), std::string_view("ask")};
constexpr std::array kWaitRules = {std::string_view("fail"), std::string_view("advance")};
constexpr std::array kGateKinds = {std::string_view("manual"), std::string_view("webhook")};
constexpr std::array kNotices = {std::string_view("started"), std::string_view("advanced"),
                                 std::string_view("waiting"), std::string_view("promoted"),
                                 std::string_view("ended"),   std::string_view("rolled-back"),
                                 std::string_view("warning")};
static_assert(kNotices.size() == kReleaseNotices);
constexpr std::array kBaselines = {std::string_view("measured"), std::string_view("running"),
                                   std::string_view("fresh")};

Json secret_document(const SecretKey& secret) {
  return {{"name", secret.name}, {"key", secret.key}};
}

// What read_position() reads.
std::string print_position(Weight weight) {
  return weight == kWholeWeight ? "promotion" : print_weight(weight);
}

Json gate_document(const ReleaseGate& gate) {
  Json out = {{"name", gate.name}, {"before", print_position(gate.before)}, {"kind", to_string(gate.kind)}};
  if (gate.kind == GateKind::webhook) {
    out["url"] = gate.url;
    if (!gate.secret.name.empty()) out["secretKeyRef"] = secret_document(gate.secret);
  }
  out["timeout"] = print_duration(gate.timeout);
  out["atTimeout"] = to_string(gate.at_timeout);
  return out;
}

Json notification_document(const NotificationRule& rule) {
  Json out = {{"url", rule.url}};
  if (!rule.secret.name.empty()) out["secretKeyRef"] = secret_document(rule.secret);
  if (!rule.of.empty()) {
    out["of"] = Json::array();
    for (const ReleaseNotice each : rule.of) out["of"].push_back(to_string(each));
  }
  return out;
}

Json ladder_document(const std::vector<LadderStep>& ladder) {
  Json out = Json::array();
  for (const LadderStep& step : ladder) {
    out.push_back({{"weight", print_weight(step.weight)},
                   {"warmUp", print_duration(step.warm_up)},
                   {"minimum", print_duration(step.minimum)},
                   {"maximum", print_duration(step.maximum)}});
  }
  return out;
}

}  // namespace

std::vector<LadderStep> default_ladder() {
  std::vector<LadderStep> out;
  for (const Weight percent : {1U, 5U, 25U, 50U, 99U}) {
    out.push_back({.weight = percent * kOnePercent,
                   .warm_up = std::chrono::seconds(15),
                   .minimum = std::chrono::seconds(30),
                   .maximum = std::chrono::minutes(2)});
  }
  return out;
}

ReleasePolicy default_policy(ReleaseStrategy strategy) {
  ReleasePolicy out;
  out.strategy = strategy;
  if (strategy == ReleaseStrategy::canary) return out;
  out.ladder.clear();
  out.holdback = 0;
  return out;
}

Json release_policy_spec(const ReleasePolicy& policy) {
  Json out = {{"strategy", to_string(policy.strategy)}};
  if (policy.strategy == ReleaseStrategy::none) return out;  // nothing else of it has an effect
  if (policy.strategy == ReleaseStrategy::canary) {
    out["ladder"] = ladder_document(policy.ladder);
    out["holdback"] = print_weight(policy.holdback);
  }
  out["prepare"] = print_duration(policy.prepare);
  out["tolerance"] = {{"harm", policy.tolerances.harm},
                      {"promotion", policy.tolerances.promotion},
                      {"latency", policy.tolerances.latency}};
  out["alpha"] = policy.alpha;
  out["beta"] = policy.beta;
  Json objectives = Json::object();
  if (policy.objectives.latency) objectives["latency"] = print_duration(*policy.objectives.latency);
  if (policy.objectives.availability) objectives["availability"] = *policy.objectives.availability;
  if (!objectives.empty()) out["objectives"] = std::move(objectives);
  out["cannotKnow"] = to_string(policy.unknown);
  out["unprovenLimit"] = policy.unproven_limit;
  out["hold"] = {{"maximum", print_duration(policy.hold.maximum)}, {"then", to_string(policy.hold.then)}};
  out["watch"] = print_duration(policy.watch);
  for (const ReleaseGate& gate : policy.gates) out["gates"].push_back(gate_document(gate));
  for (const NotificationRule& rule : policy.notifications) out["notifications"].push_back(notification_document(rule));
  out["baseline"] = to_string(policy.baseline);
  out["sticky"] = to_string(policy.sticky);
  if (policy.rollback_until) out["rollback"] = {{"forbiddenAfter", print_position(*policy.rollback_until)}};
  return out;
}

Json release_policy_document(const std::string& name, const ReleasePolicy& policy) {
  return {{"apiVersion", "marea.dev/v1"},
          {"kind", "ReleasePolicy"},
          {"metadata", {{"name", name}}},
          {"spec", release_policy_spec(policy)}};
}

std::string_view to_string(ReleaseStrategy value) {
  return word_of(kStrategies, value);
}
std::string_view to_string(UnknownRule value) {
  return word_of(kUnknownRules, value);
}
std::string_view to_string(WaitRule value) {
  return word_of(kWaitRules, value);
}
std::string_view to_string(GateKind value) {
  return word_of(kGateKinds, value);
}
std::string_view to_string(ReleaseNotice value) {
  return word_of(kNotices, value);
}
std::string_view to_string(Baseline value) {
  return word_of(kBaselines, value);
}

std::string to_string(const StickyRule& value) {
  switch (value.by) {
    case StickyRule::By::cookie: return "cookie";
    case StickyRule::By::header: return "header " + value.header;
    case StickyRule::By::off: return "off";
  }
  return {};
}

std::optional<ReleaseStrategy> parse_strategy(std::string_view word) {
  const auto found = std::ranges::find(kStrategies, word);
  if (found == kStrategies.end()) return std::nullopt;
  return static_cast<ReleaseStrategy>(found - kStrategies.begin());
}

std::expected<StickyRule, std::string> parse_sticky(std::string_view text) {
  constexpr std::string_view kHeader = "header ";
  if (text == "cookie") return StickyRule{};
  if (text == "off") return StickyRule{.by = StickyRule::By::off, .header = {}};
  if (text.starts_with(kHeader) && text.size() <= kHeader.size() + kMostLabelBytes &&
      is_token(text.substr(kHeader.size()))) {
    return StickyRule{.by = StickyRule::By::header, .header = lower_case(text.substr(kHeader.size()))};
  }
  return std::unexpected("must be cookie, off, or header and its name, such as \"header X-Customer\", is " +
                         in_quotes(text));
}

std::optional<Weight> parse_weight(std::string_view text) {
  if (text.ends_with('%')) text.remove_suffix(1);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string hundredths(point == std::string_view::npos ? "" : text.substr(point + 1));
  if (point != std::string_view::npos && hundredths.empty()) return std::nullopt;
  while (hundredths.size() > 2 && hundredths.back() == '0') hundredths.pop_back();
  if (whole.empty() || whole.size() > 3 || hundredths.size() > 2) return std::nullopt;
  hundredths.resize(2, '0');
  const std::string digits = std::string(whole) + hundredths;
  if (!std::ranges::all_of(digits, is_digit)) return std::nullopt;
  Weight out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (out > kWholeWeight) return std::nullopt;
  return out;
}

std::string print_weight(Weight weight) {
  std::string out = std::to_string(weight / kOnePercent);
  if (const Weight rest = weight % kOnePercent; rest != 0) {
    out += '.';
    out += static_cast<char>('0' + rest / 10);
    if (rest % 10 != 0) out += static_cast<char>('0' + rest % 10);
  }
  return out + '%';
}

std::optional<Weight> weight_of_number(const Json& percent) {
  return percent.is_number() ? parse_weight(percent.dump()) : std::nullopt;
}

Json weight_number(Weight weight) {
  if (weight % kOnePercent == 0) return weight / kOnePercent;
  return static_cast<double>(weight) / kOnePercent;
}

std::string print_duration(base::Duration duration) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits = {
      {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
  std::int64_t rest = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  std::string out;
  for (const auto& [unit, milliseconds] : kUnits) {
    if (rest < milliseconds) continue;
    out += std::to_string(rest / milliseconds) + std::string(unit);
    rest %= milliseconds;
  }
  return out.empty() ? "0s" : out;
}

}  // namespace marea::model
