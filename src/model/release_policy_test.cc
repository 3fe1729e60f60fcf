#include "model/release_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::model {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// From line 4 on, with the indent of the spec's members.
std::string policy_text(std::string_view spec) {
  return "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: careful}\nspec:\n" + std::string(spec);
}

std::vector<std::string> lines_of(const Faults& faults) {
  std::vector<std::string> out;
  for (const Fault& fault : faults) out.push_back(to_string(fault));
  return out;
}

std::vector<std::string> policy_faults(std::string_view spec) {
  const auto parsed = parse_release_policies(policy_text(spec));
  return parsed ? std::vector<std::string>{} : lines_of(parsed.error());
}

ReleasePolicy policy_of(std::string_view spec) {
  const auto parsed = parse_release_policies(policy_text(spec));
  if (!parsed) {
    ADD_FAILURE() << testing::PrintToString(lines_of(parsed.error()));
    return {};
  }
  return parsed->front().policy;
}

TEST(ReleasePolicyTest, what_is_absent_has_its_default) {
  const ReleasePolicy policy = policy_of(" strategy: canary\n");
  EXPECT_EQ(policy, ReleasePolicy{});
  std::vector<Weight> weights;
  for (const LadderStep& step : policy.ladder) weights.push_back(step.weight);
  EXPECT_THAT(weights, ElementsAre(100, 500, 2500, 5000, 9900));
  EXPECT_EQ(policy.holdback, 100U);
  EXPECT_EQ(policy.watch, hours(24));
}

TEST(ReleasePolicyTest, every_field_is_read) {
  const ReleasePolicy policy = policy_of(R"( strategy: canary
 step: {warmUp: 5s, minimum: 20s, maximum: 90s}
 ladder:
 - 0.25%
 - 10
 - {weight: 60%, minimum: 1m, maximum: 10m}
 holdback: 2.5%
 prepare: 5m
 tolerance: {harm: 1.5, promotion: 3, latency: 1.3}
 alpha: 0.02
 beta: 0.1
 objectives: {latency: 300ms, availability: 0.995}
 cannotKnow: ask
 unprovenLimit: 4
 hold: {maximum: 2h, then: advance}
 watch: 1h30m
 gates:
 - {name: tests, before: 10%, kind: webhook, url: "https://ci.example.com/gate", timeout: 10m, atTimeout: advance, secretKeyRef: {name: ci, key: hmac}}
 - {name: qa}
 notifications:
 - {url: "http://chat.localhost/hook", of: [rolled-back, warning]}
 baseline: fresh
 sticky: header X-Customer
 rollback: {forbiddenAfter: 10%}
)");
  EXPECT_THAT(policy.ladder, ElementsAre(LadderStep{25, seconds(5), seconds(20), seconds(90)},
                                         LadderStep{1000, seconds(5), seconds(20), seconds(90)},
                                         LadderStep{6000, seconds(5), minutes(1), minutes(10)}));
  EXPECT_EQ(policy.holdback, 250U);
  EXPECT_EQ(policy.prepare, minutes(5));
  EXPECT_EQ(policy.tolerances, (ReleaseTolerances{.harm = 1.5, .promotion = 3, .latency = 1.3}));
  EXPECT_EQ(policy.alpha, 0.02);
  EXPECT_EQ(policy.beta, 0.1);
  EXPECT_EQ(policy.objectives.latency, std::chrono::milliseconds(300));
  EXPECT_EQ(policy.objectives.availability, 0.995);
  EXPECT_EQ(policy.unknown, UnknownRule::ask);
  EXPECT_EQ(policy.unproven_limit, 4);
  EXPECT_EQ(policy.hold, (HoldRule{.maximum = hours(2), .then = WaitRule::advance}));
  EXPECT_EQ(policy.watch, minutes(90));
  EXPECT_THAT(policy.gates, ElementsAre(ReleaseGate{.name = "tests",
                                                    .before = 1000,
                                                    .kind = GateKind::webhook,
                                                    .url = "https://ci.example.com/gate",
                                                    .secret = {.name = "ci", .key = "hmac"},
                                                    .timeout = minutes(10),
                                                    .at_timeout = WaitRule::advance},
                                        ReleaseGate{.name = "qa"}));
  EXPECT_THAT(policy.notifications,
              ElementsAre(NotificationRule{.url = "http://chat.localhost/hook",
                                           .secret = {},
                                           .of = {ReleaseNotice::rolled_back, ReleaseNotice::warning}}));
  EXPECT_EQ(policy.baseline, Baseline::fresh);
  EXPECT_EQ(policy.sticky, (StickyRule{.by = StickyRule::By::header, .header = "x-customer"}));
  EXPECT_EQ(policy.rollback_until, Weight{1000});

  // Printed, in both forms, it is read as the same.
  const Json document = release_policy_document("careful", policy);
  const auto again = parse_release_policy(document);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->policy, policy);
  const auto yaml = parse_release_policies(print_yaml(document));
  ASSERT_TRUE(yaml);
  EXPECT_EQ(yaml->front().policy, policy);
  EXPECT_EQ(yaml->front().document, document);
}

