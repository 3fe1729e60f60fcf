#include "control/planner.h"

#include <gtest/gtest.h>

#include <deque>

namespace marea::control {
namespace {

using model::Reason;
using store::RevisionResult;

// One service with revisions r1, r2, … and the words to describe what is known of them.
class World {
 public:
  explicit World(std::vector<model::TrafficTarget> traffic = {{.latest = true, .weight = 10'000}}) {
    service_.name = base::ServiceName("hola");
    service_.hosts = {"hola.localhost"};
    service_.traffic = std::move(traffic);
    revisions_.reserve(8);
  }
  RevisionFacts& add(RevisionResult result, int min_scale = 0) {
    const std::string number = std::to_string(revisions_.size() + 1);
    model::Revision revision{.name = base::RevisionName("r" + number), .service = service_.name};
    revision.image.digest = "sha256:" + number;
    revision.spec.min_scale = min_scale;
    revision.spec.max_scale = 10;
    revisions_.push_back(revision);
    facts_.push_back({.revision = &revisions_.back(), .result = result});
    return facts_.back();
  }
  ServiceOutcome plan() const {
    return plan_service({.service = &service_,
                         .deleting = deleting_,
                         .revisions = {facts_.begin(), facts_.end()},
                         .release = release_,
                         .experiment = experiment_});
  }
  // Of the revisions of these numbers.
  void set_release(int stable, int canary, std::uint32_t weight, bool over = false) {
    release_ = ReleaseFacts{.route = {.id = "x",
                                      .stable = base::RevisionName("r" + std::to_string(stable)),
                                      .canary = base::RevisionName("r" + std::to_string(canary)),
                                      .weight = weight},
                            .over = over,
                            .warm = !over};
  }
  // Half of the users each; who calls /beta gets the second.
  void set_experiment(int one, int other) {
    const auto name = [](int number) { return base::RevisionName("r" + std::to_string(number)); };
    experiment_ = ExperimentFacts{
        .route = {.id = "e",
                  .arms = {{.revision = name(one), .weight = 5000}, {.revision = name(other), .weight = 5000}}},
        .rules = {{.name = "e/beta", .conditions = {{.values = {"/beta"}}}, .revision = name(other), .arm = 1}}};
  }
  void set_deleting() { deleting_ = true; }
  void add_rule(model::MatchTarget target, const std::string& to) {
    service_.match_rules.push_back({.name = {}, .conditions = {{.values = {"/"}}}, .target = target, .to = to});
  }

 private:
  model::Service service_;
  std::vector<model::Revision> revisions_;
  std::deque<RevisionFacts> facts_;
  bool deleting_ = false;
  std::optional<ReleaseFacts> release_;
  std::optional<ExperimentFacts> experiment_;
};

std::string text(const ServiceOutcome& outcome) {
  std::string out = outcome.route ? "route:" : "no route:";
  if (outcome.route) {
    for (const auto& share : outcome.route->shares)
      out += " " + share.revision.str() + "=" + std::to_string(share.weight);
    if (!outcome.route->unready.empty()) out += " (" + outcome.route->unready + ")";
  }
  out += "; plan:";
  for (const auto& plan : outcome.plans) {
    out += " " + plan.revision.name.str() + "[" + std::to_string(plan.min) + ".." + std::to_string(plan.max) +
           " want " + std::to_string(plan.wanted) + "]" + std::string(to_string(plan.reason));
  }
  return out;
}

TEST(Planner, a_revision_is_checked_with_its_initial_scale_within_its_maximum) {
  model::Template spec;
  EXPECT_EQ(wanted_for_check(spec), 1);
  spec.initial_scale = 3;
  EXPECT_EQ(wanted_for_check(spec), 3);
  spec.max_scale = 2;
  EXPECT_EQ(wanted_for_check(spec), 2);
}

TEST(Planner, a_first_revision_that_is_being_checked_is_wanted_once_and_gets_no_traffic) {
  World world;
  world.add(RevisionResult::pending).checking = true;
  EXPECT_EQ(text(world.plan()), "route: (r1 is being deployed); plan: r1[0..10 want 1]DeployCheck");
  EXPECT_EQ(world.plan().revision_routes.at(0).name.str(), "r1");
}

TEST(Planner, a_revision_whose_image_is_not_ready_is_not_planned) {
  World world;
  world.add(RevisionResult::pending);
  EXPECT_EQ(text(world.plan()), "route: (r1 is being deployed); plan:");
}

TEST(Planner, a_ready_revision_has_all_traffic_and_its_bounds) {
  World world;
  world.add(RevisionResult::ready, 2);
  EXPECT_EQ(text(world.plan()), "route: r1=10000; plan: r1[2..10 want 2]MinScale");
}

TEST(Planner, the_old_revision_keeps_everything_while_the_new_one_is_checked) {
  World world;
  world.add(RevisionResult::ready).routed = true;
  world.add(RevisionResult::pending).checking = true;
  EXPECT_EQ(text(world.plan()), "route: r1=10000; plan: r1[0..10 want 0] r2[0..10 want 1]DeployCheck");
  EXPECT_TRUE(world.plan().lost.empty());
}

TEST(Planner, a_failed_revision_is_dropped_and_the_old_one_serves_on) {
  World world;
  world.add(RevisionResult::ready).routed = true;
  RevisionFacts& failed = world.add(RevisionResult::failed);
  failed.reason = Reason::port_mismatch;
  EXPECT_EQ(text(world.plan()), "route: r1=10000; plan: r1[0..10 want 0]");
  failed.live = 1;
  EXPECT_EQ(text(world.plan()), "route: r1=10000; plan: r1[0..10 want 0] r2[0..0 want 0]RevisionRetired");
}

TEST(Planner, a_revision_that_only_a_tag_names_is_kept_without_a_share) {
  World world({{.revision = "r1", .tag = "old"}, {.latest = true, .weight = 10'000}, {.latest = true, .tag = "new"}});
  world.add(RevisionResult::ready, 1).routed = true;
  world.add(RevisionResult::ready).routed = true;
  EXPECT_EQ(text(world.plan()), "route: r1=0 r2=10000; plan: r1[1..10 want 1]MinScale r2[0..10 want 0]");
  EXPECT_TRUE(world.plan().lost.empty());
  EXPECT_EQ(world.plan().route->tags,
            (std::vector<model::TagRoute>{{"old---hola.localhost", base::RevisionName("r1")},
                                          {"new---hola.localhost", base::RevisionName("r2")}}));
}

TEST(Planner, a_tag_whose_revision_is_not_ready_has_a_host_and_no_revision) {
  World world({{.latest = true, .weight = 10'000}, {.revision = "r2", .tag = "next"}});
  world.add(RevisionResult::ready).routed = true;
  world.add(RevisionResult::pending).checking = true;
  EXPECT_EQ(text(world.plan()), "route: r1=10000; plan: r1[0..10 want 0] r2[0..10 want 1]DeployCheck");
  EXPECT_EQ(world.plan().route->tags, (std::vector<model::TagRoute>{{"next---hola.localhost", {}}}));
}

// "revision" or "arm", in order.
std::string rules_in(const ServiceOutcome& outcome) {
  std::string out;
  for (const model::RouteRule& rule : outcome.route->rules) {
    const bool revision = rule.target == model::MatchTarget::revision;
    out += (out.empty() ? "" : " ") + (revision                                    ? rule.revision.str()
                                       : rule.target == model::MatchTarget::canary ? "canary"
                                                                                   : "stable");
  }
  return out;
}

TEST(Planner, rules_lead_to_ready_revisions_which_are_kept_for_them) {
  World world({{.revision = "r2", .weight = 10'000}, {.latest = true, .weight = 0, .tag = "next"}});
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  world.add(RevisionResult::failed);
  world.add_rule(model::MatchTarget::revision, "r1");
  world.add_rule(model::MatchTarget::revision, "r4");
  world.add_rule(model::MatchTarget::tag, "next");
  world.add_rule(model::MatchTarget::tag, "gone");
  world.add_rule(model::MatchTarget::canary, "");
  world.add_rule(model::MatchTarget::stable, "");
  const ServiceOutcome outcome = world.plan();
  EXPECT_EQ(rules_in(outcome), "r1 r3 canary stable");
  EXPECT_EQ(outcome.unmet, std::vector<std::string>{"r4"});
  EXPECT_EQ(text(outcome), "route: r2=10000 r3=0 r1=0; plan: r1[0..10 want 0] r2[0..10 want 0] r3[0..10 want 0]");
}

TEST(Planner, callers_of_a_service_without_ready_revision_are_told_the_reason) {
  World world;
  world.add(RevisionResult::failed).reason = Reason::port_mismatch;
  EXPECT_EQ(text(world.plan()), "route: (r1 is not ready: PortMismatch); plan:");
}

// The seam of a deploy, step by step: no moment has a revision with traffic and without a grant.
TEST(Planner, a_revision_keeps_its_grant_from_losing_its_share_until_the_router_let_go) {
  World world;
  RevisionFacts& old = world.add(RevisionResult::ready, 1);
  old.routed = true;
  old.live = 1;
  RevisionFacts& next = world.add(RevisionResult::pending, 1);
  next.checking = true;
  EXPECT_EQ(text(world.plan()), "route: r1=10000; plan: r1[1..10 want 1]MinScale r2[0..10 want 1]DeployCheck");
  next.checking = false;
  next.result = RevisionResult::ready;
  next.live = 1;
  const ServiceOutcome moved = world.plan();
  EXPECT_EQ(text(moved), "route: r2=10000; plan: r1[0..10 want 0] r2[1..10 want 1]MinScale");
  EXPECT_EQ(moved.lost, std::vector{base::RevisionName("r1")});
  old.routed = false;
  old.releasing = true;
  next.routed = true;
  EXPECT_EQ(text(world.plan()), "route: r2=10000; plan: r1[0..10 want 0] r2[1..10 want 1]MinScale");
  EXPECT_TRUE(world.plan().lost.empty());
  old.releasing = false;
  const ServiceOutcome draining = world.plan();
  EXPECT_EQ(text(draining), "route: r2=10000; plan: r1[0..0 want 0]RevisionRetired r2[1..10 want 1]MinScale");
  EXPECT_EQ(draining.revision_routes.size(), 2U) << "the router finishes the requests of a draining revision";
  old.live = 0;
  EXPECT_EQ(text(world.plan()), "route: r2=10000; plan: r2[1..10 want 1]MinScale");
}

TEST(Planner, named_targets_share_the_traffic_as_written) {
  World world({{.revision = "r1", .weight = 9000}, {.latest = true, .weight = 1000}, {.revision = "r1", .tag = "old"}});
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  EXPECT_EQ(text(world.plan()), "route: r1=9000 r2=1000; plan: r1[0..10 want 0] r2[0..10 want 0]");
  EXPECT_TRUE(world.plan().unmet.empty());
}

TEST(Planner, a_share_may_be_a_fraction_of_a_percent) {
  World world({{.revision = "r1", .weight = 9975}, {.latest = true, .weight = 25}});
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  EXPECT_EQ(text(world.plan()), "route: r1=9975 r2=25; plan: r1[0..10 want 0] r2[0..10 want 0]");
}

TEST(Planner, two_targets_that_lead_to_one_revision_are_one_share) {
  World world({{.revision = "r1", .weight = 4000}, {.latest = true, .weight = 6000}});
  world.add(RevisionResult::ready);
  EXPECT_EQ(text(world.plan()), "route: r1=10000; plan: r1[0..10 want 0]");
}

TEST(Planner, the_share_of_a_target_that_is_not_ready_goes_to_the_others) {
  World world(
      {{.revision = "r1", .weight = 6000}, {.revision = "r2", .weight = 3000}, {.revision = "r3", .weight = 1000}});
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  world.add(RevisionResult::failed);
  EXPECT_EQ(text(world.plan()), "route: r1=6667 r2=3333; plan: r1[0..10 want 0] r2[0..10 want 0]");
  EXPECT_EQ(world.plan().unmet, std::vector<std::string>{"r3"});
}

TEST(Planner, when_no_target_is_ready_the_latest_ready_revision_serves) {
  World world({{.revision = "gone", .weight = 10'000}});
  world.add(RevisionResult::ready);
  EXPECT_EQ(text(world.plan()), "route: r1=10000; plan: r1[0..10 want 0]");
  EXPECT_EQ(world.plan().unmet, std::vector<std::string>{"gone"});
}

TEST(Planner, a_new_revision_without_traffic_is_drained_after_its_check) {
  World world({{.revision = "r1", .weight = 10'000}});
  world.add(RevisionResult::ready).routed = true;
  RevisionFacts& next = world.add(RevisionResult::ready);
  next.live = 1;
  EXPECT_EQ(text(world.plan()), "route: r1=10000; plan: r1[0..10 want 0] r2[0..0 want 0]RevisionRetired");
}

TEST(Planner, deleting_takes_the_routes_first_and_the_plan_when_the_router_let_go) {
  World world;
  RevisionFacts& revision = world.add(RevisionResult::ready, 1);
  RevisionFacts& checked = world.add(RevisionResult::pending);
  checked.checking = true;
  revision.routed = true;
  revision.live = 1;
  world.set_deleting();
  EXPECT_EQ(text(world.plan()), "no route:; plan: r1[0..10 want 0]");
  EXPECT_EQ(world.plan().lost.size(), 1U);
  revision.routed = false;
  EXPECT_EQ(text(world.plan()), "no route:; plan: r1[0..0 want 0]RevisionRetired");
  revision.live = 0;
  EXPECT_EQ(text(world.plan()), "no route:; plan:");
}

TEST(Weights, scaling_keeps_the_sum_exact_and_the_order) {
  EXPECT_EQ(scaled_weights({1, 1, 1}), (std::vector<std::uint32_t>{3334, 3333, 3333}));
  EXPECT_EQ(scaled_weights({0, 0}), (std::vector<std::uint32_t>{0, 0}));
  EXPECT_EQ(scaled_weights({}), std::vector<std::uint32_t>{});
  for (std::uint32_t a = 1; a < 60; ++a) {
    const auto weights = scaled_weights({a, 17, 5 * a, 1});
    EXPECT_EQ(weights[0] + weights[1] + weights[2] + weights[3], 10'000U) << a;
  }
}

std::string shares(const ServiceOutcome& outcome) {
  std::string out;
  for (const auto& share : outcome.route->shares) {
    out += (out.empty() ? "" : " ") + share.revision.str() + "=" + std::to_string(share.weight);
  }
  return out + (outcome.route->release ? " divided" : "");
}

TEST(Planner, a_release_divides_what_the_latest_revision_gets) {
  World world;
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  EXPECT_EQ(shares(world.plan()), "r2=10000");
  world.set_release(1, 2, 0);
  EXPECT_EQ(shares(world.plan()), "r1=10000 r2=0");  // it is kept ready for its first step
  world.set_release(1, 2, 500);
  EXPECT_EQ(shares(world.plan()), "r1=9500 r2=500 divided");
  EXPECT_EQ(world.plan().route->release->weight, 500U);
  world.set_release(1, 2, 10'000);
  EXPECT_EQ(shares(world.plan()), "r1=0 r2=10000");  // watched without holdback: stable is kept
}

// "r1[1..10] r2[0..10]", and the minimum that router knows.
std::string minimums(const ServiceOutcome& outcome) {
  std::string out;
  for (std::size_t i = 0; i < outcome.plans.size(); ++i) {
    const model::RevisionPlan& plan = outcome.plans[i];
    EXPECT_EQ(plan.min, plan.wanted);
    EXPECT_EQ(plan.min, outcome.revision_routes.at(i).min_scale) << "else router would let it go";
    out += (out.empty() ? "" : " ") + plan.revision.name.str() + "[" + std::to_string(plan.min) + ".." +
           std::to_string(plan.max) + "]";
  }
  return out;
}

TEST(Planner, stable_is_kept_warm_while_its_release_runs_whatever_it_has) {
  World world;
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  for (const model::Weight weight : {0U, 100U, 9900U, 10'000U}) {
    world.set_release(1, 2, weight);
    EXPECT_EQ(minimums(world.plan()), "r1[1..10] r2[0..10]") << weight;
  }
  world.set_release(1, 2, 0, true);
  EXPECT_EQ(minimums(world.plan()), "r1[0..10]") << "rolled back: it serves as any other does";
  world.set_release(1, 2, 10'000, true);
  EXPECT_EQ(minimums(world.plan()), "r2[0..10]");
}

TEST(Planner, a_minimum_of_its_own_is_stables_own) {
  World world;
  world.add(RevisionResult::ready, 3);
  world.add(RevisionResult::ready, 2);
  world.set_release(1, 2, 10'000);
  EXPECT_EQ(minimums(world.plan()), "r1[3..10] r2[2..10]");
}

TEST(Planner, an_experiment_gives_its_arms_what_they_weigh_and_keeps_who_has_the_traffic_otherwise) {
  World world;
  for (int i = 0; i < 3; ++i) world.add(RevisionResult::ready);
  world.add_rule(model::MatchTarget::revision, "r1");
  world.set_experiment(1, 2);
  const ServiceOutcome outcome = world.plan();
  EXPECT_EQ(shares(outcome), "r3=0 r1=5000 r2=5000");
  ASSERT_TRUE(outcome.route->experiment);
  ASSERT_EQ(outcome.route->rules.size(), 2U);
  EXPECT_EQ(outcome.route->rules[0].arm, -1) << "the service's own rules come first";
  EXPECT_EQ(outcome.route->rules[1].arm, 1);
  EXPECT_EQ(minimums(outcome), "r1[1..10] r2[1..10] r3[0..10]") << "nobody waits for an arm to start";
  ASSERT_EQ(outcome.by_traffic.size(), 2U);
  EXPECT_EQ(outcome.by_traffic[0].revision.str(), "r3") << "what was there before is what a deploy goes on from";
}

TEST(Planner, a_rule_that_names_an_arm_holds_before_the_first_step_and_after_the_promotion) {
  World world;
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  world.add_rule(model::MatchTarget::canary, "");
  world.add_rule(model::MatchTarget::stable, "");
  const auto revisions = [&] {
    std::string out;
    const ServiceOutcome outcome = world.plan();
    for (const model::RouteRule& rule : outcome.route->rules) out += rule.revision.str() + ",";
    return out;
  };
  for (const std::uint32_t weight : {0U, 10'000U}) {
    world.set_release(1, 2, weight);
    EXPECT_EQ(revisions(), "r2,r1,") << weight;
  }
  world.set_release(1, 2, 500);
  EXPECT_EQ(revisions(), ",,") << "router divides, and knows them";
  world.set_release(1, 2, 10'000, true);
  EXPECT_EQ(revisions(), ",,") << "the release is over: there are no arms";
}

TEST(Planner, an_experiment_gives_way_to_a_release_and_to_an_arm_that_is_not_ready) {
  World world;
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  world.set_experiment(1, 2);
  world.set_release(1, 2, 500);
  EXPECT_EQ(shares(world.plan()), "r1=9500 r2=500 divided");
  EXPECT_FALSE(world.plan().route->experiment);
  EXPECT_TRUE(world.plan().route->rules.empty());
  world.set_release(1, 2, 10'000, true);
  EXPECT_EQ(shares(world.plan()), "r2=5000 r1=5000") << "one that is over holds nothing up";
  world.set_experiment(1, 7);
  EXPECT_FALSE(world.plan().route->experiment);
  EXPECT_EQ(shares(world.plan()), "r2=10000");
}

TEST(Planner, a_release_that_is_over_keeps_only_who_has_a_share) {
  World world;
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  world.set_release(1, 2, 0, true);
  EXPECT_EQ(shares(world.plan()), "r1=10000");  // rolled back
  world.set_release(1, 2, 10'000, true);
  EXPECT_EQ(shares(world.plan()), "r2=10000");
  world.set_release(1, 2, 2500, true);
  EXPECT_EQ(shares(world.plan()), "r1=7500 r2=2500 divided")
      << "it ended where a rollback was forbidden: users keep their arm";
}

TEST(Planner, a_release_of_another_revision_or_without_its_stable_one_has_no_effect) {
  World world;
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  world.add(RevisionResult::ready);
  world.set_release(1, 2, 500);
  EXPECT_EQ(shares(world.plan()), "r3=10000");
  world.set_release(7, 3, 500);
  EXPECT_EQ(shares(world.plan()), "r3=10000");
  world.add(RevisionResult::pending).checking = true;
  world.set_release(2, 3, 500);  // of the newest ready one, while a newer is checked
  EXPECT_EQ(shares(world.plan()), "r2=9500 r3=500 divided");
}

TEST(Planner, beside_others_that_are_named_the_latest_revision_is_meant_as_it_is_said) {
  World world({{.revision = "r1", .weight = 6000}, {.latest = true, .weight = 4000}});
  for (int i = 0; i < 3; ++i) world.add(RevisionResult::ready);
  world.set_release(2, 3, 2500);
  EXPECT_EQ(shares(world.plan()), "r1=6000 r3=4000");
}

TEST(Planner, several_targets_of_the_latest_revision_are_divided_once) {
  World world({{.latest = true, .weight = 3300},
               {.latest = true, .weight = 3300, .tag = "a"},
               {.latest = true, .weight = 3400}});
  for (int i = 0; i < 2; ++i) world.add(RevisionResult::ready);
  world.set_release(1, 2, 2525);
  EXPECT_EQ(shares(world.plan()), "r1=7475 r2=2525 divided");
}

}  // namespace
}  // namespace marea::control
