#include "engine/local/network_egress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::engine::local {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr Ipv4 address(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

EgressPlan plan(std::vector<Ipv4> servers) {
  return {.table = "marea_t", .prefix = "mvt", .first = address(198, 18, 0, 0), .resolvers = {std::move(servers), {}}};
}

TEST(NetworkEgress, resolvers_are_read_with_their_options) {
  const Resolvers resolvers = parse_resolvers(
      "# comment\nnameserver 10.0.0.2\nnameserver fd00::1\nnameserver bad\nsearch lan\noptions ndots:1\nsortlist x\n");
  EXPECT_THAT(resolvers.servers, ElementsAre(address(10, 0, 0, 2)));
  EXPECT_THAT(resolvers.other_lines, ElementsAre("search lan", "options ndots:1"));
}

TEST(NetworkEgress, each_slot_has_two_addresses_of_its_own) {
  const EgressPlan egress = plan({});
  EXPECT_EQ(to_text(egress.machine_address(0)), "198.18.0.0");
  EXPECT_EQ(to_text(egress.sandbox_address(0)), "198.18.0.1");
  EXPECT_EQ(to_text(egress.machine_address(200)), "198.18.1.144");
  EXPECT_EQ(egress.device(2999).size(), 7U);
}

TEST(NetworkEgress, the_rules_let_only_dns_into_closed_ranges) {
  const std::string rules = egress_rules(plan({address(10, 0, 0, 2)}));
  EXPECT_THAT(rules, HasSubstr("elements = { 10.0.0.2 }"));
  EXPECT_THAT(rules, HasSubstr("169.254.0.0/16"));
  EXPECT_THAT(rules, Not(HasSubstr("dnat ip to")));
}

TEST(NetworkEgress, a_resolver_on_the_machines_loopback_is_reached_through_the_machines_end) {
  const EgressPlan egress = plan({address(127, 0, 0, 53)});
  EXPECT_THAT(egress_rules(egress), HasSubstr("dnat ip to 127.0.0.53"));
  EXPECT_THAT(egress_rules(egress), Not(HasSubstr("elements = { 127")));
  EXPECT_EQ(resolver_file(egress, model::Egress::internet, 3), "nameserver 198.18.0.6\n");
}

TEST(NetworkEgress, without_a_way_out_there_is_no_resolver) {
  EXPECT_THAT(resolver_file(plan({address(10, 0, 0, 2)}), model::Egress::none, 0), Not(HasSubstr("nameserver")));
}

}  // namespace
}  // namespace marea::engine::local
