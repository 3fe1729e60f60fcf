#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "model/characters.h"
#include "model/duration.h"
#include "model/experiment.h"
#include "model/names.h"
#include "model/read_match.h"
#include "model/release_readers.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

constexpr base::Duration kLeastWindow = std::chrono::seconds(1);
constexpr double kMostTolerance = 50;  // what decide/judge_policy.h can judge

std::string count_of(std::size_t n) {
  return std::to_string(n);
}

// A required member that is a DNS label: names of arms, outcomes and events are shown, and events are posted in a URL.
std::string read_own_label(Findings& findings, const Node& owner, std::string_view field, std::string_view what) {
  const auto node = owner.member(field);
  if (!node) {
    findings.missing(owner, field, what);
    return {};
  }
  std::string text = findings.text(*node).value_or("");
  if (text.empty() && node->value->is_string()) findings.fault(*node, "must not be empty");
  if (text.empty()) return {};
  if (auto fault = label_fault(text)) findings.fault(*node, *fault);
  return text;
}

// Segments and customers of what a user's requests do not all have in common lead some of them alone.
void notice_flapping(Findings& findings, const Node& node, MatchSubject subject) {
  if (subject != MatchSubject::path && subject != MatchSubject::query && subject != MatchSubject::method) return;
  findings.notice(node,
                  "leads only the requests that have it; others of the same user go where the split says, and what he "
                  "does in a second arm counts for nobody");
}

std::optional<MatchCondition> read_customers(Findings& findings, const Node& node) {
  if (!check_fields(findings, node, ObjectKind::experiment_customers)) return std::nullopt;
  MatchCondition out{.subject = MatchSubject::header, .name = {}, .kind = MatchKind::exact, .values = {}};
  int named = 0;
  for (const auto& [field, subject] :
       {std::pair{"header", MatchSubject::header}, std::pair{"cookie", MatchSubject::cookie},
        std::pair{"query", MatchSubject::query}}) {
    const auto name = node.member(field);
    if (!name) continue;
    ++named;
    out.subject = subject;
    out.name = findings.text(*name).value_or("");
    if (name->value->is_string() && !is_token(out.name)) {
      findings.fault(*name, "must be the name of a " + std::string(field) + ", is " + in_quotes(out.name));
    }
  }
  if (named != 1) findings.fault(node, "must have one of header, cookie and query, where a request says its customer");
  notice_flapping(findings, node, out.subject);
  const auto ids = node.member("ids");
  if (!ids) {
    findings.missing(node, "ids", "the customers' ids");
    return out;
  }
  if (!findings.is_list(*ids)) return out;
  if (ids->value->empty() || ids->value->size() > kMostMatchValues) {
    findings.fault(*ids,
                   "must have 1 to " + count_of(kMostMatchValues) + " elements, has " + count_of(ids->value->size()));
    return out;
  }
  for (const Node& element : ids->elements()) {
    const bool number = element.value->is_number_integer();
    const auto text = number ? std::optional(element.value->dump()) : findings.text(element);
    if (number && written_of(element) != *text) {
      findings.fault(
          element, "YAML reads it as the number " + *text + "; write it in quotes: " + in_quotes(written_of(element)));
    }
    if (text && (text->empty() || text->size() > kMostMatchValueBytes)) {
      findings.fault(element, "must have 1 to " + count_of(kMostMatchValueBytes) + " bytes");
    }
    out.values.push_back(text.value_or(""));
  }
  return out;
}

std::vector<Segment> read_segments(Findings& findings, const Node& list, std::size_t& regexes) {
  std::vector<Segment> out;
  if (!findings.is_list(list)) return out;
  if (list.value->empty() || list.value->size() > kMostSegments) {
    findings.fault(list,
                   "must have 1 to " + count_of(kMostSegments) + " elements, has " + count_of(list.value->size()));
    return out;
  }
  std::set<std::string> names;
  for (const Node& node : list.elements()) {
    Segment made{.name = {}, .conditions = read_segment(findings, node, regexes)};
    if (node.value->is_object() && node.member("name")) {
      made.name = read_own_label(findings, node, "name", "by which the segment is called");
      if (!made.name.empty() && !names.insert(made.name).second) {
        findings.fault(*node.member("name"), "is the name of a segment before it: " + in_quotes(made.name));
      }
    }
    const auto flaps = [](const MatchCondition& each) {
      return each.subject == MatchSubject::path || each.subject == MatchSubject::query ||
             each.subject == MatchSubject::method;
    };
    const auto found = std::ranges::find_if(made.conditions, flaps);
    if (found != made.conditions.end()) notice_flapping(findings, node, found->subject);
    out.push_back(std::move(made));
  }
  return out;
}

