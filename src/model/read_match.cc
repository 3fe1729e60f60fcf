#include "model/read_match.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "model/characters.h"
#include "model/names.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

constexpr std::array<std::string_view, 10> kRuleFields = {"name",   "header", "cookie",   "query", "path",
                                                          "method", "client", "revision", "tag",   "arm"};
constexpr std::size_t kMostLanguageBytes = 35;  // RFC 5646 §4.4.1
constexpr std::array<std::string_view, 4> kValueFields = {"name", "exact", "prefix", "regex"};

class RuleReader {
 public:
  explicit RuleReader(Findings& findings, std::size_t regexes = 0) : findings_(findings), regexes_(regexes) {}
  std::size_t regexes() const { return regexes_; }

  MatchRule rule(const Node& node) {
    MatchRule out;
    if (!findings_.is_object(node)) return out;
    know(node, kRuleFields);
    if (const auto name = node.member("name")) out.name = short_text(*name);
    conditions(node, out);
    target(node, out);
    constexpr std::array<std::string_view, 6> kConditions = {"header", "cookie", "query", "path", "method", "client"};
    const auto is_there = [&](std::string_view each) {
      const auto member = node.member(each);
      return member && !(member->value->is_array() && member->value->empty());
    };
    // A rule without a condition, header: [] for one, would lead every request.
    if (out.conditions.empty() && std::ranges::none_of(kConditions, is_there)) {
      findings_.fault(node, "must have a condition: header, cookie, query, path, method or client");
    }
    bound(node, out);
    return out;
  }

  // A segment of an experiment is a rule that leads nowhere by itself.
  std::vector<MatchCondition> segment(const Node& node) {
    MatchRule out;
    if (!check_fields(findings_, node, ObjectKind::experiment_segment)) return {};
    conditions(node, out);
    if (const auto language = node.member("language")) languages(*language, out);
    if (out.conditions.empty() && !node.member("language")) {
      findings_.fault(node, "must have a condition: header, cookie, query, path, method, client or language");
    }
    bound(node, out);
    return std::move(out.conditions);
  }

 private:
  void conditions(const Node& node, MatchRule& out) {
    named(node, "header", MatchSubject::header, out);
    named(node, "cookie", MatchSubject::cookie, out);
    named(node, "query", MatchSubject::query, out);
    if (const auto path = node.member("path")) condition(*path, MatchSubject::path, out);
    if (const auto method = node.member("method")) methods(*method, out);
    if (const auto client = node.member("client")) clients(*client, out);
  }

  void bound(const Node& node, const MatchRule& out) {
    if (out.conditions.size() > kMostMatchConditions) {
      findings_.fault(node, "must have at most " + std::to_string(kMostMatchConditions) + " conditions");
    }
  }

