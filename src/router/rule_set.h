// The rules of one service (model/match_rule.h), made ready for matching: expressions compiled, lists sorted, address
// blocks parsed. Immutable; any thread may match. Costs nothing but what the conditions look at.
//
// Texts are compared as requests have them, a path up to its "?" without decoding; names and values of query parameters
// are decoded (RFC 3986 §2.1, and "+" for a space) where they can be. A header matches when any field of that name
// does, a cookie or parameter likewise. The client's address is that of the connection: nobody is believed about
// another one.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "model/routes.h"
#include "net/http/codec.h"

namespace marea::router {

class RuleSet {
 public:
  // A rule with a condition that cannot be used never holds.
  explicit RuleSet(std::vector<model::RouteRule> rules);
  ~RuleSet();
  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;

  const std::vector<model::RouteRule>& rules() const { return rules_; }
  // The first rule that holds, of those for which `usable` has true; an empty one is true for all. Expressions look at
  // model::kMostRegexBytes at most; a value beyond them matches none.
  std::optional<std::size_t> match(const net::http::RequestHead& request, std::string_view client,
                                   const std::vector<bool>& usable = {}) const;

 private:
  struct Condition;
  struct Asked;

  std::vector<model::RouteRule> rules_;
  std::vector<std::vector<Condition>> conditions_;  // by rule
};

}  // namespace marea::router