ExperimentArm read_arm(Findings& findings, const Node& node, std::size_t& regexes) {
  ExperimentArm out;
  if (!check_fields(findings, node, ObjectKind::experiment_arm)) return out;
  out.name = read_own_label(findings, node, "name", "by which the arm is called");
  out.revision = base::RevisionName(read_own_label(findings, node, "revision", "that the arm's users get"));
  if (const auto weight = node.member("weight")) {
    out.weight = read_weight(findings, *weight, 1, kWholeWeight).value_or(0);
  }
  if (const auto customers = node.member("customers")) out.customers = read_customers(findings, *customers);
  if (const auto segments = node.member("segments")) out.segments = read_segments(findings, *segments, regexes);
  if (!node.member("weight") && !node.member("customers") && !node.member("segments")) {
    findings.missing(node, "weight", "its share; or write segments or customers: else nobody gets it");
  }
  return out;
}

// Who fits two arms would get the first, which nobody may have meant.
void check_overlaps(Findings& findings, const std::vector<Node>& nodes, const std::vector<ExperimentArm>& arms) {
  std::set<std::string> names;
  std::vector<std::pair<std::string, std::string>> customers;  // "header x-customer 17", the arm
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const ExperimentArm& arm = arms[i];
    if (!arm.name.empty() && !names.insert(arm.name).second) {
      findings.fault(*nodes[i].member("name"), "is the name of an arm before it: " + in_quotes(arm.name));
    }
    for (std::size_t k = 0; arm.customers && k < arm.customers->values.size(); ++k) {
      const MatchCondition& list = *arm.customers;
      std::string place = std::to_string(static_cast<int>(list.subject)) + " " + lower_case(list.name) + " ";
      const std::string id = place + list.values[k];
      const auto before = std::ranges::find(customers, id, &std::pair<std::string, std::string>::first);
      if (before == customers.end()) {
        customers.emplace_back(id, arm.name);
      } else {
        findings.fault(*nodes[i].member("customers")->member("ids"),
                       "has " + in_quotes(list.values[k]) +
                           (before->second == arm.name ? " twice" : ", who is in arm " + in_quotes(before->second)));
      }
    }
    for (std::size_t k = 0; k < arm.segments.size(); ++k) {
      if (arm.segments[k].conditions.empty()) continue;  // with a fault
      for (std::size_t j = 0; j <= i; ++j) {
        const auto& others = arms[j].segments;
        const auto until = j == i ? others.begin() + static_cast<std::ptrdiff_t>(k) : others.end();
        const auto same = [&](const Segment& each) { return each.conditions == arm.segments[k].conditions; };
        if (std::find_if(others.begin(), until, same) == until) continue;
        Node at = *nodes[i].member("segments");
        at.path = element_path(at.path, k);
        findings.fault(at, "is a segment of arm " + in_quotes(arms[j].name) + " too: arms must not overlap");
      }
    }
  }
}

void check_weights(Findings& findings, const Node& list, const std::vector<Node>& nodes,
                   const std::vector<ExperimentArm>& arms) {
  Weight sum = 0;
  std::size_t weighted = 0;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (!nodes[i].member("weight")) continue;
    if (arms[i].weight == 0) return;  // with a fault
    sum += arms[i].weight;
    ++weighted;
  }
  if (weighted < 2) {
    findings.fault(list, "must have two arms or more with a weight: what nobody is drawn for cannot be compared");
  } else if (sum != kWholeWeight) {
    findings.fault(list, "the weights must sum to 100%, and sum to " + print_weight(sum));
  }
}

void read_arms(Findings& findings, const Node& spec, ExperimentSpec& out) {
  const auto list = spec.member("arms");
  if (!list) {
    findings.missing(spec, "arms", "who gets what");
    return;
  }
  if (!findings.is_list(*list)) return;
  if (list->value->size() < 2 || list->value->size() > kMostArms) {
    findings.fault(*list, "must have 2 to " + count_of(kMostArms) + " arms, has " + count_of(list->value->size()));
    return;
  }
  std::size_t regexes = 0;
  std::size_t bytes = 0;
  const std::vector<Node> nodes = list->elements();
  for (const Node& node : nodes) {
    out.arms.push_back(read_arm(findings, node, regexes));
    const ExperimentArm& arm = out.arms.back();
    MatchRule all{.name = arm.name, .conditions = {}, .to = arm.revision.str()};
    if (arm.customers) all.conditions.push_back(*arm.customers);
    for (const Segment& each : arm.segments) {
      all.conditions.insert(all.conditions.end(), each.conditions.begin(), each.conditions.end());
    }
    bytes += bytes_of(all);
  }
  if (bytes > kMostMatchBytes) {
    findings.fault(*list, "have more than " + count_of(kMostMatchBytes >> 10U) + " KiB of ids and conditions");
  }
  check_overlaps(findings, nodes, out.arms);
  check_weights(findings, *list, nodes, out.arms);
}

