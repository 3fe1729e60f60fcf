#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <set>
#include <span>
#include <utility>

#include "model/duration.h"
#include "model/names.h"
#include "model/release_readers.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

using base::Duration;

constexpr double kMostFactor = 50.0;  // what decide/judge_policy.h can judge
constexpr Weight kMostHoldback = 50 * kOnePercent;
constexpr Weight kMostStepWeight = kWholeWeight - 1;  // all of it is the promotion
constexpr Duration kLeastStepMaximum = std::chrono::seconds(1);

void read_step_times(Findings& findings, const Node& node, LadderStep& out) {
  read_wait(findings, node, "warmUp", Duration{0}, out.warm_up);
  read_wait(findings, node, "minimum", Duration{0}, out.minimum);
  read_wait(findings, node, "maximum", kLeastStepMaximum, out.maximum);
  const auto check = [&](std::string_view name, Duration time) {
    if (time <= out.maximum) return;
    const auto own = node.member(name);
    findings.fault(own ? *own : node, "the step's " + std::string(name) + " (" + print_duration(time) +
                                          ") must not exceed its maximum (" + print_duration(out.maximum) + ")");
  };
  check("warmUp", out.warm_up);
  check("minimum", out.minimum);
}

LadderStep read_step(Findings& findings, const Node& node, LadderStep out) {
  if (!node.value->is_object()) {
    out.weight = read_weight(findings, node, 1, kMostStepWeight).value_or(0);
    return out;
  }
  check_fields(findings, node, ObjectKind::ladder_step);
  if (const auto weight = node.member("weight")) {
    out.weight = read_weight(findings, *weight, 1, kMostStepWeight).value_or(0);
  } else {
    findings.missing(node, "weight", "the canary's share, such as \"25%\"");
  }
  read_step_times(findings, node, out);
  return out;
}

void read_ladder(Findings& findings, const Node& spec, ReleasePolicy& out) {
  LadderStep times = default_ladder().front();
  if (const auto step = spec.member("step"); step && check_fields(findings, *step, ObjectKind::ladder_step)) {
    if (const auto weight = step->member("weight")) {
      findings.fault_at_key(*weight, "has no effect here: these are the times of all steps; write weights in ladder");
    }
    read_step_times(findings, *step, times);
    for (LadderStep& each : out.ladder) each = {each.weight, times.warm_up, times.minimum, times.maximum};
  }
  const auto ladder = spec.member("ladder");
  if (!ladder || !findings.is_list(*ladder)) return;
  if (ladder->value->empty() || ladder->value->size() > kMostLadderSteps) {
    findings.fault(*ladder, "must have 1 to " + std::to_string(kMostLadderSteps) + " steps, has " +
                                std::to_string(ladder->value->size()) +
                                "; for none write strategy: blue-green or all-at-once");
    return;
  }
  out.ladder.clear();
  Weight highest = 0;  // of the sound ones, so that a fall behind a faulty step is told with it
  for (const Node& node : ladder->elements()) {
    const LadderStep step = read_step(findings, node, times);
    if (step.weight != 0 && step.weight <= highest) {
      findings.fault(node, "must be more than the steps before (" + print_weight(highest) + "), is " +
                               print_weight(step.weight) + ": a ladder rises");
    }
    highest = std::max(highest, step.weight);
    out.ladder.push_back(step);
  }
}

// Everything else of a policy says how a release goes.
void refuse_all_but_strategy(Findings& findings, const Node& spec) {
  for (const Field& field : fields_of(ObjectKind::release_policy_spec)) {
    const auto node = field.name == "strategy" ? std::nullopt : spec.member(field.name);
    if (node) findings.fault_at_key(*node, "has no effect with strategy: none: there is no release");
  }
}

// What only a canary has; else it is a fault, and the strategy's own is kept.
void read_split(Findings& findings, const Node& spec, ReleasePolicy& out) {
  if (out.strategy != ReleaseStrategy::canary) {
    for (const std::string_view name : {"ladder", "step", "holdback"}) {
      if (const auto node = spec.member(name)) {
        findings.fault_at_key(*node, "has no effect with strategy: " + std::string(to_string(out.strategy)) +
                                         "; it belongs to strategy: canary");
      }
    }
    return;
  }
  read_ladder(findings, spec, out);
  if (const auto node = spec.member("holdback")) {
    out.holdback = read_weight(findings, *node, 0, kMostHoldback).value_or(out.holdback);
  }
  const Weight last = out.ladder.back().weight;
  if (last > kWholeWeight - out.holdback) {
    const auto ladder = spec.member("ladder");
    const auto holdback = spec.member("holdback");
    findings.fault(holdback ? *holdback : *ladder, "the ladder's last step (" + print_weight(last) +
                                                       ") and the holdback (" + print_weight(out.holdback) +
                                                       ") must not sum to more than 100%");
  }
}

