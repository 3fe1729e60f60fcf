#include "router/route_table.h"

#include <gmock/gmock.h>

#include <string>

namespace marea::router {
namespace {

model::Routes routes_of(model::ServiceRoute service) {
  model::Routes routes;
  service.name = base::ServiceName("r");
  service.hosts = {"r.localhost"};
  routes.services.push_back(std::move(service));
  for (const char* name : {"r-1", "r-2", "r-3"}) routes.revisions.push_back({.name = base::RevisionName(name)});
  return routes;
}

std::shared_ptr<Revision> live(const model::RevisionRoute& route) {
  return std::make_shared<Revision>(route.name, route.service);
}

model::ReleaseRoute release_of(std::uint32_t weight = 500) {
  return {.id = "r-2.1",
          .salt = "salt",
          .stable = base::RevisionName("r-1"),
          .canary = base::RevisionName("r-2"),
          .weight = weight};
}

model::RouteRule rule_to(const std::string& revision, const std::string& path = "/x") {
  return {.name = {},
          .conditions = {{.subject = model::MatchSubject::path, .values = {path}}},
          .revision = base::RevisionName(revision)};
}

TEST(RouteTable, without_rules_and_release_there_is_one_pointer_to_read) {
  const RouteTable table(routes_of({.shares = {{base::RevisionName("r-1"), 10'000}}}), live);
  EXPECT_EQ(table.find("r.localhost")->steering, nullptr);
}

TEST(RouteTable, a_release_has_both_arms_and_its_seat) {
  const base::Instant zero{std::chrono::seconds(7)};
  const auto seat = [&](const model::ReleaseRoute& release) {
    EXPECT_EQ(release.id, "r-2.1");
    return RouteTable::ReleaseSeat{.number = 3, .zero = zero};
  };
  const RouteTable table(routes_of({.release = release_of()}), live, {.of_release = seat, .of_experiment = {}});
  const RouteTable::ServiceEntry& service = *table.find("r.localhost");
  ASSERT_TRUE(service.steering);
  const RouteTable::Release& release = *service.steering->release;
  EXPECT_EQ(release.stable->live->name().str(), "r-1");
  EXPECT_EQ(release.canary->live->name().str(), "r-2");
  EXPECT_EQ(release.split.bucket("k"), decide::Split("salt").bucket("k"));
  EXPECT_EQ(release.seat.number, 3U);
  EXPECT_EQ(release.seat.zero, zero);
}

TEST(RouteTable, a_release_that_lacks_an_arm_is_none_and_the_shares_decide) {
  for (const bool stable : {false, true}) {
    model::ReleaseRoute release = release_of();
    (stable ? release.stable : release.canary) = base::RevisionName("r-9");
    const RouteTable table(routes_of({.shares = {{base::RevisionName("r-3"), 10'000}}, .release = std::move(release)}),
                           live);
    const auto* steering = table.find("r.localhost")->steering.get();
    ASSERT_NE(steering, nullptr);
    EXPECT_FALSE(steering->release);
    EXPECT_TRUE(steering->key_cookie) << "the app does not get it meanwhile";
  }
}

TEST(RouteTable, a_rule_to_a_revision_with_session_affinity_makes_its_service_one_with_it) {
  const auto affine = [](const std::string& target) {
    const RouteTable::Live marked = [](const model::RevisionRoute& route) {
      auto revision = live(route);
      if (route.name.str() == "r-2") revision->set_affinity(7);
      return revision;
    };
    const RouteTable table(routes_of({.shares = {{base::RevisionName("r-1"), 10'000}}, .rules = {rule_to(target)}}),
                           marked);
    return table.find("r.localhost")->affine;
  };
  EXPECT_TRUE(affine("r-2"));
  EXPECT_FALSE(affine("r-1"));
}

TEST(RouteTable, a_tag_host_is_no_part_of_a_release) {
  const RouteTable table(routes_of({.tags = {{.host = "t---r.localhost", .revision = base::RevisionName("r-2")}},
                                    .release = release_of()}),
                         live);
  EXPECT_EQ(table.find("t---r.localhost")->steering, nullptr);
}

TEST(RouteTable, rules_lead_to_revisions_and_arms_and_are_passed_over_where_these_are_not) {
  model::RouteRule canary = rule_to("");
  canary.target = model::MatchTarget::canary;
  model::RouteRule tag = rule_to("");
  tag.target = model::MatchTarget::tag;
  const auto targets = [&](std::optional<model::ReleaseRoute> release) {
    const RouteTable table(
        routes_of({.rules = {rule_to("r-3"), rule_to("r-9"), canary, tag}, .release = std::move(release)}), live);
    std::vector<std::string> out;
    for (const auto* each : table.find("r.localhost")->steering->targets) {
      out.push_back(each == nullptr ? "" : each->live->name().str());
    }
    return out;
  };
  EXPECT_THAT(targets(std::nullopt), testing::ElementsAre("r-3", "", "", ""));
  EXPECT_THAT(targets(release_of()), testing::ElementsAre("r-3", "", "r-2", ""));
}

TEST(RouteTable, compiled_rules_go_from_table_to_table_while_they_are_the_same) {
  const auto rules_in = [](const RouteTable& table) { return table.find("r.localhost")->steering->rules; };
  const RouteTable first(routes_of({.rules = {rule_to("r-1")}}), live);
  const RouteTable second(routes_of({.rules = {rule_to("r-1")}, .release = release_of()}), live, {}, &first);
  EXPECT_EQ(rules_in(first), rules_in(second));
  const RouteTable third(routes_of({.rules = {rule_to("r-1", "/y")}}), live, {}, &second);
  EXPECT_NE(rules_in(second), rules_in(third));
}

}  // namespace
}  // namespace marea::router
