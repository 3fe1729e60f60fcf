#include "model/match_rule.h"

#include <gmock/gmock.h>

#include "model/manifest_faults_test.h"

namespace marea::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The rules of a service whose annotation has these lines.
std::vector<MatchRule> rules_of(std::string_view lines) {
  std::string text = std::string(kHead) + "metadata:\n name: a\n annotations:\n  marea.dev/match: |\n";
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    text += "   " + std::string(lines.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  text += "spec:\n template: {spec: {containers: [{image: x}]}}\n traffic: [{percent: 100, tag: next}]\n";
  const auto parsed = parse_manifests(text);
  if (parsed) return parsed->front().service.match_rules;
  for (const Fault& fault : parsed.error()) ADD_FAILURE() << to_string(fault);
  return {};
}

std::vector<std::string> rule_faults(const std::string& value) {
  return metadata_faults(" name: a\n annotations: {marea.dev/match: " + value + "}\n");
}

TEST(MatchRules, each_kind_is_read_and_their_order_kept) {
  const auto rules = rules_of(
      "- name: staff\n"
      "  header: [{name: X-Team, exact: [credit, risk]}, {name: X-Two, prefix: ''}]\n"
      "  cookie: {name: beta, regex: '1|yes'}\n"
      "  query: {name: q, exact: \"1\"}\n"
      "  path: {prefix: /loans}\n"
      "  method: [POST, PUT]\n"
      "  client: [10.0.0.0/8, '2001:db8::/32']\n"
      "  arm: canary\n"
      "- {method: GET, path: {exact: /next}, tag: next}\n"
      "- {path: {regex: '/v[0-9]+/.*'}, revision: a-00001-abc}\n");
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_EQ(rules[0].name, "staff");
  EXPECT_EQ(rules[0].target, MatchTarget::canary);
  using enum MatchSubject;
  using K = MatchKind;
  EXPECT_THAT(
      rules[0].conditions,
      ElementsAre(MatchCondition{header, "X-Team", K::exact, {"credit", "risk"}},
                  MatchCondition{header, "X-Two", K::prefix, {""}}, MatchCondition{cookie, "beta", K::regex, {"1|yes"}},
                  MatchCondition{query, "q", K::exact, {"1"}}, MatchCondition{path, "", K::prefix, {"/loans"}},
                  MatchCondition{method, "", K::exact, {"POST", "PUT"}},
                  MatchCondition{client, "", K::network, {"10.0.0.0/8", "2001:db8::/32"}}));
  EXPECT_EQ(rules[1].target, MatchTarget::tag);
  EXPECT_EQ(rules[1].to, "next");
  EXPECT_EQ(rules[2].target, MatchTarget::revision);
  EXPECT_EQ(rules[2].to, "a-00001-abc");
}

TEST(MatchRules, json_does_as_well) {
  EXPECT_EQ(rules_of(R"([{"method": "GET", "arm": "stable"}])").front().target, MatchTarget::stable);
}

TEST(MatchRules, all_faults_of_a_list_are_named_at_once_each_with_its_path_and_line) {
  const std::string text = std::string(kHead) +
                           "metadata:\n name: a\n annotations:\n  marea.dev/match: |\n"
                           "   - {header: {name: 'a b', exact: x}, arm: both}\n"
                           "   - path: {prefix: loans, regex: '('}\n"
                           "     tag: t\n"
                           "   - {tag: next, metod: GET}\n"
                           "   - {client: 10.0.0.1/8, revision: A}\n"
                           "   - {query: {exact: 1}, tag: next, arm: canary}\n"
                           "spec: {template: {spec: {containers: [{image: x}]}}}\n";
  const std::string at = "6:20 metadata.annotations[\"marea.dev/match\"]";
  EXPECT_THAT(
      model::faults_of(text),
      testing::UnorderedElementsAre(
          at + "[0].header.name: must be a name, is \"a b\" (line 1 of the annotation)",
          at + "[0].arm: must be canary or stable, is \"both\" (line 1 of the annotation)",
          at + "[1].path: must have one of exact, prefix and regex (line 2 of the annotation)",
          at + "[1].path.regex: is no regular expression of RE2: \"missing ): (\" (line 2 of the annotation)",
          at + "[1].tag: \"t\" is no tag of spec.traffic",
          at + "[2].metod: is no field of a rule; did you mean method? (line 4 of the annotation)",
          at + "[2]: must have a condition: header, cookie, query, path, method or client (line 4 of the annotation)",
          at + "[2].tag: \"next\" is no tag of spec.traffic",
          at + "[3].client: must be addresses or blocks such as \"10.0.0.0/8\" or \"2001:db8::/32\" (no bit set beyond "
               "the block's length), has \"10.0.0.1/8\" (line 5 of the annotation)",
          HasSubstr("[3].revision: "), HasSubstr("[4].query.name: is missing"), HasSubstr("[4].query.exact: must be"),
          at + "[4]: must lead to one of revision, tag and arm (line 6 of the annotation)"));
}

TEST(MatchRules, a_method_in_small_letters_would_never_hold) {
  EXPECT_THAT(
      rule_faults("'[{method: [POST, get, \"a b\"], arm: canary}]'"),
      testing::UnorderedElementsAre(HasSubstr("[0].method: methods are written in capitals, such as GET; has \"get\""),
                                    HasSubstr("[0].method: must be methods such as GET, has \"a b\"")));
  EXPECT_THAT(rule_faults("'[{method: [POST, M-SEARCH], arm: canary}]'"), IsEmpty());
}

TEST(MatchRules, a_rule_without_conditions_would_lead_everything) {
  for (const char* empty : {"header: []", "cookie: []", "query: []", "header: [], query: []"}) {
    EXPECT_THAT(rule_faults("'[{" + std::string(empty) + ", arm: canary}]'"),
                ElementsAre(HasSubstr("[0]: must have a condition: header, cookie, query, path, method or client")))
        << empty;
  }
  EXPECT_THAT(rule_faults("'[{method: [], arm: canary}]'"), ElementsAre(HasSubstr("[0].method: must have an element")));
  EXPECT_THAT(rule_faults("'[{header: x, arm: canary}]'"), ElementsAre(HasSubstr("[0].header: must be a map")));
  EXPECT_THAT(rule_faults("'[{header: [], path: {prefix: /}, arm: canary}]'"), IsEmpty());
}

TEST(MatchRules, what_is_no_list_is_a_fault) {
  for (const char* value : {"''", "'x'", "'{a: 1}'", "\"- [\"", "\"[]\\n---\\n[]\"", "'{'"}) {
    EXPECT_THAT(rule_faults(value), testing::SizeIs(1)) << value;
  }
  EXPECT_THAT(rule_faults("'[]'"), IsEmpty());
}

TEST(MatchRules, hostile_expressions_are_refused) {
  const auto fault_of = [](const std::string& expression) { return regex_fault(expression).value_or(""); };
  EXPECT_EQ(fault_of("/loans/[0-9]+(/.*)?"), "");
  EXPECT_EQ(fault_of("(?i)(gold|silver)-[a-z0-9]{1,20}"), "");
  EXPECT_THAT(fault_of("((a{1,99}){1,99}){1,99}"), HasSubstr("is no regular expression of RE2"));
  EXPECT_THAT(fault_of("(a|b)*a(a|b){200}"), HasSubstr("is too costly"));
  EXPECT_NE(fault_of("\\pL{50}"), "");
  EXPECT_THAT(fault_of("(x)\\1"), HasSubstr("is no regular expression of RE2")) << "no back references";
  std::string many = "'[";
  for (int i = 0; i < 21; ++i) many += "{path: {regex: \"/.*\"}, arm: canary}, ";
  EXPECT_THAT(rule_faults(many + "]'"), ElementsAre(HasSubstr("is one expression too many")));
}

TEST(MatchRules, there_is_a_bound_on_everything) {
  std::string rules = "'[";
  for (int i = 0; i < 51; ++i) rules += "{method: GET, arm: canary}, ";
  EXPECT_THAT(rule_faults(rules + "]'"), ElementsAre(HasSubstr("must have at most 50 rules")));
  std::string conditions = "'[{arm: canary, header: [";
  for (int i = 0; i < 17; ++i) conditions += "{name: a, exact: b}, ";
  EXPECT_THAT(rule_faults(conditions + "]}]'"), ElementsAre(HasSubstr("must have at most 16 conditions")));
  std::string values = "'[{arm: canary, header: {name: a, exact: [";
  for (int i = 0; i < 1001; ++i) values += "b, ";
  EXPECT_THAT(rule_faults(values + "]}}]'"), ElementsAre(HasSubstr("must have at most 1000 elements")));
  EXPECT_THAT(rule_faults("'[{arm: canary, path: {prefix: /" + std::string(512, 'x') + "}}]'"),
              ElementsAre(HasSubstr("must have at most 512 bytes")));
}

TEST(MatchRules, all_rules_of_a_service_have_room_in_one_message_however_they_were_written) {
  const auto aliased = [](int rules) {
    std::string list = "'[{arm: canary, header: {name: a, exact: &list [";
    for (int i = 0; i < 100; ++i) list += std::string(500, 'x') + ", ";
    list += "]}}, ";
    for (int i = 1; i < rules; ++i) list += "{arm: canary, header: {name: a, exact: *list}}, ";
    return list + "]'";
  };
  EXPECT_THAT(rule_faults(aliased(2)), IsEmpty());
  EXPECT_THAT(rule_faults(aliased(4)), ElementsAre(HasSubstr("[2]: is where the rules become too large")));
}

TEST(AddressBlocks, are_read_strictly) {
  for (const char* good : {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.7", "192.0.2.7/32", "::/0", "2001:db8::/32", "::1"}) {
    EXPECT_TRUE(parse_address_block(good)) << good;
  }
  for (const char* bad : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/-1", "10.0.0.0/8 ", "10.0.0/8", "x",
                          "::/129", "2001:db8::1/64", "/8"}) {
    EXPECT_FALSE(parse_address_block(bad)) << bad;
  }
}

TEST(AddressBlocks, contain_what_shares_their_bits) {
  const auto holds = [](const char* block, const char* address) {
    return contains(*parse_address_block(block), *parse_address(address));
  };
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(holds("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(holds("192.0.2.128/25", "192.0.2.100"));
  EXPECT_TRUE(holds("192.0.2.7", "192.0.2.7"));
  EXPECT_TRUE(holds("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(holds("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(holds("::/0", "10.0.0.1"));
}

}  // namespace
}  // namespace marea::model