  // Browsers name the language that is liked most first (Accept-Language: es-MX,es;q=0.9,en;q=0.8).
  void languages(const Node& node, MatchRule& out) {
    std::string any;
    for (const std::string& each : one_or_more(node)) {
      const bool sound = !each.empty() && each.size() <= kMostLanguageBytes && std::ranges::all_of(each, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-';
      });
      if (!sound) findings_.fault(node, "must be languages such as es or es-MX, has " + in_quotes(each));
      any += (any.empty() ? "" : "|") + each;
    }
    if (findings_.has_faults()) return;
    const std::string expression_text = "(?i)(" + any + ")([-,; ].*)?";
    expression(node, expression_text);
    if (expression_text.size() > kMostMatchValueBytes) findings_.fault(node, "names too many languages");
    out.conditions.push_back({.subject = MatchSubject::header,
                              .name = "accept-language",
                              .kind = MatchKind::regex,
                              .values = {expression_text}});
  }

  template <std::size_t N>
  void know(const Node& node, const std::array<std::string_view, N>& fields) {
    for (const auto& [name, member] : node.members()) {
      if (std::ranges::find(fields, name) != fields.end()) continue;
      findings_.unknown(member, "is no field of a rule" + did_you_mean(name, {fields.begin(), fields.end()}));
    }
  }

  std::string short_text(const Node& node) {
    std::string out = findings_.text(node).value_or("");
    if (out.size() > kMostMatchValueBytes) {
      findings_.fault(node, "must have at most " + std::to_string(kMostMatchValueBytes) + " bytes");
    }
    return out;
  }

  // A text, or a list of texts.
  std::vector<std::string> one_or_more(const Node& node) {
    std::vector<std::string> out;
    if (!node.value->is_array()) {
      out.push_back(short_text(node));
      return out;
    }
    if (node.value->empty()) findings_.fault(node, "must have an element");
    if (node.value->size() > kMostMatchValues) {
      findings_.fault(node, "must have at most " + std::to_string(kMostMatchValues) + " elements");
      return out;
    }
    for (const Node& element : node.elements()) out.push_back(short_text(element));
    return out;
  }

  void named(const Node& rule, std::string_view field, MatchSubject subject, MatchRule& out) {
    const auto node = rule.member(field);
    if (!node) return;
    if (!node->value->is_array()) {
      condition(*node, subject, out);
    } else {
      for (const Node& element : node->elements()) condition(element, subject, out);
    }
  }

  void condition(const Node& node, MatchSubject subject, MatchRule& out) {
    if (!findings_.is_object(node)) return;
    know(node, kValueFields);
    MatchCondition made{.subject = subject, .name = {}, .kind = MatchKind::exact, .values = {}};
    const auto name = node.member("name");
    if (subject == MatchSubject::path) {
      if (name) findings_.fault_at_key(*name, "has no effect on a path");
    } else if (!name) {
      findings_.missing(node, "name", "what is looked at");
    } else {
      made.name = short_text(*name);
      const bool sound = subject == MatchSubject::query ? !made.name.empty() : is_token(made.name);
      if (!sound) findings_.fault(*name, "must be a name, is " + in_quotes(made.name));
    }
    int kinds = 0;
    for (const auto& [field, kind] : {std::pair{"exact", MatchKind::exact}, std::pair{"prefix", MatchKind::prefix},
                                      std::pair{"regex", MatchKind::regex}}) {
      const auto value = node.member(field);
      if (!value) continue;
      ++kinds;
      made.kind = kind;
      made.values = kind == MatchKind::exact ? one_or_more(*value) : std::vector{short_text(*value)};
      if (kind == MatchKind::regex) expression(*value, made.values.front());
    }
    if (kinds != 1) findings_.fault(node, "must have one of exact, prefix and regex");
    if (subject == MatchSubject::path && made.kind != MatchKind::regex) {
      for (const std::string& each : made.values) {
        if (!each.starts_with('/')) findings_.fault(node, "must begin with \"/\", is " + in_quotes(each));
      }
    }
    out.conditions.push_back(std::move(made));
  }

  void expression(const Node& node, const std::string& text) {
    if (++regexes_ == kMostMatchRegexes + 1) {
      findings_.fault(node, "is one expression too many; a service may have " + std::to_string(kMostMatchRegexes));
    }
    if (regexes_ > kMostMatchRegexes || text.size() > kMostMatchValueBytes) return;
    if (auto fault = regex_fault(text)) findings_.fault(node, *fault);
  }

  void methods(const Node& node, MatchRule& out) {
    MatchCondition made{
        .subject = MatchSubject::method, .name = {}, .kind = MatchKind::exact, .values = one_or_more(node)};
    for (const std::string& each : made.values) {
      if (!is_token(each)) {
        findings_.fault(node, "must be methods such as GET, has " + in_quotes(each));
      } else if (std::ranges::any_of(each, [](char c) { return c >= 'a' && c <= 'z'; })) {
        // They are compared as they were sent (RFC 9110 §9.1): it would never hold.
        findings_.fault(node, "methods are written in capitals, such as GET; has " + in_quotes(each));
      }
    }
    out.conditions.push_back(std::move(made));
  }

  void clients(const Node& node, MatchRule& out) {
    MatchCondition made{
        .subject = MatchSubject::client, .name = {}, .kind = MatchKind::network, .values = one_or_more(node)};
    for (const std::string& each : made.values) {
      if (parse_address_block(each)) continue;
      findings_.fault(node,
                      "must be addresses or blocks such as \"10.0.0.0/8\" or \"2001:db8::/32\" (no bit set beyond "
                      "the block's length), has " +
                          in_quotes(each));
    }
    out.conditions.push_back(std::move(made));
  }

  void target(const Node& node, MatchRule& out) {
    const auto revision = node.member("revision");
    const auto tag = node.member("tag");
    const auto arm = node.member("arm");
    if ((revision ? 1 : 0) + (tag ? 1 : 0) + (arm ? 1 : 0) != 1) {
      findings_.fault(node, "must lead to one of revision, tag and arm");
      return;
    }
    const Node& to = revision ? *revision : tag ? *tag : *arm;
    out.target = revision ? MatchTarget::revision : MatchTarget::tag;
    out.to = short_text(to);
    if (arm) {
      constexpr std::array<std::string_view, 2> kArms = {"canary", "stable"};
      out.target = out.to == "stable" ? MatchTarget::stable : MatchTarget::canary;
      if (std::ranges::find(kArms, out.to) == kArms.end()) {
        findings_.fault(to, "must be canary or stable, is " + in_quotes(out.to) +
                                did_you_mean(out.to, {kArms.begin(), kArms.end()}));
      }
      out.to.clear();
    } else if (auto fault = label_fault(out.to)) {
      findings_.fault(to, *fault);
    }
  }

  Findings& findings_;
  std::size_t regexes_;
};

}  // namespace