// "is \"25%\"", "is 25", "is a list": what was written, for a message.
std::string what_is(const Node& node) {
  if (const auto* text = node.value->get_ptr<const std::string*>()) return "is " + in_quotes(*text);
  return node.value->is_number() ? "is " + node.value->dump() : std::string(kind_of(*node.value));
}

// The weight of a step of the ladder, or kWholeWeight for "promotion".
std::optional<Weight> read_position(Findings& findings, const Node& node, const ReleasePolicy& policy) {
  const auto* text = node.value->get_ptr<const std::string*>();
  if (text != nullptr && *text == "promotion") return kWholeWeight;
  std::optional<Weight> weight;
  if (text != nullptr) weight = parse_weight(*text);
  if (node.value->is_number()) weight = parse_weight(node.value->dump());
  if (weight && std::ranges::find(policy.ladder, *weight, &LadderStep::weight) != policy.ladder.end()) return weight;
  if (policy.ladder.empty()) {
    findings.fault(node, "must be promotion: strategy " + std::string(to_string(policy.strategy)) + " has no steps, " +
                             what_is(node));
    return std::nullopt;
  }
  std::string steps;
  for (const LadderStep& step : policy.ladder) steps += print_weight(step.weight) + ", ";
  findings.fault(node, "must be a step of the ladder: " + steps + "or promotion, " + what_is(node));
  return std::nullopt;
}

// Whether it is an address of this machine or of a private network (RFC 1918, RFC 4193). What a name leads to is not
// known here.
bool is_nearby(std::string_view host) {
  constexpr std::array kLiterals = {"127.", "10.", "192.168.", "[::1]", "[fc", "[fd"};
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  const bool numeric = host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (!numeric) return false;
  if (std::ranges::any_of(kLiterals, [&](std::string_view each) { return host.starts_with(each); })) return true;
  if (!host.starts_with("172.")) return false;
  const std::string_view second = host.substr(4, host.find('.', 4) - 4);
  return second.size() == 2 && second >= "16" && second <= "31";
}

// HOST[:PORT] of a URL that has a scheme.
std::string_view authority_of(std::string_view url) {
  url.remove_prefix(url.find("//") + 2);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto user = url.rfind('@'); user != std::string_view::npos) url.remove_prefix(user + 1);
  return url;
}

// Empty when a bracket is not closed.
std::string_view host_of(std::string_view url) {
  const std::string_view authority = authority_of(url);
  return authority.starts_with('[') ? authority.substr(0, authority.find(']') + 1)
                                    : authority.substr(0, authority.find(':'));
}

