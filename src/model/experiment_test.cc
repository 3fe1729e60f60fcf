#include "model/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::model {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

// From line 4 on, with the indent of the spec's members.
std::string experiment_text(std::string_view spec) {
  return "apiVersion: marea.dev/v1\nkind: Experiment\nmetadata: {name: form}\nspec:\n" + std::string(spec);
}

constexpr std::string_view kArms =
    " arms:\n - {name: old, revision: loans-1, weight: 50%}\n"
    " - {name: new, revision: loans-2, weight: 50%}\n";
constexpr std::string_view kRest =
    " service: loans\n ends: 2026-12-24T18:00:00Z\n"
    " conversions:\n - {name: loan, route: POST /loans, status: 201}\n";

std::vector<std::string> experiment_faults(const std::string& spec) {
  std::vector<std::string> out;
  const auto parsed = parse_experiments(experiment_text(spec));
  if (parsed) return out;
  for (const Fault& fault : parsed.error()) out.push_back(to_string(fault));
  return out;
}

ExperimentSpec spec_of(const std::string& spec) {
  const auto parsed = parse_experiments(experiment_text(spec));
  if (!parsed) {
    ADD_FAILURE() << testing::PrintToString(experiment_faults(spec));
    return {};
  }
  return parsed->front().spec;
}

TEST(ExperimentSpecTest, what_is_absent_has_its_default) {
  const ExperimentSpec spec = spec_of(std::string(kArms) + std::string(kRest));
  EXPECT_EQ(spec.name, "form");
  EXPECT_EQ(spec.service.str(), "loans");
  ASSERT_THAT(spec.arms, SizeIs(2));
  EXPECT_EQ(spec.arms[1].revision.str(), "loans-2");
  EXPECT_EQ(spec.arms[1].weight, 5000U);
  EXPECT_EQ(spec.conversions[0].route,
            (OutcomeRoute{.method = "POST", .path = "/loans", .least_status = 201, .most_status = 201}));
  ASSERT_THAT(spec.guardrails, SizeIs(1));
  EXPECT_EQ(spec.guardrails[0], Guardrail{});
  EXPECT_EQ(spec.alpha, 0.05);
  EXPECT_EQ(spec.window, std::chrono::minutes(30));
  EXPECT_EQ(spec.ends_unix_ns, 1'798'135'200'000'000'000);  // date -ud 2026-12-24T18:00:00Z +%s
  EXPECT_EQ(weighted_arms(spec), (std::vector<std::size_t>{0, 1}));
}