// "POST /loans"
void read_route(Findings& findings, const Node& node, OutcomeRoute& out) {
  const auto text = findings.text(node);
  if (!text) return;
  const std::size_t space = text->find(' ');
  out.method = text->substr(0, space);
  out.path = space == std::string::npos ? "" : text->substr(space + 1);
  const std::size_t rest = out.path.find("**");
  const bool path = out.path.starts_with('/') && out.path.size() <= kMostOutcomePathBytes &&
                    out.path.find_first_of("?# ") == std::string::npos &&
                    (rest == std::string::npos || (rest + 2 == out.path.size() && out.path[rest - 1] == '/'));
  std::string upper = out.method;
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (is_token(out.method) && path && upper == out.method) return;
  if (is_token(out.method) && path) {
    findings.fault(node,
                   "has the method " + in_quotes(out.method) + ", whose case matters; did you mean " + upper + "?");
    return;
  }
  findings.fault(node,
                 "must be a method and a path, such as \"POST /loans\" or \"PUT /loans/*/payment\" (\"*\" is any one "
                 "segment, \"/**\" at the end all that follow; no query), is " +
                     in_quotes(*text));
}

// 201, "201", "2xx"
void read_status(Findings& findings, const Node& node, OutcomeRoute& out) {
  std::string text = node.value->is_number_integer() ? node.value->dump() : std::string();
  if (const auto* written = node.value->get_ptr<const std::string*>()) text = *written;
  const bool digit = text.size() == 3 && text[0] >= '1' && text[0] <= '5';
  if (digit && text.substr(1) == "xx") {
    out.least_status = (text[0] - '0') * 100;
    out.most_status = out.least_status + 99;
  } else if (digit && is_digit(text[1]) && is_digit(text[2])) {
    std::from_chars(text.data(), text.data() + text.size(), out.least_status);
    out.most_status = out.least_status;
  } else {
    findings.fault(node, "must be a status from 100 to 599, or such as \"2xx\", is " +
                             (text.empty() ? std::string(kind_of(*node.value)) : in_quotes(text)));
  }
}

Conversion read_conversion(Findings& findings, const Node& node) {
  Conversion out;
  if (!check_fields(findings, node, ObjectKind::experiment_conversion)) return out;
  out.name = read_own_label(findings, node, "name", "by which it is called");
  const auto route = node.member("route");
  const auto status = node.member("status");
  const auto event = node.member("event");
  if (route.has_value() == event.has_value()) {
    findings.fault(node, "must have one of route and event");
  }
  if (route) read_route(findings, *route, out.route);
  if (status) read_status(findings, *status, out.route);
  if (status && event && !route) findings.fault_at_key(*status, "has no effect on an event");
  if (event && !route) out.event = read_own_label(findings, node, "event", "its name");
  return out;
}

Measure read_measure(Findings& findings, const Node& node) {
  Measure out;
  if (!check_fields(findings, node, ObjectKind::experiment_measure)) return out;
  out.name = read_own_label(findings, node, "name", "by which it is called");
  out.event = node.member("event") ? read_own_label(findings, node, "event", "its name") : out.name;
  read_number(findings, node, "quantile",
              {.least = 0, .most = 1, .above = true, .below = true, .text = "between 0 and 1, such as 0.75"},
              out.quantile);
  read_word(findings, node, "better", 2, out.better);
  return out;
}

template <class Value, class Read>
std::vector<Value> read_named(Findings& findings, const Node& spec, std::string_view field, std::size_t most,
                              std::set<std::string>& names, Read read) {
  std::vector<Value> out;
  const auto list = spec.member(field);
  if (!list || !findings.is_list(*list)) return out;
  if (list->value->size() > most) {
    findings.fault(*list, "must have at most " + count_of(most) + " elements, has " + count_of(list->value->size()));
    return out;
  }
  for (const Node& node : list->elements()) {
    out.push_back(read(findings, node));
    const std::string& name = out.back().name;
    if (!name.empty() && !names.insert(name).second) {
      findings.fault(*node.member("name"), "is the name of an outcome before it: " + in_quotes(name));
    }
  }
  return out;
}

