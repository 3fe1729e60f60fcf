#include "control/router_port.h"

#include <gtest/gtest.h>

#include <vector>

namespace marea::control {
namespace {

// A router that tells of a release, and what it hears.
class RouterPortTest : public testing::Test {
 protected:
  using RouterEnd = net::Link<net::RouterToControl, net::ControlToRouter>;
  void connect(RouterPort& port) {
    auto pair = *net::make_socket_pair();
    port.connect(std::move(pair.first));
    router = std::make_unique<RouterEnd>(
        loop, std::move(pair.second),
        RouterEnd::Events{.on_message =
                              [this](net::ControlToRouter message, std::vector<base::Fd>) {
                                if (const auto* one = std::get_if<net::msg::ReleaseCountsSeen>(&message)) {
                                  seen.push_back(one->release + " " + std::to_string(one->closed));
                                }
                              },
                          .on_closed = [](const std::string&) {}});
    router->send(model::ReleaseCounts{.release = "r.1", .closed = 7});
    turn();
  }
  void turn() {
    for (int i = 0; i < 10; ++i) loop.turn(base::Duration{0});
  }

  base::ManualClock clock;
  net::Loop loop{clock};
  std::unique_ptr<RouterEnd> router;
  std::vector<std::string> seen;
};

TEST_F(RouterPortTest, counts_that_nobody_wants_are_acknowledged) {
  RouterPort port(loop, 0, {});
  connect(port);
  EXPECT_EQ(seen, std::vector<std::string>{"r.1 7"});
}

TEST_F(RouterPortTest, who_wants_counts_acknowledges_them_himself) {
  std::vector<std::uint64_t> counts;
  RouterPort port(loop, 0,
                  {.on_release_counts = [&](const model::ReleaseCounts& told) { counts.push_back(told.closed); }});
  connect(port);
  EXPECT_EQ(counts, std::vector<std::uint64_t>{7});
  EXPECT_TRUE(seen.empty());
  port.acknowledge("r.1", 7);
  turn();
  EXPECT_EQ(seen, std::vector<std::string>{"r.1 7"});
}

}  // namespace
}  // namespace marea::control