// Whether there is a host to connect to, and a port that can be one; else that would come out at the first gate only.
bool can_be_reached(std::string_view url) {
  const std::string_view host = host_of(url);
  if (host.empty() || host == "[]") return false;
  std::string_view port = authority_of(url).substr(host.size());
  if (port.empty()) return true;
  if (!port.starts_with(':')) return false;
  port.remove_prefix(1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc() && end == port.data() + port.size() && number > 0;
}

void read_url(Findings& findings, const Node& owner, std::string& out) {
  const auto node = owner.member("url");
  if (!node) {
    findings.missing(owner, "url", "whom to ask, such as https://ci.example.com/gate");
    return;
  }
  const auto text = findings.text(*node);
  if (!text) return;
  out = *text;
  if (out.empty()) {
    findings.fault(*node, "must not be empty; write whom to ask, such as https://ci.example.com/gate");
    return;
  }
  const std::string_view rest = std::string_view(out).substr(std::min(out.size(), out.find("//") + 2));
  const bool scheme = out.starts_with("http://") || out.starts_with("https://");
  const bool plain = std::ranges::all_of(out, [](char c) { return c > ' ' && c <= '~'; });
  if (!scheme || !plain || rest.empty() || rest.front() == '/' || out.size() > kMostUrlBytes) {
    findings.fault(*node, "must be an http:// or https:// address of at most " + std::to_string(kMostUrlBytes) +
                              " characters, is " + in_quotes(out));
  } else if (!can_be_reached(out)) {
    findings.fault(*node,
                   "must have a host and, if it has a port, one from 1 to 65535, such as "
                   "https://ci.example.com:8443/gate, is " +
                       in_quotes(out));
  } else if (out.starts_with("http://") && !is_nearby(host_of(out))) {
    findings.notice(*node, "http: everybody on the way reads what is sent, and can answer instead; use https");
  }
}

void read_secret(Findings& findings, const Node& owner, SecretKey& out) {
  const auto node = owner.member("secretKeyRef");
  if (!node || !check_fields(findings, *node, ObjectKind::release_secret)) return;
  const auto part = [&](std::string_view name, std::string& text) {
    const auto member = node->member(name);
    if (!member) {
      findings.missing(*node, name, "of the secret that requests are signed with");
      return;
    }
    text = findings.text(*member).value_or("");
    if (auto fault = source_name_fault(text)) findings.fault(*member, *fault);
  };
  part("name", out.name);
  part("key", out.key);
}

ReleaseGate read_gate(Findings& findings, const Node& node, const ReleasePolicy& policy) {
  ReleaseGate out;
  if (!check_fields(findings, node, ObjectKind::release_gate)) return out;
  if (const auto name = node.member("name")) {
    out.name = findings.text(*name).value_or("");
    if (auto fault = label_fault(out.name)) findings.fault(*name, *fault);
  } else {
    findings.missing(node, "name", "by which it is shown, such as qa");
  }
  if (const auto before = node.member("before")) {
    out.before = read_position(findings, *before, policy).value_or(kWholeWeight);
  }
  read_word(findings, node, "kind", 2, out.kind);
  if (out.kind == GateKind::webhook) {
    read_url(findings, node, out.url);
    read_secret(findings, node, out.secret);
  } else {
    for (const std::string_view name : {"url", "secretKeyRef"}) {
      if (const auto member = node.member(name)) findings.fault_at_key(*member, "belongs to kind: webhook");
    }
  }
  read_wait(findings, node, "timeout", kLeastStepMaximum, out.timeout);
  read_word(findings, node, "atTimeout", 2, out.at_timeout);
  return out;
}

void read_gates(Findings& findings, const Node& spec, ReleasePolicy& out) {
  const auto gates = spec.member("gates");
  if (!gates || !findings.is_list(*gates)) return;
  if (gates->value->size() > kMostGates) {
    findings.fault(*gates, "must have at most " + std::to_string(kMostGates) + " gates");
    return;
  }
  std::set<std::string> names;
  for (const Node& node : gates->elements()) {
    out.gates.push_back(read_gate(findings, node, out));
    const std::string& name = out.gates.back().name;
    if (!name.empty() && !names.insert(name).second) {
      findings.fault(*node.member("name"), in_quotes(name) + " is there twice");
    }
  }
}

void read_notifications(Findings& findings, const Node& spec, ReleasePolicy& out) {
  const auto list = spec.member("notifications");
  if (!list || !findings.is_list(*list)) return;
  if (list->value->size() > kMostNotifications) {
    findings.fault(*list, "must have at most " + std::to_string(kMostNotifications) + " receivers");
    return;
  }
  for (const Node& node : list->elements()) {
    NotificationRule& rule = out.notifications.emplace_back();
    if (!check_fields(findings, node, ObjectKind::release_notification)) continue;
    read_url(findings, node, rule.url);
    read_secret(findings, node, rule.secret);
    const auto of = node.member("of");
    if (!of || !findings.is_list(*of)) continue;
    // No word is kept as "all", so that an empty list would tell the opposite of what it says.
    if (of->value->empty()) findings.fault(*of, "must have a word, such as rolled-back; leave it out for all");
    for (const Node& word : of->elements()) {
      const auto notice = one_word<ReleaseNotice>(findings, word, kReleaseNotices);
      if (notice && std::ranges::find(rule.of, *notice) == rule.of.end()) rule.of.push_back(*notice);
    }
  }
}

void read_judging(Findings& findings, const Node& spec, ReleasePolicy& out) {
  constexpr Range kFactor{.least = 1, .most = kMostFactor, .text = "a factor from 1 to 50"};
  constexpr Range kError{
      .least = 0, .most = 0.5, .above = true, .below = true, .text = "between 0 and 0.5, both excluded"};
  constexpr Range kRisk{.least = 1, .most = kMostFactor, .above = true, .text = "a relative risk above 1, at most 50"};
  constexpr Range kShare{
      .least = 0, .most = 1, .above = true, .below = true, .text = "a share between 0 and 1, such as 0.999"};
  ReleaseTolerances& tolerances = out.tolerances;
  if (const auto node = spec.member("tolerance");
      node && check_fields(findings, *node, ObjectKind::release_tolerance)) {
    read_number(findings, *node, "harm", kFactor, tolerances.harm);
    read_number(findings, *node, "promotion", kRisk, tolerances.promotion);
    read_number(findings, *node, "latency", kFactor, tolerances.latency);
    if (tolerances.promotion < tolerances.harm) {
      findings.fault(*node, "promotion (" + Json(tolerances.promotion).dump() + ") must not be below harm (" +
                                Json(tolerances.harm).dump() + "): nothing would be neither bad nor good");
    }
  }
  read_number(findings, spec, "alpha", kError, out.alpha);
  read_number(findings, spec, "beta", kError, out.beta);
  read_number(findings, spec, "unprovenLimit", kRisk, out.unproven_limit);
  if (const auto node = spec.member("objectives");
      node && check_fields(findings, *node, ObjectKind::release_objectives)) {
    Duration latency{0};
    read_wait(findings, *node, "latency", std::chrono::milliseconds(1), latency);
    if (latency > Duration{0}) out.objectives.latency = latency;
    double availability = 0;
    read_number(findings, *node, "availability", kShare, availability);
    if (availability > 0) out.objectives.availability = availability;
  }
  read_word(findings, spec, "cannotKnow", 3, out.unknown);
  read_word(findings, spec, "baseline", 3, out.baseline);
  if (out.baseline == Baseline::fresh) {
    findings.notice(*spec.member("baseline"),
                    "has no effect yet: the canary is compared with stable's running instances");
  }
}

}  // namespace

