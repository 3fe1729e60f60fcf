// Which objects of a list a client wants: Kubernetes' label selectors ("a=b,c!=d,e in (f,g),!h") and field selectors
// ("metadata.name=web"). Values, parsed once per request.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/errors.h"
#include "api/kinds.h"

namespace marea::api {

using Labels = std::vector<std::pair<std::string, std::string>>;

class LabelSelector {
 public:
  // The error is a sentence.
  static std::expected<LabelSelector, std::string> parse(std::string_view text);
  bool matches(const Labels& labels) const;

 private:
  enum class Operator : std::uint8_t { exists, absent, in, not_in };
  struct Term {
    std::string key;
    Operator is = Operator::exists;
    std::vector<std::string> values;
  };
  static std::expected<Term, std::string> parse_term(std::string_view text);
  std::vector<Term> terms_;
};

class FieldSelector {
 public:
  static std::expected<FieldSelector, std::string> parse(std::string_view text, Kind kind);
  // The one object that can match; nothing when it may be any.
  std::optional<std::string> name() const;
  // Whether more than the name must be known.
  bool needs_object() const;
  bool matches(const Json& object) const;

 private:
  struct Term {
    std::string path;
    bool equal = true;
    std::string value;
  };
  std::vector<Term> terms_;
};

}  // namespace marea::api