// What users do, or what is measured of them: without either nothing could be compared.
void read_outcomes(Findings& findings, const Node& spec, ExperimentSpec& out) {
  std::set<std::string> names;
  out.conversions = read_named<Conversion>(findings, spec, "conversions", kMostConversions, names, read_conversion);
  out.measures = read_named<Measure>(findings, spec, "measures", kMostMeasures, names, read_measure);
  const auto conversions = spec.member("conversions");
  const auto measures = spec.member("measures");
  const auto is_empty = [](const std::optional<Node>& list) {  // and no list is a fault already
    return !list || (list->value->is_array() && list->value->empty());
  };
  if (!conversions && !measures) {
    findings.missing(spec, "conversions", "what users do in one arm more often than in another; or write measures");
  } else if (is_empty(conversions) && is_empty(measures)) {
    findings.fault(conversions ? *conversions : *measures, "must have an element, or there must be one in " +
                                                               std::string(conversions ? "measures" : "conversions") +
                                                               ": else nothing is compared");
  }
  // A value that is posted goes to the first measure of its event, so that a second one would get none.
  for (std::size_t i = 0; i < out.measures.size(); ++i) {
    const Measure& own = out.measures[i];
    const auto until = out.measures.begin() + static_cast<std::ptrdiff_t>(i);
    const auto before = std::ranges::find(out.measures.begin(), until, own.event, &Measure::event);
    if (own.event.empty() || before == until || before->name == own.name) continue;
    const Node node = measures->elements()[i];
    const auto event = node.member("event");
    findings.fault(event ? *event : *node.member("name"),
                   in_quotes(own.event) + " is the event of measure " + in_quotes(before->name) +
                       " already; a value counts for one measure: post it under a second event");
  }
}

void read_guardrails(Findings& findings, const Node& spec, ExperimentSpec& out) {
  const auto list = spec.member("guardrails");
  if (!list || !findings.is_list(*list)) return;
  out.guardrails.clear();
  std::set<GuardrailMetric> seen;
  for (const Node& node : list->elements()) {
    Guardrail made;
    if (!check_fields(findings, node, ObjectKind::experiment_guardrail)) continue;
    if (!node.member("metric")) findings.missing(node, "metric", "failures or slow");
    read_word(findings, node, "metric", 2, made.metric);
    read_number(findings, node, "tolerance", {.least = 1, .most = kMostTolerance, .text = "a factor from 1 to 50"},
                made.tolerance);
    const auto objective = node.member("objective");
    if (objective && made.metric == GuardrailMetric::failures) {
      findings.fault_at_key(*objective, "has no effect on failures; it belongs to metric: slow");
    } else if (made.metric == GuardrailMetric::slow && !objective) {
      findings.missing(node, "objective", "slower is slow, such as \"300ms\"");
    } else {
      read_wait(findings, node, "objective", std::chrono::milliseconds(1), made.objective);
    }
    if (!seen.insert(made.metric).second) {
      findings.fault(node, "there is a guardrail of " + std::string(to_string(made.metric)) + " before it");
      continue;
    }
    out.guardrails.push_back(made);
  }
}

void read_end(Findings& findings, const Node& spec, ExperimentSpec& out) {
  const auto node = spec.member("ends");
  if (!node) {
    findings.missing(spec, "ends", "when it is over, such as \"2026-12-24T18:00:00Z\"");
    return;
  }
  const auto text = findings.text(*node);
  const auto moment = text ? parse_moment(*text) : std::nullopt;
  if (moment) out.ends_unix_ns = *moment;
  if (text && !moment) {
    findings.fault(*node, "must be a time such as \"2026-12-24T18:00:00Z\" or \"2026-12-24\", is " + in_quotes(*text));
  }
}