ReleasePolicyDocument read_release_policy_object(Findings& findings, const Node& node) {
  ReleasePolicyDocument out;
  if (!findings.is_object(node) || !check_own_kind(findings, node, "ReleasePolicy")) return out;
  check_fields(findings, node, ObjectKind::release_policy);
  out.name = read_own_name(findings, node);
  if (parse_strategy(out.name)) {
    findings.fault(*node.member("metadata")->member("name"),
                   in_quotes(out.name) + " is the name of a strategy, which services name in the same place");
  }
  if (const auto spec = node.member("spec")) {
    out.policy = read_release_policy(findings, *spec);
  } else {
    findings.missing(node, "spec", "how releases go; for the defaults write spec: {strategy: canary}");
  }
  return out;
}

std::optional<std::string> sticky_text(Findings& findings, const Node& node) {
  if (node.value->is_boolean() && !node.value->get<bool>()) return "off";
  return findings.text(node);
}

void read_wait(Findings& findings, const Node& owner, std::string_view name, Duration least, Duration& out,
               Duration most) {
  const auto node = owner.member(name);
  const auto text = node ? findings.text(*node) : std::nullopt;
  if (!text) return;
  const auto time = parse_duration(*text, most);
  if (time && *time >= least) {
    out = *time;
    return;
  }
  findings.fault(*node, "must be a time from \"" + print_duration(least) + "\" to \"" + print_duration(most) +
                            "\", such as \"90s\" or \"5m\", is " + in_quotes(*text));
}

void read_number(Findings& findings, const Node& owner, std::string_view name, const Range& range, double& out) {
  const auto node = owner.member(name);
  if (!node) return;
  if (!node->value->is_number()) {
    findings.fault(*node, "must be a number, " + std::string(kind_of(*node->value)));
    return;
  }
  const auto number = node->value->get<double>();
  // NaN fits nowhere.
  const bool fits = (range.above ? number > range.least : number >= range.least) &&
                    (range.below ? number < range.most : number <= range.most);
  if (fits) {
    out = number;
  } else {
    findings.fault(*node, "must be " + std::string(range.text) + ", is " + node->value->dump());
  }
}