TEST(ReleasePolicyTest, the_defaults_of_each_strategy_are_printed_and_read_back) {
  for (const auto strategy :
       {ReleaseStrategy::none, ReleaseStrategy::canary, ReleaseStrategy::blue_green, ReleaseStrategy::all_at_once}) {
    const auto parsed = parse_release_policy(release_policy_document("p", default_policy(strategy)));
    ASSERT_TRUE(parsed) << testing::PrintToString(lines_of(parsed.error()));
    EXPECT_EQ(parsed->policy, default_policy(strategy));
  }
}

TEST(ReleasePolicyTest, where_it_cannot_go_back_any_more_is_read_back) {
  for (const Weight until : {default_ladder().front().weight, default_ladder().back().weight, kWholeWeight}) {
    ReleasePolicy policy = default_policy(ReleaseStrategy::canary);
    policy.rollback_until = until;
    const auto parsed = parse_release_policy(release_policy_document("p", policy));
    ASSERT_TRUE(parsed) << testing::PrintToString(lines_of(parsed.error()));
    EXPECT_EQ(parsed->policy, policy);
  }
}

TEST(ReleasePolicyTest, all_faults_are_named_at_once_with_line_and_path) {
  EXPECT_THAT(policy_faults(R"( ladder: [5%, 1%, 101%, x]
 holdback: 60%
 alpha: 0.5
 beta: 0
 unprovenlimit: 3
 watch: 2 days
 cannotKnow: maybe
 tolerance: {harm: 3, promotion: 2}
 gates:
 - {kind: webhook, url: ftp://x, before: 7%}
 - {name: A_b, url: "http://x"}
 sticky: header
 baseline: {}
)"),
              ElementsAre("line 5: spec.ladder[1]: must be more than the steps before (5%), is 1%: a ladder rises",
                          "line 5: spec.ladder[2]: must be a share from 0.01% to 99.99% in steps of 0.01%, such as "
                          "\"25%\", is \"101%\"",
                          "line 5: spec.ladder[3]: must be a share from 0.01% to 99.99% in steps of 0.01%, such as "
                          "\"25%\", is \"x\"",
                          "line 6: spec.holdback: must be a share from 0% to 50% in steps of 0.01%, such as \"25%\", "
                          "is \"60%\"",
                          "line 7: spec.alpha: must be between 0 and 0.5, both excluded, is 0.5",
                          "line 8: spec.beta: must be between 0 and 0.5, both excluded, is 0",
                          "line 9: spec.unprovenlimit: is no field that marea knows in spec; did you mean "
                          "unprovenLimit?",
                          "line 10: spec.watch: must be a time from \"0s\" to \"720h\", such as \"90s\" or \"5m\", is "
                          "\"2 days\"",
                          "line 11: spec.cannotKnow: must be one of advance, hold, ask, is \"maybe\"",
                          "line 12: spec.tolerance: promotion (2.0) must not be below harm (3.0): nothing would be "
                          "neither bad nor good",
                          "line 14: spec.gates[0].name: is missing: by which it is shown, such as qa",
                          HasSubstr("line 14: spec.gates[0].url: must be an http:// or https:// address"),
                          HasSubstr("line 14: spec.gates[0].before: must be a step of the ladder"),
                          HasSubstr("line 15: spec.gates[1].name: must consist of"),
                          "line 15: spec.gates[1].url: belongs to kind: webhook",
                          HasSubstr("line 16: spec.sticky: must be cookie, off, or header and its name"),
                          "line 17: spec.baseline: must be text, is a map"));
}

TEST(ReleasePolicyTest, a_ladder_rises_over_a_faulty_step_too) {
  EXPECT_THAT(policy_faults(" ladder: [50%, x, 10%, 60%]\n"),
              ElementsAre(HasSubstr("spec.ladder[1]: must be a share"),
                          "line 5: spec.ladder[2]: must be more than the steps before (50%), is 10%: a ladder rises"));
}

TEST(ReleasePolicyTest, times_of_a_step_fit_into_its_maximum) {
  EXPECT_THAT(policy_faults(" step: {maximum: 10s}\n"),
              ElementsAre("line 5: spec.step: the step's minimum (30s) must not exceed its maximum (10s)",
                          "line 5: spec.step: the step's warmUp (15s) must not exceed its maximum (10s)"));
  EXPECT_THAT(policy_faults(" ladder: [{weight: 5%, minimum: 3m}]\n"),
              ElementsAre("line 5: spec.ladder[0].minimum: the step's minimum (3m) must not exceed its maximum (2m)"));
}

TEST(ReleasePolicyTest, ladder_and_holdback_leave_no_more_than_there_is) {
  EXPECT_THAT(policy_faults(" holdback: 5%\n"),
              ElementsAre("line 5: spec.holdback: the ladder's last step (99%) and the holdback (5%) must not sum to "
                          "more than 100%"));
}

TEST(ReleasePolicyTest, a_ladder_belongs_to_a_canary) {
  EXPECT_THAT(
      policy_faults(" strategy: blue-green\n ladder: [5%]\n holdback: 1%\n"),
      ElementsAre("line 6: spec.ladder: has no effect with strategy: blue-green; it belongs to strategy: canary",
                  "line 7: spec.holdback: has no effect with strategy: blue-green; it belongs to strategy: "
                  "canary"));
  EXPECT_THAT(policy_faults(" ladder: []\n"), ElementsAre(HasSubstr("must have 1 to 50 steps, has 0")));
}

TEST(ReleasePolicyTest, without_a_release_nothing_else_has_an_effect) {
  const auto line = [](int number, const std::string& name) {
    return "line " + std::to_string(number) + ": spec." + name +
           ": has no effect with strategy: none: there is no release";
  };
  EXPECT_THAT(policy_faults(R"( strategy: none
 gates: [{name: qa}]
 notifications: []
 watch: 1h
 rollback: {forbiddenAfter: promotion}
 ladder: [5%]
 wach: 1h
)"),
              ElementsAre(line(6, "gates"), line(7, "notifications"), line(8, "watch"), line(9, "rollback"),
                          line(10, "ladder"), HasSubstr("line 11: spec.wach: is no field that marea knows")));
  EXPECT_EQ(policy_of(" strategy: none\n").strategy, ReleaseStrategy::none);
}

TEST(ReleasePolicyTest, a_fresh_baseline_is_said_to_have_no_effect_yet) {
  const auto parsed = parse_release_policies(
      "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: p}\nspec: {baseline: fresh}\n");
  ASSERT_TRUE(parsed);
  EXPECT_THAT(lines_of(parsed->front().notices), ElementsAre(HasSubstr("line 4: spec.baseline: has no effect yet")));
}

TEST(ReleasePolicyTest, http_is_taken_with_a_notice_unless_it_stays_nearby) {
  const auto notices = [](const std::string& url) {
    const auto parsed = parse_release_policies(
        "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: p}\nspec:\n notifications:\n - {url: \"" +
        url + "\"}\n");
    EXPECT_TRUE(parsed) << url;
    return parsed ? lines_of(parsed->front().notices) : std::vector<std::string>{};
  };
  for (const char* url : {"http://localhost:9000/hook", "http://ci.localhost/", "http://127.0.0.1/",
                          "http://10.1.2.3:80/x", "http://192.168.0.9/", "http://172.16.0.1/", "http://172.31.255.1/",
                          "http://[::1]:9000/", "http://[fd00::1]/", "https://chat.example.com/hook"}) {
    EXPECT_THAT(notices(url), IsEmpty()) << url;
  }
  for (const char* url : {"http://chat.example.com/hook", "http://8.8.8.8/", "http://172.32.0.1/", "http://172.1.0.1/",
                          "http://10.evil.com/", "http://127.0.0.1.evil.com/", "http://127.0.0.1@evil.com/",
                          "http://[2001:db8::1]/", "http://ci/"}) {
    EXPECT_THAT(notices(url), ElementsAre(HasSubstr("line 6: spec.notifications[0].url: http: everybody on the way")))
        << url;
  }
}

TEST(ReleasePolicyTest, another_object_or_a_name_of_a_strategy_is_refused) {
  const auto faults = [](std::string_view text) {
    const auto parsed = parse_release_policies(text);
    return parsed ? std::vector<std::string>{} : lines_of(parsed.error());
  };
  EXPECT_THAT(faults("apiVersion: marea.dev/v1\nkind: ReleasePolcy\n"),
              ElementsAre("line 2: kind: must be ReleasePolicy, is \"ReleasePolcy\"; did you mean ReleasePolicy?"));
  EXPECT_THAT(faults("apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: canary}\nspec: {}\n"),
              ElementsAre(HasSubstr("line 3: metadata.name: \"canary\" is the name of a strategy")));
  EXPECT_THAT(faults("apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: ''}\nspec: {}\n"),
              ElementsAre("line 3: metadata.name: must not be empty"));
  EXPECT_THAT(faults(""), ElementsAre(HasSubstr("is empty")));
  EXPECT_THAT(faults("- 1\n"), ElementsAre(HasSubstr("must be a map")));
}

TEST(ReleasePolicyTest, an_address_that_cannot_be_one_is_refused) {
  const auto faults = [](const std::string& url) {
    return policy_faults(" notifications: [{url: \"" + url + "\"}]\n gates: [{name: ci, kind: webhook, url: \"" + url +
                         "\"}]\n");
  };
  for (const char* url : {"https://:443/x", "https://host:99999/", "https://host:65536/", "https://host:0/",
                          "https://host:abc/", "https://host:/", "https://host:1x/", "https://[::1/", "https://[]/",
                          "https://[::1]x/", "https://::1/", "http://user@/x", "https://?x"}) {
    const std::string fault =
        std::string("url: must have a host and, if it has a port, one from 1 to 65535, such as ") +
        "https://ci.example.com:8443/gate, is \"" + url + "\"";
    EXPECT_THAT(faults(url), ElementsAre("line 5: spec.notifications[0]." + fault, "line 6: spec.gates[0]." + fault))
        << url;
  }
  for (const char* url : {"https://host:1/", "https://host:65535", "https://[::1]:443/x", "https://u:p@host:443/x",
                          "https://host?at=a:b"}) {
    EXPECT_THAT(faults(url), IsEmpty()) << url;
  }
  EXPECT_THAT(faults(""), ElementsAre("line 5: spec.notifications[0].url: must not be empty; write whom to ask, such "
                                      "as https://ci.example.com/gate",
                                      HasSubstr("line 6: spec.gates[0].url: must not be empty")));
}

TEST(ReleasePolicyTest, a_notification_of_nothing_is_not_one_of_everything) {
  EXPECT_THAT(policy_faults(" notifications: [{url: \"https://chat/\", of: []}]\n"),
              ElementsAre("line 5: spec.notifications[0].of: must have a word, such as rolled-back; leave it out for "
                          "all"));
}

TEST(ReleasePolicyTest, a_position_that_is_none_is_told_with_what_there_is) {
  EXPECT_THAT(policy_faults(" strategy: blue-green\n gates: [{name: qa, before: 25%}]\n"),
              ElementsAre("line 6: spec.gates[0].before: must be promotion: strategy blue-green has no steps, is "
                          "\"25%\""));
  EXPECT_THAT(policy_faults(" strategy: all-at-once\n rollback: {forbiddenAfter: 25}\n"),
              ElementsAre(HasSubstr("must be promotion: strategy all-at-once has no steps, is 25")));
  EXPECT_THAT(policy_faults(" ladder: [5%, 10%]\n gates: [{name: qa, before: 25%}, {name: b, before: []}]\n"),
              ElementsAre("line 6: spec.gates[0].before: must be a step of the ladder: 5%, 10%, or promotion, is "
                          "\"25%\"",
                          HasSubstr("spec.gates[1].before: must be a step of the ladder: 5%, 10%, or promotion, is a "
                                    "list")));
}

TEST(ReleasePolicyTest, sticky_is_off_without_quotes_too) {
  EXPECT_EQ(policy_of(" sticky: off\n").sticky.by, StickyRule::By::off);
  EXPECT_THAT(policy_faults(" sticky: on\n"), ElementsAre("line 5: spec.sticky: must be text, is a boolean; YAML reads "
                                                          "yes, no, on, off, y and n as that: write the word in "
                                                          "quotes"));
}

TEST(ReleasePolicyTest, shares_are_read_and_printed_in_hundredths_of_a_percent) {
  EXPECT_EQ(parse_weight("25%"), Weight{2500});
  EXPECT_EQ(parse_weight("0.25"), Weight{25});
  EXPECT_EQ(parse_weight("100%"), kWholeWeight);
  EXPECT_EQ(parse_weight("12.50"), Weight{1250});
  for (const char* text : {"", "%", "-1", "100.01", "1.", ".5", "0.125", "1e1", " 5", "1234"}) {
    EXPECT_EQ(parse_weight(text), std::nullopt) << text;
  }
  for (Weight weight = 0; weight <= kWholeWeight; ++weight) EXPECT_EQ(parse_weight(print_weight(weight)), weight);
}

TEST(ReleasePolicyTest, as_a_number_a_weight_is_whole_where_it_can_be_and_exact_else) {
  EXPECT_EQ(weight_number(2500).dump(), "25");
  EXPECT_EQ(weight_number(25).dump(), "0.25");
  EXPECT_EQ(weight_of_number(Json(33.0)), Weight{3300});
  for (const char* number : {"0.001", "100.01", "-1", "1e300", "\"1\"", "true"}) {
    EXPECT_EQ(weight_of_number(Json::parse(number)), std::nullopt) << number;
  }
  for (Weight weight = 0; weight <= kWholeWeight; ++weight) {
    EXPECT_EQ(weight_number(weight).dump() + "%", print_weight(weight));
    EXPECT_EQ(weight_of_number(weight_number(weight)), weight);
  }
}

TEST(ReleasePolicyTest, times_are_printed_in_the_units_in_which_they_are_read) {
  EXPECT_EQ(print_duration(seconds(0)), "0s");
  EXPECT_EQ(print_duration(hours(24)), "24h");
  EXPECT_EQ(print_duration(minutes(90) + std::chrono::milliseconds(5)), "1h30m5ms");
}

}  // namespace
}  // namespace marea::model