TEST(ExperimentSpecTest, every_field_is_read_and_printed) {
  const std::string text = R"( service: loans
 arms:
 - {name: old, revision: loans-1, weight: 60%}
 - name: new
   revision: loans-2
   weight: 40
   customers: {header: X-Customer, ids: [17, "18"]}
   segments:
   - header: {name: X-Country, exact: [MX, CO]}
     language: es
     name: spanish
   - {path: {prefix: /beta}, client: 10.0.0.0/8, method: [GET, POST]}
 - name: staff
   revision: loans-3
   segments: [{cookie: {name: staff, regex: "1|yes"}, query: {name: q, prefix: a}}]
 conversions:
 - {name: loan, route: POST /loans/*/accept, status: 2xx}
 - {name: paid, event: payment}
 measures:
 - {name: lcp, event: largest-paint, quantile: 0.9, better: lower}
 guardrails:
 - {metric: failures, tolerance: 1.5}
 - {metric: slow, tolerance: 2, objective: 300ms}
 onBreach: warn
 onDeploy: refuse
 ends: 2026-12-24
 alpha: 0.01
 window: 2h
 sticky: header X-Customer
 consent: {cookie: agreed, exact: [all, statistics]}
)";
  const ExperimentSpec spec = spec_of(text);
  ASSERT_THAT(spec.arms, SizeIs(3));
  EXPECT_EQ(spec.arms[1].customers->values, (std::vector<std::string>{"17", "18"}));
  ASSERT_THAT(spec.arms[1].segments, SizeIs(2));
  EXPECT_THAT(spec.arms[1].segments[0].conditions, SizeIs(2));
  EXPECT_EQ(spec.arms[1].segments[0].conditions[1].values.front(), "(?i)(es)([-,; ].*)?");
  EXPECT_EQ(spec.arms[1].segments[0].name, "spanish");
  EXPECT_EQ(spec.arms[2].weight, 0U);
  EXPECT_EQ(spec.conversions[0].route.most_status, 299);
  EXPECT_EQ(spec.conversions[1].event, "payment");
  EXPECT_EQ(spec.measures[0].quantile, 0.9);
  EXPECT_EQ(slow_objective(spec), std::chrono::milliseconds(300));
  EXPECT_EQ(spec.breach, BreachRule::warn);
  EXPECT_EQ(spec.deploys, DeployRule::refuse);
  EXPECT_EQ(spec.sticky.header, "x-customer");
  EXPECT_EQ(spec.consent, (MatchCondition{.subject = MatchSubject::cookie,
                                          .name = "agreed",
                                          .kind = MatchKind::exact,
                                          .values = {"all", "statistics"}}));
  const Json printed = experiment_document(spec);
  const auto again = parse_experiment(printed);
  ASSERT_TRUE(again) << printed.dump(1);
  EXPECT_EQ(experiment_document(again->spec), printed);
  EXPECT_EQ(again->spec.conversions, spec.conversions);
  EXPECT_EQ(again->spec.ends_unix_ns, spec.ends_unix_ns);
  EXPECT_EQ(again->spec.consent, spec.consent);
  EXPECT_EQ(again->spec.arms, spec.arms);
}

TEST(ExperimentSpecTest, what_would_surprise_is_noticed) {
  const auto notices = [](const std::string& more, const std::string& rest = std::string(kRest)) {
    const auto parsed = parse_experiments(experiment_text(
        rest + " arms:\n - {name: old, revision: loans-1, weight: 50%}\n - {name: new, revision: loans-2, weight: 50%" +
        more));
    std::vector<std::string> out;
    if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
    for (std::size_t i = 0; parsed && i < parsed->front().notices.size(); ++i) {
      out.push_back(to_string(parsed->front().notices[i]));
    }
    return out;
  };
  for (const char* flaps : {"path: {prefix: /beta}", "query: {name: q, exact: a}", "method: POST"}) {
    EXPECT_THAT(notices(std::string(", segments: [{language: es}, {") + flaps + "}]}\n"),
                testing::ElementsAre(HasSubstr("arms[1].segments[1]: leads only the requests that have it")))
        << flaps;
  }
  EXPECT_THAT(notices(", customers: {query: id, ids: [a]}}\n"),
              testing::ElementsAre(HasSubstr("customers: leads only the requests")));
  EXPECT_THAT(notices(", segments: [{language: es, header: {name: a, exact: b}, cookie: {name: c, exact: d}}]}\n"),
              testing::IsEmpty());
  EXPECT_THAT(notices("}\n sticky: header X-User\n measures: [{name: lcp}]\n"),
              testing::ElementsAre(HasSubstr("sticky: pages cannot send this header")));
}

TEST(ExperimentSpecTest, consent_segments_and_methods_have_their_faults) {
  const auto faults = experiment_faults(std::string(kArms) + R"( service: loans
 ends: 2026-12-24
 conversions: [{name: loan, route: post /loans}]
 consent: {cookie: a, header: b}
)");
  EXPECT_THAT(faults, Contains(HasSubstr("route: has the method \"post\", whose case matters; did you mean POST?")));
  EXPECT_THAT(faults, Contains(HasSubstr("consent: must have one of cookie and header")));
  EXPECT_THAT(faults, Contains(HasSubstr("consent: must have one of exact, prefix and regex")));
  EXPECT_THAT(experiment_faults(std::string(kArms) + std::string(kRest) + " consent: {cookie: a, regex: \"(\"}\n"),
              Contains(HasSubstr("spec.consent.regex")));
  EXPECT_THAT(experiment_faults(std::string(kRest) + " arms:\n - {name: old, revision: r-1, weight: 50%}\n"
                                                     " - {name: new, revision: r-2, weight: 50%, segments: "
                                                     "[{language: es, name: a}, {language: en, name: a}]}\n"),
              Contains(HasSubstr("segments[1].name: is the name of a segment before it")));
}

TEST(ExperimentSpecTest, every_fault_is_named_at_once_with_its_place) {
  const auto faults = experiment_faults(R"( service: loans
 arms:
 - {name: old, revision: loans-1, weight: 50%}
 - {name: new, revision: loans-2, weight: 40%}
 conversions:
 - {name: loan, route: loans, status: 600}
 - {name: loan, event: a}
 - {name: both, event: a, route: GET /}
 alpha: 0.7
 sticky: "off"
 colour: red
)");
  EXPECT_THAT(faults, Contains(HasSubstr("line 6: spec.arms: the weights must sum to 100%, and sum to 90%")));
  EXPECT_THAT(faults, Contains(HasSubstr("line 10: spec.conversions[0].route: must be a method and a path")));
  EXPECT_THAT(faults, Contains(HasSubstr("spec.conversions[0].status: must be a status")));
  EXPECT_THAT(faults, Contains(HasSubstr("spec.conversions[1].name: is the name of an outcome before it")));
  EXPECT_THAT(faults, Contains(HasSubstr("spec.conversions[2]: must have one of route and event")));
  EXPECT_THAT(faults, Contains(HasSubstr("spec.alpha: must be between 0 and 0.5, is 0.7")));
  EXPECT_THAT(faults, Contains(HasSubstr("spec.sticky: must be cookie or a header")));
  EXPECT_THAT(faults, Contains(HasSubstr("spec.colour: is no field")));
  EXPECT_THAT(faults, Contains(HasSubstr("spec.ends")));
}

TEST(ExperimentSpecTest, arms_do_not_overlap) {
  const auto faults = experiment_faults(std::string(kRest) + R"( arms:
 - {name: old, revision: loans-1, weight: 50%, customers: {header: X-Customer, ids: [a, b]}}
 - {name: new, revision: loans-2, weight: 50%, customers: {header: x-customer, ids: [b, c, c]}}
 - {name: new, revision: loans-3, segments: [{language: es}, {language: es}]}
 - {name: none, revision: loans-3}
)");
  EXPECT_THAT(faults, Contains(HasSubstr("arms[1].customers.ids: has \"b\", who is in arm \"old\"")));
  EXPECT_THAT(faults, Contains(HasSubstr("arms[1].customers.ids: has \"c\" twice")));
  EXPECT_THAT(faults, Contains(HasSubstr("arms[2].name: is the name of an arm before it")));
  EXPECT_THAT(faults, Contains(HasSubstr("arms[3].weight")));
}

TEST(ExperimentSpecTest, a_name_is_not_empty) {
  const auto parsed = parse_experiments("apiVersion: marea.dev/v1\nkind: Experiment\nmetadata: {name: \"\"}\nspec:\n" +
                                        std::string(kArms) + std::string(kRest));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(to_string(parsed.error().front()), "line 3: metadata.name: must not be empty");
}

TEST(ExperimentSpecTest, something_is_compared) {
  const std::string head = std::string(kArms) + " service: loans\n ends: 2026-12-24\n";
  const auto only = [&](const std::string& outcomes) { return experiment_faults(head + outcomes); };
  EXPECT_THAT(only(" conversions: []\n"),
              testing::ElementsAre("line 10: spec.conversions: must have an element, or there must be one in measures: "
                                   "else nothing is compared"));
  EXPECT_THAT(only(" measures: []\n"), testing::ElementsAre(HasSubstr("line 10: spec.measures: must have an element")));
  EXPECT_THAT(only(" conversions: []\n measures: []\n"),
              testing::ElementsAre(HasSubstr("spec.conversions: must have an element")));
  EXPECT_THAT(only(" conversions: x\n"), testing::ElementsAre("line 10: spec.conversions: must be a list, is text"));
  EXPECT_THAT(only(" conversions: []\n measures: [{name: lcp}]\n"), testing::IsEmpty());
  EXPECT_THAT(only(""), testing::ElementsAre(HasSubstr("spec.conversions: is missing")));
}

TEST(ExperimentSpecTest, a_value_counts_for_one_measure) {
  const auto faults = [](const std::string& second) {
    return experiment_faults(std::string(kArms) + std::string(kRest) + " measures:\n - {name: p75, event: lcp}\n - " +
                             second + "\n");
  };
  EXPECT_THAT(faults("{name: p99, event: lcp, quantile: 0.99}"),
              testing::ElementsAre("line 14: spec.measures[1].event: \"lcp\" is the event of measure \"p75\" already; "
                                   "a value counts for one measure: post it under a second event"));
  EXPECT_THAT(faults("{name: lcp}"),
              testing::ElementsAre(HasSubstr("spec.measures[1].name: \"lcp\" is the event of measure \"p75\"")));
  EXPECT_THAT(faults("{name: p75, event: lcp}"),
              testing::ElementsAre(HasSubstr("is the name of an outcome before it")));
  EXPECT_THAT(faults("{name: p99, event: inp}"), testing::IsEmpty());
}

TEST(ExperimentSpecTest, a_window_has_one_bound) {
  for (const char* window : {"48h", "1000h", "24h1s"}) {
    EXPECT_THAT(experiment_faults(std::string(kArms) + std::string(kRest) + " window: " + window + "\n"),
                testing::ElementsAre("line 12: spec.window: must be a time from \"1s\" to \"24h\", such as \"90s\" or "
                                     "\"5m\", is \"" +
                                     std::string(window) + "\""))
        << window;
  }
  EXPECT_EQ(spec_of(std::string(kArms) + std::string(kRest) + " window: 24h\n").window, std::chrono::hours(24));
}

TEST(ExperimentSpecTest, a_sticky_off_without_quotes_is_told_why_it_cannot_be) {
  EXPECT_THAT(experiment_faults(std::string(kArms) + std::string(kRest) + " sticky: off\n"),
              testing::ElementsAre("line 12: spec.sticky: must be cookie or a header: who is not known again has no "
                                   "outcome"));
}

TEST(ExperimentSpecTest, ids_that_yaml_reads_as_other_numbers_are_refused) {
  const auto faults = [](const std::string& ids) {
    return experiment_faults(std::string(kRest) + " arms:\n - {name: old, revision: r-1, weight: 50%}\n" +
                             " - {name: new, revision: r-2, weight: 50%, customers: {header: id, ids: [" + ids +
                             "]}}\n");
  };
  const std::string at = "line 11: spec.arms[1].customers.ids";
  EXPECT_THAT(faults("007, 0123, 1_000, 0x1F"),
              testing::ElementsAre(at + "[0]: YAML reads it as the number 7; write it in quotes: \"007\"",
                                   at + "[1]: YAML reads it as the number 83; write it in quotes: \"0123\"",
                                   at + "[2]: YAML reads it as the number 1000; write it in quotes: \"1_000\"",
                                   at + "[3]: YAML reads it as the number 31; write it in quotes: \"0x1F\""));
  EXPECT_THAT(faults("\"007\", '0123', 4711, 0, -3"), testing::IsEmpty());
}

TEST(ExperimentSpecTest, what_nobody_is_drawn_for_cannot_be_compared) {
  EXPECT_THAT(experiment_faults(std::string(kRest) + " arms:\n - {name: a, revision: r-1, weight: 100%}\n"
                                                     " - {name: b, revision: r-2, segments: [{language: es}]}\n"),
              Contains(HasSubstr("two arms or more with a weight")));
  EXPECT_THAT(
      experiment_faults(std::string(kRest) + " arms:\n - {name: a, revision: r-1, segments: [{}]}\n - {name: b}\n"),
      Contains(HasSubstr("must have a condition")));
}

TEST(ExperimentSpecTest, paths_match_segment_by_segment) {
  EXPECT_TRUE(matches_path("/loans", "/loans"));
  EXPECT_FALSE(matches_path("/loans", "/loans/"));
  EXPECT_FALSE(matches_path("/loans", "/loansharks"));
  EXPECT_TRUE(matches_path("/loans/*/accept", "/loans/17/accept"));
  EXPECT_FALSE(matches_path("/loans/*/accept", "/loans//accept"));
  EXPECT_FALSE(matches_path("/loans/*/accept", "/loans/17/18/accept"));
  EXPECT_TRUE(matches_path("/loans/**", "/loans/17/18"));
  EXPECT_FALSE(matches_path("/loans/**", "/loans"));
  EXPECT_FALSE(matches_path("/loans/**", "/loans/"));
  EXPECT_TRUE(matches_path("/", "/"));
  EXPECT_FALSE(matches_path("/", "*"));
}

TEST(ExperimentSpecTest, moments_are_read_in_any_offset) {
  EXPECT_EQ(parse_moment("1970-01-02"), 86'400'000'000'000);
  EXPECT_EQ(parse_moment("1970-01-01T01:00:00Z"), 3'600'000'000'000);
  EXPECT_EQ(parse_moment("1970-01-01T01:00:00.123+01:00"), 0);
  EXPECT_EQ(parse_moment("1970-01-01T00:00:00-00:30"), 1'800'000'000'000);
  for (const char* wrong :
       {"", "tomorrow", "2026-13-01", "2026-02-30", "2026-12-24T", "2026-12-24T18:00", "2026-12-24T18:00:00",
        "2026-12-24T25:00:00Z", "2026-12-24T18:00:00.Z", "2026-12-24T18:00:00+1", "20261224"}) {
    EXPECT_FALSE(parse_moment(wrong)) << wrong;
  }
  EXPECT_EQ(print_moment(1'798'135'200'000'000'000), "2026-12-24T18:00:00Z");
}

}  // namespace
}  // namespace marea::model
