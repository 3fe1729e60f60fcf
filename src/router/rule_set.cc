#include "router/rule_set.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "net/http_message.h"
#include "router/cookies.h"

namespace marea::router {
namespace {

using model::MatchKind;
using model::MatchSubject;
using net::http::Field;
using net::http::RequestHead;

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

}  // namespace

// One request, and what was found out about it.
struct RuleSet::Asked {
  const RequestHead& request;
  std::string_view client;
  std::size_t budget = model::kMostRegexBytes;  // that expressions may still look at
  std::optional<std::optional<std::array<std::uint8_t, 16>>> address = {};

  const std::optional<std::array<std::uint8_t, 16>>& client_address() {
    if (!address) address = model::parse_address(client);
    return *address;
  }
};

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

  bool holds(Asked& asked) const {
    const std::string_view target = asked.request.target;
    switch (subject) {
      case MatchSubject::header:
        return std::ranges::any_of(asked.request.fields(), [&](const Field& field) {
          return net::http::same_token(field.name, name) && accepts(field.value, asked.budget);
        });
      case MatchSubject::cookie:
        return find_cookie(asked.request, name, [&](std::string_view value) { return accepts(value, asked.budget); })
            .has_value();
      case MatchSubject::query: return accepts_parameter(query_of(target), asked.budget);
      case MatchSubject::path: return accepts(path_of(target), asked.budget);
      case MatchSubject::method: return accepts(asked.request.method, asked.budget);
      case MatchSubject::client:
        return asked.client_address() && std::ranges::any_of(networks, [&](const model::AddressBlock& each) {
                 return model::contains(each, *asked.client_address());
               });
    }
    return false;
  }

 private:
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
      case MatchKind::network: break;  // of addresses alone
    }
    return false;
  }
  // One that cannot be decoded is taken as it stands.
  bool accepts_parameter(std::string_view query, std::size_t& budget) const {
    const auto decoded = [](std::string_view text) {
      return net::percent_decoded(text, true).value_or(std::string(text));
    };
    while (!query.empty()) {
      const std::string_view pair = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(query.size(), pair.size() + 1));
      const std::size_t sign = std::min(pair.find('='), pair.size());
      if (decoded(pair.substr(0, sign)) != name) continue;
      if (accepts(decoded(pair.substr(std::min(pair.size(), sign + 1))), budget)) return true;
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

std::optional<std::size_t> RuleSet::match(const RequestHead& request, std::string_view client,
                                          const std::vector<bool>& usable) const {
  Asked asked{.request = request, .client = client};
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    if (!usable.empty() && !usable[i]) continue;
    // Without a condition it would take everything.
    if (conditions_[i].empty()) continue;
    if (std::ranges::all_of(conditions_[i], [&](const Condition& each) { return each.holds(asked); })) return i;
  }
  return std::nullopt;
}

}  // namespace marea::router
