#include "api/selector.h"

#include <algorithm>
#include <array>

#include "api/json_path.h"

namespace marea::api {
namespace {

constexpr std::size_t kMostTerms = 100;  // each object of a list is compared with each

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// At commas that are not in parentheses.
std::vector<std::string_view> terms_of(std::string_view text) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && text[at] == '(') ++depth;
    if (at < text.size() && text[at] == ')') --depth;
    if (at < text.size() && (text[at] != ',' || depth > 0)) continue;
    out.push_back(trimmed(text.substr(begin, at - begin)));
    begin = at + 1;
  }
  return out;
}

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == '/';
  });
}

std::unexpected<std::string> not_understood(std::string_view term) {
  return std::unexpected("cannot read \"" + std::string(term) +
                         "\"; a term is key=value, key!=value, key in (a,b), key notin (a,b), key or !key");
}

bool is_field_of(Kind kind, std::string_view path) {
  if (path == "metadata.name" || path == "metadata.namespace") return true;
  constexpr std::array kOfEvents = {"involvedObject.kind",
                                    "involvedObject.namespace",
                                    "involvedObject.name",
                                    "involvedObject.uid",
                                    "involvedObject.apiVersion",
                                    "involvedObject.fieldPath",
                                    "involvedObject.resourceVersion",
                                    "reason",
                                    "type",
                                    "source"};
  if (kind == Kind::event) return std::ranges::find(kOfEvents, path) != kOfEvents.end();
  return kind == Kind::pod && path == "status.phase";
}

}  // namespace

std::expected<LabelSelector::Term, std::string> LabelSelector::parse_term(std::string_view text) {
  Term term;
  if (text.starts_with('!')) {
    term.key = trimmed(text.substr(1));
    term.is = Operator::absent;
  } else if (const std::size_t open = text.find('('); open != std::string_view::npos) {
    std::string_view left = trimmed(text.substr(0, open));
    const std::size_t space = left.rfind(' ');
    if (space == std::string_view::npos || !text.ends_with(')')) return not_understood(text);
    const std::string_view word = left.substr(space + 1);
    if (word != "in" && word != "notin") return not_understood(text);
    term.is = word == "in" ? Operator::in : Operator::not_in;
    term.key = trimmed(left.substr(0, space));
    for (const std::string_view value : terms_of(text.substr(open + 1, text.size() - open - 2))) {
      term.values.emplace_back(value);
    }
  } else if (const std::size_t at = text.find('='); at != std::string_view::npos) {
    const bool differs = at > 0 && text[at - 1] == '!';
    std::string_view value = text.substr(at + 1);
    if (!differs && value.starts_with('=')) value.remove_prefix(1);
    term.is = differs ? Operator::not_in : Operator::in;
    term.key = trimmed(text.substr(0, differs ? at - 1 : at));
    term.values.emplace_back(trimmed(value));
  } else {
    term.key = text;
  }
  if (term.key.empty() || !is_word(term.key) || !std::ranges::all_of(term.values, is_word)) return not_understood(text);
  return term;
}

std::expected<LabelSelector, std::string> LabelSelector::parse(std::string_view text) {
  LabelSelector out;
  if (trimmed(text).empty()) return out;
  for (const std::string_view part : terms_of(text)) {
    auto term = parse_term(part);
    if (!term) return std::unexpected(std::move(term.error()));
    out.terms_.push_back(std::move(*term));
    if (out.terms_.size() > kMostTerms)
      return std::unexpected("it has more than " + std::to_string(kMostTerms) + " terms");
  }
  return out;
}

bool LabelSelector::matches(const Labels& labels) const {
  return std::ranges::all_of(terms_, [&](const Term& term) {
    const auto found = std::ranges::find(labels, term.key, &Labels::value_type::first);
    const bool has = found != labels.end();
    switch (term.is) {
      case Operator::exists: return has;
      case Operator::absent: return !has;
      case Operator::in: return has && std::ranges::find(term.values, found->second) != term.values.end();
      case Operator::not_in: return !has || std::ranges::find(term.values, found->second) == term.values.end();
    }
    return false;
  });
}

std::expected<FieldSelector, std::string> FieldSelector::parse(std::string_view text, Kind kind) {
  FieldSelector out;
  if (trimmed(text).empty()) return out;
  for (const std::string_view part : terms_of(text)) {
    const std::size_t at = part.find('=');
    if (at == std::string_view::npos) return std::unexpected("\"" + std::string(part) + "\" must be FIELD=VALUE");
    const bool differs = at > 0 && part[at - 1] == '!';
    std::string_view value = part.substr(at + 1);
    if (!differs && value.starts_with('=')) value.remove_prefix(1);
    Term term{.path = std::string(trimmed(part.substr(0, differs ? at - 1 : at))),
              .equal = !differs,
              .value = std::string(trimmed(value))};
    if (!is_field_of(kind, term.path)) return std::unexpected("field label not supported: " + term.path);
    out.terms_.push_back(std::move(term));
    if (out.terms_.size() > kMostTerms)
      return std::unexpected("it has more than " + std::to_string(kMostTerms) + " terms");
  }
  return out;
}

std::optional<std::string> FieldSelector::name() const {
  const auto found =
      std::ranges::find_if(terms_, [](const Term& term) { return term.equal && term.path == "metadata.name"; });
  return found == terms_.end() ? std::nullopt : std::optional(found->value);
}

bool FieldSelector::needs_object() const {
  return std::ranges::any_of(terms_, [](const Term& term) { return !term.equal || term.path != "metadata.name"; });
}

bool FieldSelector::matches(const Json& object) const {
  return std::ranges::all_of(
      terms_, [&](const Term& term) { return (text_at(object, term.path) == term.value) == term.equal; });
}

}  // namespace marea::api
