#include "router/stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "base/clock.h"

namespace marea::router {
namespace {

struct Noting final : net::Watcher {
  explicit Noting(Stream& watched) : stream(watched) {}
  void on_ready(std::uint32_t events) override { stream.note(events); }
  Stream& stream;
};

struct StreamWorld : testing::Test {
  StreamWorld() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    peer = base::Fd(ends[1]);
    EXPECT_TRUE(stream.open(base::Fd(ends[0]), noting));
  }
  ~StreamWorld() override { stream.close(noting); }

  base::SystemClock clock;
  net::Loop loop{clock};
  OwnCount held;
  BlockPool pool{held};
  Stream stream{loop, pool};
  Noting noting{stream};
  base::Fd peer;
};

TEST_F(StreamWorld, tells_of_what_came_before_its_event_did) {
  EXPECT_FALSE(stream.something_came());
  ASSERT_EQ(::send(peer.get(), "GET", 3, 0), 3);
  EXPECT_FALSE(stream.fill()) << "no event yet";
  EXPECT_TRUE(stream.something_came());
  loop.turn({});
  EXPECT_TRUE(stream.fill());
  EXPECT_EQ(stream.in().view(), "GET") << "looking took nothing";
  EXPECT_FALSE(stream.something_came());
}

TEST_F(StreamWorld, an_end_is_nothing_that_came) {
  peer.reset();
  EXPECT_FALSE(stream.something_came());
}

}  // namespace
}  // namespace marea::router