std::vector<MatchRule> read_match_rules(Findings& findings, const Node& annotation) {
  std::vector<MatchRule> out;
  const auto& text = annotation.value->get_ref<const std::string&>();
  const Documents documents = read_documents(text);
  Findings inner;
  inner.add(documents.faults);
  if (documents.faults.empty() && documents.trees.size() != 1) {
    inner.fault(annotation, "must be one list of rules");
  } else if (documents.faults.empty()) {
    const Tree& tree = documents.trees.front();
    const Node list{&tree.value, &tree.place, annotation.path};
    RuleReader reader(inner);
    if (inner.is_list(list)) {
      if (list.value->size() > kMostMatchRules) {
        inner.fault(list, "must have at most " + std::to_string(kMostMatchRules) + " rules");
      } else {
        std::size_t bytes = 0;
        for (const Node& node : list.elements()) {
          out.push_back(reader.rule(node));
          const std::size_t before = bytes;
          bytes += bytes_of(out.back());
          if (before <= kMostMatchBytes && bytes > kMostMatchBytes) {
            inner.fault(node, "is where the rules become too large; those of a service may have " +
                                  std::to_string(kMostMatchBytes >> 10U) + " KiB of texts, aliases expanded");
          }
        }
      }
    }
  }
  const bool lines = text.find('\n') != std::string::npos;
  for (Fault& fault : inner.take_faults()) {
    Node at = annotation;
    if (!fault.path.empty()) at.path = fault.path.starts_with(annotation.path) ? fault.path : at.path + fault.path;
    std::string message = std::move(fault.message);
    if (lines && fault.line > 0) message += " (line " + std::to_string(fault.line) + " of the annotation)";
    findings.fault(at, std::move(message));
  }
  return out;
}

std::vector<MatchCondition> read_segment(Findings& findings, const Node& segment, std::size_t& regexes) {
  RuleReader reader(findings, regexes);
  std::vector<MatchCondition> out = reader.segment(segment);
  regexes = reader.regexes();
  return out;
}

void check_match_tags(Findings& findings, const Node& annotation, const std::vector<MatchRule>& rules,
                      const std::vector<TrafficTarget>& traffic) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const MatchRule& rule = rules[i];
    if (rule.target != MatchTarget::tag || rule.to.empty()) continue;
    if (std::ranges::find(traffic, rule.to, &TrafficTarget::tag) != traffic.end()) continue;
    std::vector<std::string_view> known;
    for (const TrafficTarget& each : traffic) {
      if (!each.tag.empty()) known.push_back(each.tag);
    }
    Node at = annotation;
    at.path = member_path(element_path(annotation.path, i), "tag");
    findings.fault(at, in_quotes(rule.to) + " is no tag of spec.traffic" + did_you_mean(rule.to, known));
  }
}

}  // namespace marea::model
