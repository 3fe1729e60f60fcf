#include "router/rule_set.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "router/cookies.h"

namespace marea::router {
namespace {

using model::MatchKind;
using model::MatchSubject;
using net::http::Field;
using net::http::RequestHead;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A part of a query, decoded into `room`. What is too long for any condition becomes a text that none has.
using DecodingRoom = std::array<char, model::kMostRegexInput + 1>;
std::string_view decoded(std::string_view text, DecodingRoom& room) {
  std::size_t size = 0;
  for (std::size_t at = 0; at < text.size() && size < room.size(); ++at) {
    char c = text[at] == '+' ? ' ' : text[at];
    if (c == '%' && at + 2 < text.size() && digit_of(text[at + 1]) >= 0 && digit_of(text[at + 2]) >= 0) {
      c = static_cast<char>(digit_of(text[at + 1]) * 16 + digit_of(text[at + 2]));
      at += 2;
    }
    room.at(size++) = c;
  }
  return {room.data(), size};
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

}  // namespace

struct RuleSet::Condition {
  MatchSubject subject = MatchSubject::path;
  std::string name;
  MatchKind kind = MatchKind::exact;
  std::vector<std::string> values;  // sorted
  std::vector<model::AddressBlock> networks;
  std::unique_ptr<const re2::RE2> regex;

  explicit Condition(const model::MatchCondition& from)
      : subject(from.subject), name(from.name), kind(from.kind), values(from.values) {
    std::ranges::sort(values);
    if (kind == MatchKind::network) {
      for (const std::string& value : values) {
        if (const auto block = model::parse_address_block(value)) networks.push_back(*block);
      }
    } else if (kind == MatchKind::regex && !values.empty()) {
      re2::RE2::Options options;
      options.set_log_errors(false);
      options.set_max_mem(model::kRegexMemory);
      regex = std::make_unique<const re2::RE2>(values.front(), options);
    }
  }
  // `budget`: bytes that expressions may still look at.
  bool accepts(std::string_view text, std::size_t& budget) const {
    switch (kind) {
      case MatchKind::exact: return std::ranges::binary_search(values, text, std::less<>());
      case MatchKind::prefix:
        return std::ranges::any_of(values, [&](const std::string& each) { return text.starts_with(each); });
      case MatchKind::regex:
        if (!regex || !regex->ok() || text.size() > model::kMostRegexInput) return false;
        if (budget < text.size() + model::kRegexCallBytes) {
          budget = 0;
          return false;
        }
        budget -= text.size() + model::kRegexCallBytes;
        return re2::RE2::FullMatch({text.data(), text.size()}, *regex);
      case MatchKind::network: {
        const auto address = model::parse_address(text);
        return address && std::ranges::any_of(networks, [&](const model::AddressBlock& each) {
                 return model::contains(each, *address);
               });
      }
    }
    return false;
  }
  bool accepts_field(const RequestHead& request, std::size_t& budget) const {
    return std::ranges::any_of(request.fields(), [&](const Field& field) {
      return net::http::same_token(field.name, name) && accepts(field.value, budget);
    });
  }
  bool accepts_parameter(std::string_view query, std::size_t& budget) const {
    DecodingRoom room;
    while (!query.empty()) {
      const std::string_view pair = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(query.size(), pair.size() + 1));
      const std::size_t sign = pair.find('=');
      if (decoded(pair.substr(0, sign), room) != name) continue;
      if (accepts(decoded(sign == std::string_view::npos ? std::string_view() : pair.substr(sign + 1), room), budget)) {
        return true;
      }
    }
    return false;
  }
};

RuleSet::RuleSet(std::vector<model::RouteRule> rules) : rules_(std::move(rules)) {
  for (const model::RouteRule& rule : rules_) {
    std::vector<Condition>& made = conditions_.emplace_back();
    for (const model::MatchCondition& condition : rule.conditions) made.emplace_back(condition);
  }
}

RuleSet::~RuleSet() = default;

bool RuleSet::holds(const Condition& condition, const RequestHead& request, std::string_view client,
                    std::size_t& budget) const {
  switch (condition.subject) {
    case MatchSubject::header: return condition.accepts_field(request, budget);
    case MatchSubject::cookie:
      return find_cookie(request, condition.name,
                         [&](std::string_view value) { return condition.accepts(value, budget); })
          .has_value();
    case MatchSubject::query: return condition.accepts_parameter(query_of(request.target), budget);
    case MatchSubject::path: return condition.accepts(path_of(request.target), budget);
    case MatchSubject::method: return condition.accepts(request.method, budget);
    case MatchSubject::client: return condition.accepts(client, budget);
  }
  return false;
}

std::optional<std::size_t> RuleSet::match(const RequestHead& request, std::string_view client, std::size_t first,
                                          std::size_t& budget) const {
  for (std::size_t i = first; i < conditions_.size(); ++i) {
    // Without a condition it would take everything.
    const bool all = !conditions_[i].empty() && std::ranges::all_of(conditions_[i], [&](const Condition& each) {
      return holds(each, request, client, budget);
    });
    if (all) return i;
  }
  return std::nullopt;
}

}  // namespace marea::router