void read_consent(Findings& findings, const Node& spec, ExperimentSpec& out) {
  const auto node = spec.member("consent");
  if (!node || !check_fields(findings, *node, ObjectKind::experiment_consent)) return;
  MatchCondition made{.subject = MatchSubject::cookie, .name = {}, .kind = MatchKind::exact, .values = {}};
  const auto cookie = node->member("cookie");
  const auto header = node->member("header");
  if (cookie.has_value() == header.has_value()) {
    findings.fault(*node, "must have one of cookie and header, where a request says that its user agreed");
  } else {
    const Node& name = cookie ? *cookie : *header;
    made.subject = cookie ? MatchSubject::cookie : MatchSubject::header;
    made.name = findings.text(name).value_or("");
    if (name.value->is_string() && !is_token(made.name)) {
      findings.fault(name, "must be the name of a cookie or header, is " + in_quotes(made.name));
    }
  }
  int kinds = 0;
  for (const auto& [field, kind] : {std::pair{"exact", MatchKind::exact}, std::pair{"prefix", MatchKind::prefix},
                                    std::pair{"regex", MatchKind::regex}}) {
    const auto value = node->member(field);
    if (!value) continue;
    ++kinds;
    made.kind = kind;
    const bool list = kind == MatchKind::exact && value->value->is_array();
    made.values = list ? findings.texts(*value) : std::vector{findings.text(*value).value_or("")};
    if (made.values.empty() || made.values.size() > kMostMatchValues) {
      findings.fault(*value, "must have 1 to " + count_of(kMostMatchValues) + " elements");
    }
    for (const std::string& each : made.values) {
      if (each.size() > kMostMatchValueBytes) {
        findings.fault(*value, "must have at most " + count_of(kMostMatchValueBytes) + " bytes");
      } else if (kind == MatchKind::regex) {
        if (auto fault = regex_fault(each)) findings.fault(*value, *fault);
      }
    }
  }
  if (kinds != 1) findings.fault(*node, "must have one of exact, prefix and regex");
  out.consent = std::move(made);
}

ExperimentSpec read_experiment_spec(Findings& findings, const Node& spec) {
  ExperimentSpec out;
  if (!check_fields(findings, spec, ObjectKind::experiment_spec)) return out;
  out.service = base::ServiceName(read_own_label(findings, spec, "service", "whose users take part"));
  read_arms(findings, spec, out);
  read_outcomes(findings, spec, out);
  read_guardrails(findings, spec, out);
  read_word(findings, spec, "onBreach", 2, out.breach);
  read_word(findings, spec, "onDeploy", 2, out.deploys);
  read_end(findings, spec, out);
  read_number(findings, spec, "alpha",
              {.least = 0, .most = 0.5, .above = true, .below = true, .text = "between 0 and 0.5"}, out.alpha);
  read_wait(findings, spec, "window", kLeastWindow, out.window, kMostExperimentWindow);
  if (const auto node = spec.member("sticky")) {
    if (const auto text = sticky_text(findings, *node)) {
      const auto sticky = parse_sticky(*text);
      if (sticky && sticky->by == StickyRule::By::off) {
        findings.fault(*node, "must be cookie or a header: who is not known again has no outcome");
      } else if (sticky) {
        out.sticky = *sticky;
        if (sticky->by == StickyRule::By::header && spec.member("measures")) {
          findings.notice(*node,
                          "pages cannot send this header with what they measure: only the app can say measures then, "
                          "with Marea-Event in its answers");
        }
      } else {
        findings.fault(*node, sticky.error());
      }
    }
  }
  read_consent(findings, spec, out);
  return out;
}

}  // namespace

ExperimentDocument read_experiment_object(Findings& findings, const Node& node) {
  ExperimentDocument out;
  if (!findings.is_object(node) || !check_own_kind(findings, node, "Experiment")) return out;
  check_fields(findings, node, ObjectKind::experiment);
  const std::string name = read_own_name(findings, node);
  if (const auto spec = node.member("spec")) {
    out.spec = read_experiment_spec(findings, *spec);
  } else {
    findings.missing(node, "spec", "who gets what, and what is compared");
  }
  out.spec.name = name;
  return out;
}

std::expected<std::vector<ExperimentDocument>, Faults> parse_experiments(std::string_view text) {
  Documents documents = read_documents(text);
  Findings findings;
  if (documents.trees.empty() && documents.faults.empty()) {
    documents.faults = {
        {1, 1, {}, "is empty: an experiment begins with apiVersion: marea.dev/v1 and kind: Experiment"}};
  }
  findings.add(std::move(documents.faults));
  std::vector<ExperimentDocument> out;
  for (const Tree& tree : documents.trees) {
    out.push_back(read_experiment_object(findings, Node{&tree.value, &tree.place, {}}));
    out.back().document = tree.value;
    out.back().notices = findings.take_notices();
  }
  if (findings.has_faults()) return std::unexpected(findings.take_faults());
  return out;
}

std::expected<ExperimentDocument, Faults> parse_experiment(Json document) {
  if (auto fault = size_fault(document)) return std::unexpected(Faults{*std::move(fault)});
  Findings findings;
  ExperimentDocument out = read_experiment_object(findings, Node{&document, nullptr, {}});
  if (findings.has_faults()) return std::unexpected(findings.take_faults());
  out.notices = findings.take_notices();
  out.document = std::move(document);
  return out;
}

}  // namespace marea::model