std::optional<Weight> read_weight(Findings& findings, const Node& node, Weight least, Weight most) {
  std::optional<Weight> out;
  const auto* text = node.value->get_ptr<const std::string*>();
  if (text != nullptr) {
    out = parse_weight(*text);
  } else if (node.value->is_number()) {
    out = parse_weight(node.value->dump());
  }
  if (out && *out >= least && *out <= most) return out;
  findings.fault(node, "must be a share from " + print_weight(least) + " to " + print_weight(most) +
                           " in steps of 0.01%, such as \"25%\", " + what_is(node));
  return std::nullopt;
}

ReleasePolicy read_release_policy(Findings& findings, const Node& spec) {
  ReleasePolicy out;
  if (!check_fields(findings, spec, ObjectKind::release_policy_spec)) return out;
  read_word(findings, spec, "strategy", 4, out.strategy);
  out = default_policy(out.strategy);
  if (out.strategy == ReleaseStrategy::none) {
    refuse_all_but_strategy(findings, spec);
    return out;
  }
  read_split(findings, spec, out);
  read_wait(findings, spec, "prepare", kLeastStepMaximum, out.prepare);
  read_judging(findings, spec, out);
  if (const auto hold = spec.member("hold"); hold && check_fields(findings, *hold, ObjectKind::release_hold)) {
    read_wait(findings, *hold, "maximum", kLeastStepMaximum, out.hold.maximum);
    read_word(findings, *hold, "then", 2, out.hold.then);
  }
  read_wait(findings, spec, "watch", Duration{0}, out.watch);
  read_gates(findings, spec, out);
  read_notifications(findings, spec, out);
  if (const auto node = spec.member("sticky")) {
    if (const auto text = sticky_text(findings, *node)) {
      const auto sticky = parse_sticky(*text);
      if (sticky) out.sticky = *sticky;
      if (!sticky) findings.fault(*node, sticky.error());
    }
  }
  if (const auto node = spec.member("rollback"); node && check_fields(findings, *node, ObjectKind::release_rollback)) {
    if (const auto after = node->member("forbiddenAfter")) {
      out.rollback_until = read_position(findings, *after, out);
    }
  }
  return out;
}

bool check_own_kind(Findings& findings, const Node& node, std::string_view kind) {
  bool same = true;
  const auto check = [&](std::string_view name, std::string_view wanted) {
    const auto member = node.member(name);
    if (!member) return findings.missing(node, name, wanted);
    const auto text = findings.text(*member);
    if (!text || *text == wanted) return;
    same = false;
    findings.fault(*member,
                   "must be " + std::string(wanted) + ", is " + in_quotes(*text) + did_you_mean(*text, {wanted}));
  };
  check("apiVersion", kOwnApiVersion);
  check("kind", kind);
  return same;
}

std::string read_own_name(Findings& findings, const Node& node) {
  const auto metadata = node.member("metadata");
  if (!metadata) {
    findings.missing(node, "metadata", "it has name");
    return {};
  }
  if (!check_fields(findings, *metadata, ObjectKind::metadata)) return {};
  const auto name = metadata->member("name");
  if (!name) {
    findings.missing(*metadata, "name", "by which it is named elsewhere");
    return {};
  }
  const auto text = findings.text(*name);
  if (!text) return {};
  if (auto fault = label_fault(*text)) findings.fault(*name, *fault);
  return *text;
}

std::expected<std::vector<ReleasePolicyDocument>, Faults> parse_release_policies(std::string_view text) {
  Documents documents = read_documents(text);
  Findings findings;
  if (documents.trees.empty() && documents.faults.empty()) {
    documents.faults = {{1, 1, {}, "is empty: a policy begins with apiVersion: marea.dev/v1 and kind: ReleasePolicy"}};
  }
  findings.add(std::move(documents.faults));
  std::vector<ReleasePolicyDocument> out;
  for (const Tree& tree : documents.trees) {
    out.push_back(read_release_policy_object(findings, Node{&tree.value, &tree.place, {}}));
    out.back().document = tree.value;
    out.back().notices = findings.take_notices();
  }
  if (findings.has_faults()) return std::unexpected(findings.take_faults());
  return out;
}

std::expected<ReleasePolicyDocument, Faults> parse_release_policy(Json document) {
  if (auto fault = size_fault(document)) return std::unexpected(Faults{*std::move(fault)});
  Findings findings;
  ReleasePolicyDocument out = read_release_policy_object(findings, Node{&document, nullptr, {}});
  if (findings.has_faults()) return std::unexpected(findings.take_faults());
  out.notices = findings.take_notices();
  out.document = std::move(document);
  return out;
}

}  // namespace marea::model
