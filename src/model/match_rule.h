// Rules that lead requests of a service to a revision before any split: marea.dev/match, a list in YAML or JSON inside
// of the annotation. The first rule whose conditions all hold decides; its requests are no part of a split and are not
// counted for a release's verdict.
//
//   marea.dev/match: |
//     - name: staff
//       header: {name: X-Team, exact: credit}
//       path: {prefix: /loans}
//       arm: canary
//     - cookie: {name: preview, regex: "1|yes"}
//       client: [10.0.0.0/8, "2001:db8::/32"]
//       tag: next
//
// header, cookie and query name what they look at; path and method need no name. Each has one of exact (a text, or a
// list of which one is enough), prefix or regex (RE2, the whole value); method and client are a text or a list. header,
// cookie and query may be lists of conditions, which all must hold. A rule leads to one of revision, tag or arm
// (`canary` or `stable`, of the release that runs; without one the rule is passed over).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong_id.h"

namespace marea::model {

inline constexpr std::size_t kMostMatchRules = 50;        // of a service
inline constexpr std::size_t kMostMatchConditions = 16;   // of a rule
inline constexpr std::size_t kMostMatchValues = 1000;     // of a condition: a list of customers
inline constexpr std::size_t kMostMatchValueBytes = 512;  // of a name, value or expression
// Of all rules of a service, aliases of YAML expanded: routes go to router in one message each, which must have room.
inline constexpr std::size_t kMostMatchBytes = 128U << 10;
// An expression costs at most its steps times the bytes that it looks at, however hostile both are (RE2 has no
// backtracking): 256 × 8 KiB are some tens of milliseconds of a request at the very worst, however many expressions,
// fields, cookies and parameters there are.
inline constexpr std::size_t kMostMatchRegexes = 20;     // of a service
inline constexpr int kMostRegexSteps = 256;              // of a compiled expression
inline constexpr std::size_t kMostRegexInput = 1024;     // a longer value matches no expression
inline constexpr std::size_t kMostRegexBytes = 8192;     // of a request, by all expressions; then they match nothing
inline constexpr std::size_t kRegexCallBytes = 16;       // each look at a value counts as so many more
inline constexpr std::int64_t kRegexMemory = 256 << 10;  // of a compiled expression and what it remembers of inputs

enum class MatchSubject : std::uint8_t { header, cookie, query, path, method, client };
enum class MatchKind : std::uint8_t { exact, prefix, regex, network };

// An address block; IPv4 as ::ffff:a.b.c.d, so that both kinds are one.
struct AddressBlock {
  std::array<std::uint8_t, 16> address{};
  int bits = 0;  // 0 … 128
  friend bool operator==(const AddressBlock&, const AddressBlock&) = default;
};

// "10.0.0.0/8", "192.0.2.7", "2001:db8::/32"; nothing when it is none, or has bits beyond its length.
std::optional<AddressBlock> parse_address_block(std::string_view text);
// An address alone, as accepted connections have it.
std::optional<std::array<std::uint8_t, 16>> parse_address(std::string_view text);
bool contains(const AddressBlock& block, const std::array<std::uint8_t, 16>& address);

struct MatchCondition {
  MatchSubject subject = MatchSubject::path;
  std::string name;  // of the header, cookie or query parameter
  MatchKind kind = MatchKind::exact;
  std::vector<std::string> values;  // one is enough
  friend bool operator==(const MatchCondition&, const MatchCondition&) = default;
};

enum class MatchTarget : std::uint8_t { revision, tag, stable, canary };

struct MatchRule {
  std::string name;
  std::vector<MatchCondition> conditions;  // all must hold
  MatchTarget target = MatchTarget::revision;
  std::string to;  // the revision or the tag
  friend bool operator==(const MatchRule&, const MatchRule&) = default;
};

// What it takes of kMostMatchBytes: its texts, and 8 bytes for each.
std::size_t bytes_of(const MatchRule& rule);

// What is wrong with an expression, as the end of a fault; nothing when router can use it.
std::optional<std::string> regex_fault(const std::string& expression);

}  // namespace marea::model
