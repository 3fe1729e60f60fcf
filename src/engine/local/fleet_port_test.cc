#include "engine/local/fleet_port.h"

#include <gtest/gtest.h>

namespace marea::engine::local {
namespace {

using Sockets = std::vector<model::ListeningSocket>;

model::Container container(std::uint16_t port, std::uint16_t probe_port = 0) {
  model::Container out;
  out.port = port;
  out.startup.port = probe_port;
  return out;
}

TEST(FleetPort, an_app_is_reached_on_every_address_that_127_0_0_1_leads_to) {
  struct Row {
    Sockets sockets;
    PortFinding finding;
  };
  const Row rows[] = {
      {{}, PortFinding::silent},
      {{{"0.0.0.0", 8080}}, PortFinding::reachable},
      {{{"127.0.0.1", 8080}}, PortFinding::reachable},
      {{{"::", 8080}}, PortFinding::reachable},
      {{{"::1", 8080}}, PortFinding::elsewhere},
      {{{"127.0.0.2", 8080}}, PortFinding::elsewhere},
      {{{"0.0.0.0", 3000}}, PortFinding::elsewhere},
      {{{"0.0.0.0", 3000}, {"0.0.0.0", 8080}}, PortFinding::reachable},
  };
  for (const Row& row : rows) {
    const std::string where = row.sockets.empty() ? "nowhere" : row.sockets.front().address;
    EXPECT_EQ(judge_ports(8080, row.sockets), row.finding) << where;
  }
}

TEST(FleetPort, the_startup_probes_port_shows_readiness_where_there_is_one) {
  EXPECT_EQ(expected_port(container(8080)), 8080);
  EXPECT_EQ(expected_port(container(8080, 9000)), 9000);
}

TEST(FleetPort, a_mismatch_names_what_was_found_and_the_exact_setting) {
  EXPECT_EQ(describe_mismatch(container(8080), {{"0.0.0.0", 3000}}),
            "the app listens on 0.0.0.0:3000, not on port 8080: set containerPort: 3000, or make the app listen on the "
            "port in $PORT");
  EXPECT_EQ(describe_mismatch(container(8080), {{"::1", 8080}}),
            "the app listens on [::1]:8080, where 127.0.0.1:8080 does not reach it: make it listen on 0.0.0.0");
  EXPECT_EQ(describe_mismatch(container(8080), {{"::1", 3000}}),
            "the app listens on [::1]:3000, not on port 8080: make it listen on 0.0.0.0 and the port in $PORT");
  EXPECT_EQ(describe_mismatch(container(8080, 9000), {{"::", 8080}}),
            "the app listens on [::]:8080, not on port 9000: set the startupProbe's port: 8080");
}

TEST(FleetPort, a_mismatch_stays_one_line_for_an_app_with_many_ports) {
  Sockets sockets;
  for (std::uint16_t port = 1; port <= 7; ++port) sockets.push_back({"::1", port});
  EXPECT_EQ(
      describe_mismatch(container(8080), sockets),
      "the app listens on [::1]:1, [::1]:2, [::1]:3, [::1]:4, [::1]:5 and 2 more, not on port 8080: make it listen "
      "on 0.0.0.0 and the port in $PORT");
}

}  // namespace
}  // namespace marea::engine::local
